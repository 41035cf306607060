import Glibc
package import OperatingSystem

/// Serves this machine's volumes to one client, over any two streams of bytes: a line asked, a line answered.
package struct StorageServer {
    private let service: any VolumeService

    package init(_ service: any VolumeService) { self.service = service }

    /// Until the client closes, or sends what is no line.
    package func run(reading input: Descriptor, writing output: Descriptor) throws(SystemError) {
        var lines = LineBuffer()
        while true {
            let bytes = try input.readSome()
            if bytes.isEmpty { return }
            guard lines.append(bytes) else { return }
            while let line = lines.next() {
                try output.writeAll(Array(answer(line).json.text.utf8) + [UInt8(ascii: "\n")])
            }
        }
    }

    func answer(_ line: [UInt8]) -> StorageReply {
        guard let call = JSONValue(line).flatMap({ StorageCall($0) }) else {
            return .refused(
                .unreachable("whatif-storage", reason: "it does not understand the request; is it of the same version?")
            )
        }
        do {
            switch call {
            case .plan(let requests): return .planned(try service.plan(requests))
            case .make(let snapshots): try service.make(snapshots)
            case .fill(let snapshots): return .fills(try service.fill(of: snapshots))
            case .remove(let snapshot): try service.remove(snapshot)
            case .export(let request): try service.export(request)
            case .removeExport(let export): try service.removeExport(export)
            }
            return .done
        } catch {
            return .refused(error)
        }
    }
}

/// Lines out of a stream of bytes.
package struct LineBuffer: Sendable {
    /// Longer lines are nobody's who knows the language.
    package static let longest = 1 << 20

    private var bytes: [UInt8] = []
    /// No line ends before this.
    private var searched = 0

    package init() {}

    /// False when a line is too long: then nothing more is to be read.
    package mutating func append(_ more: [UInt8]) -> Bool {
        bytes += more
        return bytes.count <= Self.longest || bytes[searched...].contains(UInt8(ascii: "\n"))
    }

    /// The next whole line, without its end.
    package mutating func next() -> [UInt8]? {
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            return nil
        }
        let line = Array(bytes[..<end])
        bytes.removeSubrange(...end)
        searched = 0
        return line
    }
}
