import Foundation
import Model
import OperatingSystem

@testable import Wire

/// The collection of captures that lies beside the project: `../shared/data/captures`.
enum SharedCaptures {
    static let directory: String = {
        var parts = #filePath.split(separator: "/").dropLast(3)
        parts.removeLast()
        return "/" + parts.joined(separator: "/") + "/shared/data/captures/"
    }()

    /// Paths below the directory, sorted; empty when the collection is not there.
    static let files: [String] = {
        let found = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".pcap") || $0.hasSuffix(".pcapng") || $0.hasSuffix(".gz") }.sorted()
    }()

    /// Unpacked when it is packed: neither libpcap nor the copy that tshark reads may differ.
    static func withPlain<Value>(_ file: String, _ body: (String) throws -> Value) throws -> Value {
        let path = directory + file
        guard file.hasSuffix(".gz") else { return try body(path) }
        let plain = "/tmp/whatif-capture-\(getpid())-\(UInt64.random(in: 0 ... .max)).pcap"
        defer { try? FileManager.default.removeItem(atPath: plain) }
        _ = try ChildProcess.succeed(["sh", "-c", "gzip -dc '\(path)' > '\(plain)'"])
        return try body(plain)
    }
}

/// A port and what is spoken there.
struct Service: Hashable, Comparable, CustomStringConvertible {
    var port: UInt16
    var protocolName: ApplicationProtocol

    static func < (a: Service, b: Service) -> Bool {
        (a.port, a.protocolName.rawValue) < (b.port, b.protocolName.rawValue)
    }

    var description: String { "\(protocolName.rawValue) at \(port)" }
}

/// One direction of a connection, by its ends.
struct Direction: Hashable {
    var from: UInt16
    var to: UInt16
}

/// What one reader makes of a whole capture without being told what to look for.
struct Overview {
    var services: Set<Service> = []
    /// Payload bytes of each direction, each counted once however often it was sent.
    var bytes: [Direction: Int] = [:]
}

extension Overview {
    /// The services of both. tshark's fields do not say who serves: where we have seen the handshake and it took the
    /// other port, ours counts.
    func merged(with theirs: Overview) -> Set<Service> {
        let connected = { (a: UInt16, b: UInt16) in bytes[Direction(from: a, to: b)] != nil }
        return services.union(
            theirs.services.filter { service in
                !services.contains {
                    $0.protocolName == service.protocolName && $0.port != service.port
                        && (connected($0.port, service.port) || connected(service.port, $0.port))
                }
            })
    }

    /// Ours.
    init(_ capture: CapturedPackets) {
        var dissector = Dissector(.everything)
        var ends: [ConnectionID: (client: UInt16, server: UInt16)] = [:]
        var overview = Overview()
        let take = { (event: WireEvent) in
            switch event {
            case .opened(let id, let client, let server, _): ends[id] = (client.port, server.port)
            case .recognised(let id, let name, _):
                if name != .tcp { overview.services.insert(Service(port: ends[id]?.server ?? 0, protocolName: name)) }
            case .closed(let id, let account, _):
                guard let (client, server) = ends[id] else { return }
                overview.bytes[Direction(from: client, to: server), default: 0] += account.client.bytes
                overview.bytes[Direction(from: server, to: client), default: 0] += account.server.bytes
            case .request, .exchange, .lost: break
            }
        }
        for packet in capture.packets {
            dissector.accept(packet.bytes.span, link: capture.link, at: packet.time, emit: take)
        }
        dissector.finish(at: .distantFuture, emit: take)
        overview.bytes = overview.bytes.filter { $0.value > 0 }
        self = overview
    }

    /// tshark's.
    init(tshark file: String) throws {
        let fields = ["tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.seq", "tcp.len", "frame.protocols"]
        let output = try ChildProcess.succeed(
            ["tshark", "-r", file, "-Y", "tcp.len > 0", "-T", "fields", "-E", "occurrence=f"]
                + fields.flatMap { ["-e", $0] })
        struct Stream: Hashable {
            var number: Int
            var direction: Direction
        }
        var ranges: [Stream: [Range<Int>]] = [:]
        for line in output.split(separator: "\n") {
            let values = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard values.count == fields.count, let stream = Int(values[0]), let from = UInt16(values[1]),
                let to = UInt16(values[2]), let sequence = Int(values[3]), let length = Int(values[4])
            else { continue }
            let layers = values[5].split(separator: ":")
            for (layer, name) in Self.layers where layers.contains(Substring(layer)) {
                // The side with the lower port serves, in all of these captures.
                services.insert(Service(port: min(from, to), protocolName: name))
            }
            ranges[Stream(number: stream, direction: Direction(from: from, to: to)), default: []].append(
                sequence..<sequence + length)
        }
        for (stream, list) in ranges {
            var covered = 0
            var end = Int.min
            for range in list.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
                covered += max(0, range.upperBound - max(end, range.lowerBound))
                end = max(end, range.upperBound)
            }
            bytes[stream.direction, default: 0] += covered
        }
    }

    private static let layers: [(String, ApplicationProtocol)] = [
        ("http", .http), ("pgsql", .postgresql), ("mysql", .mysql), ("resp", .redis),
    ]
}
