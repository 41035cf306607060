import Model
import OperatingSystem
import Testing

@testable import Wire

/// Exported packets, read again by libpcap, and by Wireshark's programs, which we did not write.
@Suite(.enabled(if: Tshark.isInstalled, "tshark is not installed (apt install tshark)"))
struct PcapNGTests {
    private let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    private func export(_ packets: [TracePacket], _ path: String) throws {
        var form = PcapNG()
        let file = try Descriptor.create(path)
        try file.writeAll(form.start())
        for packet in packets { try file.writeAll(form.encode(packet)) }
    }

    @Test(arguments: ["get.pcap", "variant-07-expect_100_cl0.pcap", "connect-with-header.pcap"])
    func thePacketsAreTheSame(_ name: String) throws {
        let original = CapturedPackets.directory + name
        let captured = try CapturedPackets(path: original)
        let path = fixture.directory + "/a.pcap"
        try export(
            captured.packets.map {
                TracePacket(
                    link: UInt16(captured.link.rawValue), time: $0.time, originalLength: $0.bytes.count, bytes: $0.bytes
                )
            }, path)
        let read = try CapturedPackets(path: path)
        #expect(read.link == captured.link && read.packets.map(\.bytes) == captured.packets.map(\.bytes))
        #expect(read.packets.map(\.time) == captured.packets.map(\.time))
        let fields = [
            "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "tcp.seq_raw", "-e", "tcp.payload",
        ]
        let ours = try ChildProcess.succeed(["tshark", "-r", path] + fields)
        #expect(try ChildProcess.succeed(["tshark", "-r", original] + fields) == ours)
        #expect(ours.split(separator: "\n").count == captured.packets.count)
    }

    @Test func severalLinkTypesAndCutPackets() throws {
        let path = fixture.directory + "/a.pcap"
        let links: [UInt16] = [1, 113, 1, 101]
        try export(
            links.enumerated().map { number, link in
                TracePacket(
                    link: link, time: Timestamp(nanoseconds: 1_700_000_000_123_456_789 + Int64(number)),
                    originalLength: 1500, bytes: [UInt8](repeating: 0x45, count: 21 + number))
            }, path)
        let output = try ChildProcess.succeed([
            "tshark", "-r", path, "-T", "fields", "-e", "frame.encap_type", "-e", "frame.len", "-e", "frame.cap_len",
            "-e", "frame.time_epoch",
        ])
        // Wireshark's own numbers of link types: 1 Ethernet, 25 Linux cooked, 7 raw IP.
        #expect(
            output == """
                1\t1500\t21\t1700000000.123456789
                25\t1500\t22\t1700000000.123456790
                1\t1500\t23\t1700000000.123456791
                7\t1500\t24\t1700000000.123456792

                """)
        let info = try ChildProcess.succeed(["capinfos", "-c", "-I", path])
        #expect(info.contains("Number of packets:   4") && info.contains("Number of interfaces in file: 3"))
    }
}
