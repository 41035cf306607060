import Model

@testable import Wire

/// A capture file in memory: the packets as they were, for tests that read, cut and spoil them.
struct CapturedPackets {
    struct Packet {
        var bytes: [UInt8]
        var time: Timestamp
    }

    /// The captures that are kept with the tests.
    static let directory: String = {
        let file = #filePath
        return file[...(file.lastIndex(of: "/") ?? file.startIndex)] + "Captures/"
    }()

    let link: LinkType
    var packets: [Packet] = []

    init(path: String) throws {
        let capture = try Capture.file(path)
        link = capture.link
        var read: [Packet] = []
        while try capture.process({ bytes, time in read.append(Packet(bytes: bytes.array, time: time)) }) {}
        packets = read
    }

    /// The endpoints that listen on `port`, IPv6 too, which configuration cannot name yet.
    func servers(port: UInt16, _ protocolName: ApplicationProtocol) -> [WatchedServer] {
        var found: Set<Endpoint> = []
        for packet in packets {
            guard case .segment(let segment) = PacketDecoder.decode(packet.bytes.span, link: link) else { continue }
            for endpoint in [segment.source, segment.destination] where endpoint.port == port { found.insert(endpoint) }
        }
        return found.map { WatchedServer($0, protocolName) }
    }

    func events(port: UInt16, _ protocolName: ApplicationProtocol) -> Heard {
        var dissector = Dissector(servers(port: port, protocolName))
        var events: [WireEvent] = []
        for packet in packets {
            dissector.accept(packet.bytes.span, link: link, at: packet.time) { events.append($0) }
        }
        dissector.finish(at: packets.last?.time ?? Timestamp(nanoseconds: 0)) { events.append($0) }
        return Heard(events: events)
    }
}

extension Span<UInt8> {
    var array: [UInt8] { indices.map { self[$0] } }
}
