import Glibc
import OperatingSystem

/// Capture files made by hand.
enum CaptureFile {
    /// A capture file of the classic format (libpcap, pcap-savefile(5)), gone when the body returns.
    static func with(
        magic: UInt32 = 0xa1b2_c3d4, link: UInt32 = 1, _ packets: [[UInt8]] = [], cut: Int = 0,
        _ body: (String) throws -> Void
    ) throws {
        var bytes = big32(magic) + big16(2) + big16(4) + big32(0) + big32(0) + big32(65_535) + big32(link)
        for (number, packet) in packets.enumerated() {
            bytes += big32(1_700_000_000) + big32(UInt32(number)) + big32(UInt32(packet.count))
            bytes += big32(UInt32(packet.count)) + packet
        }
        let path = "/tmp/whatif-wire-tests-\(getpid())-\(UInt64.random(in: 0 ... .max)).pcap"
        defer { unsafe unlink(path) }
        try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL).writeAll(Array(bytes.dropLast(cut)))
        try body(path)
    }
}
