import CLinux
import Glibc
import Model
import OperatingSystem
import Wire

/// A trace that comes from elsewhere: a whole file of any bytes, or a file whose checksums hold around any payload.
enum TraceEntry {
    static func file(_ bytes: [UInt8]) throws(BrokenInvariant) { try read(bytes, longest: bytes.count) }

    /// The first byte chooses the block's type and whether what follows is an index.
    static func payload(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let time = Timestamp(nanoseconds: 0)
        let payload = Array(bytes.dropFirst())
        let type = bytes.first.map { $0 % 3 + 1 } ?? TraceBlockHeader.events
        let header = TraceBlockHeader(type: type, payload: payload, count: 1, first: time, last: time)
        try read(TraceHeader(created: time, source: "").bytes + header.bytes + payload, longest: payload.count)
    }

    private static func read(_ bytes: [UInt8], longest: Int) throws(BrokenInvariant) {
        var records = 0
        var summary = TraceSummary()
        do {
            let file = Descriptor(owning: try check("make a file") { unsafe memfd_create("trace", 0) })
            try file.writeAll(bytes)
            let path = "/proc/self/fd/\(file.raw)"
            let reader = try TraceReader(path)
            while let record = try reader.next() {
                records += 1
                summary.add(record)
                // Each has at least its type and its length.
                guard records <= longest else { throw BrokenInvariant("more records than bytes") }
            }
            _ = reader.complaint
            let scanned = try TraceReader(path).scan().summary
            // The index of a closed trace is its writer's word, which a foreign one may break.
            if !reader.isClosed, reader.damaged == 0, reader.unread == 0, scanned.exchanges != summary.exchanges {
                throw BrokenInvariant("reading and scanning count differently")
            }
        } catch let error as BrokenInvariant {
            throw error
        } catch {
            try BrokenInvariant.unless(!"\(error)".isEmpty, "an error says nothing")
        }
    }
}
