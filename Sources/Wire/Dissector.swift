package import Model

/// Counters of what a dissector saw; every loss is in one of them.
package struct DissectorCounters: Hashable, Sendable {
    package var packets = 0
    package var segments = 0
    package var fragments = 0
    package var gaps = 0
    package var missingBytes = 0
    package var connections = 0
    package var evicted = 0
}

/// From packets to events: finds the connections to the watched servers, puts each direction in order and reads its
/// protocol. Pure: packets and their times in, events out.
package struct Dissector: Sendable {
    private struct Key: Hashable {
        let client: Endpoint
        let server: Endpoint
    }

    private struct Connection {
        let id: ConnectionID
        var client = HalfStream()
        var server = HalfStream()
        var reader: any ConnectionReader
        var lastSeen: Timestamp
        var clientClosed = false
        var serverClosed = false
    }

    private let servers: [Endpoint: ApplicationProtocol]
    private let connectionLimit: Int
    private var connections: [Key: Connection] = [:]
    private var nextID: ConnectionID = 1
    package private(set) var counters = DissectorCounters()

    /// At most `connectionLimit` connections are followed at once; those longest idle go first.
    package init(_ servers: [WatchedServer], connectionLimit: Int = 100_000) {
        self.connectionLimit = connectionLimit
        self.servers = Dictionary(
            servers.map { ($0.endpoint, $0.protocolName) }, uniquingKeysWith: { first, _ in first })
    }

    private func reader(_ server: Endpoint, _ id: ConnectionID, fromStart: Bool) -> any ConnectionReader {
        let setting = ReaderSetting(id, fromStart: fromStart)
        return servers[server].flatMap(ProtocolTable.entry)?.reader(setting) ?? HTTPReader(setting)
    }

    package mutating func accept(
        _ packet: Span<UInt8>, link: LinkType, at time: Timestamp, emit: (WireEvent) -> Void
    ) {
        counters.packets += 1
        switch PacketDecoder.decode(packet, link: link) {
        case .other: break
        case .fragment: counters.fragments += 1
        case .segment(let segment):
            accept(segment, packet.extracting(segment.payload), at: time, emit: emit)
        }
    }

    package mutating func accept(
        _ segment: TCPSegment, _ payload: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void
    ) {
        let fromClient: Bool
        let key: Key
        if servers[segment.destination] != nil {
            (fromClient, key) = (true, Key(client: segment.source, server: segment.destination))
        } else if servers[segment.source] != nil {
            (fromClient, key) = (false, Key(client: segment.destination, server: segment.source))
        } else {
            return
        }
        counters.segments += 1
        let opens = segment.flags.contains(.syn)
        if opens, let old = connections[key] {
            let half = fromClient ? old.client : old.server
            // The port is used again before we saw the end of the connection before.
            if half.isStarted, !half.began(with: segment.sequence) { close(key, at: time, emit: emit) }
        }
        var connection: Connection
        if let known = connections.removeValue(forKey: key) {
            connection = known
        } else {
            if segment.flags.contains(.reset) { return }
            // Not the last packets of a connection that was closed before, nor what a server had under way when its
            // client hung up: from the middle, a connection begins when its client speaks.
            let speaks = fromClient && payload.count + segment.cutOff > 0 && !segment.flags.contains(.fin)
            guard opens || speaks else { return }
            connection = open(key, fromStart: opens, at: time, emit: emit)
        }
        connection.lastSeen = time

        if segment.flags.contains(.reset) {
            finish(&connection, at: time, emit: emit)
            return
        }
        deliver(segment, payload, fromClient: fromClient, to: &connection, at: time, emit: emit)

        let clientEnds = connection.client.isFinished && !connection.clientClosed
        let serverEnds = connection.server.isFinished && !connection.serverClosed
        if serverEnds {
            connection.serverClosed = true
            connection.reader.serverClosed(at: time, emit: emit)
        }
        if clientEnds {
            connection.clientClosed = true
            connection.reader.clientClosed(at: time, emit: emit)
        }
        if connection.clientClosed && connection.serverClosed {
            emit(.closed(connection.id, time))
        } else {
            connections[key] = connection
        }
    }

    private mutating func open(
        _ key: Key, fromStart: Bool, at time: Timestamp, emit: (WireEvent) -> Void
    ) -> Connection {
        if connections.count >= connectionLimit { evict(at: time, emit: emit) }
        let id = nextID
        nextID += 1
        counters.connections += 1
        emit(.opened(id, client: key.client, server: key.server, time))
        return Connection(
            id: id, reader: reader(key.server, id, fromStart: fromStart), lastSeen: time)
    }

    /// A hundredth at once: to find the one that is longest idle, all have to be looked at.
    private mutating func evict(at time: Timestamp, emit: (WireEvent) -> Void) {
        let idle = connections.map { (key: $0.key, lastSeen: $0.value.lastSeen) }.sorted { $0.lastSeen < $1.lastSeen }
        for (key, _) in idle.prefix(max(1, connectionLimit / 100)) {
            counters.evicted += 1
            close(key, at: time, emit: emit)
        }
    }

    private mutating func close(_ key: Key, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard var connection = connections.removeValue(forKey: key) else { return }
        finish(&connection, at: time, emit: emit)
    }

    private func finish(_ connection: inout Connection, at time: Timestamp, emit: (WireEvent) -> Void) {
        connection.reader.cutOff(at: time, emit: emit)
        emit(.closed(connection.id, time))
    }

    /// Puts the segment in its place, and hands on what has become whole in both directions.
    private mutating func deliver(
        _ segment: TCPSegment, _ payload: Span<UInt8>, fromClient: Bool, to connection: inout Connection,
        at time: Timestamp, emit: (WireEvent) -> Void
    ) {
        // Moved out and not copied: a second owner would make every append copy what was read so far.
        var reader: any ConnectionReader = NoReader(ReaderSetting(0, fromStart: false))
        swap(&reader, &connection.reader)
        var gaps = 0
        var missing = 0
        let clientGap = { (count: Int) in
            gaps += 1
            missing += count
            reader.gap(fromClient: true, at: time, emit: emit)
        }
        let serverGap = { (count: Int) in
            gaps += 1
            missing += count
            reader.gap(fromClient: false, at: time, emit: emit)
        }
        // A SYN takes a number too; data may follow it at once (RFC 7413).
        let first = segment.flags.contains(.syn) ? segment.sequence &+ 1 : segment.sequence
        let toServer = { (bytes: Span<UInt8>, time: Timestamp) in reader.client(bytes, at: time, emit: emit) }
        let toClient = { (bytes: Span<UInt8>, time: Timestamp) in reader.server(bytes, at: time, emit: emit) }
        if fromClient {
            if segment.flags.contains(.syn) { connection.client.synchronise(first) }
            if segment.flags.contains(.acknowledgement) {
                connection.server.synchronise(segment.acknowledged)
                connection.server.acknowledged(segment.acknowledged, deliver: toClient, gap: serverGap)
            }
            connection.client.accept(
                first, payload, cutOff: segment.cutOff, at: time, deliver: toServer, gap: clientGap)
        } else {
            if segment.flags.contains(.syn) { connection.server.synchronise(first) }
            if segment.flags.contains(.acknowledgement) {
                connection.client.synchronise(segment.acknowledged)
                connection.client.acknowledged(segment.acknowledged, deliver: toServer, gap: clientGap)
            }
            connection.server.accept(
                first, payload, cutOff: segment.cutOff, at: time, deliver: toClient, gap: serverGap)
        }
        if segment.flags.contains(.fin) {
            let end = first &+ UInt32(payload.count + segment.cutOff)
            if fromClient { connection.client.finish(end) } else { connection.server.finish(end) }
        }
        counters.gaps += gaps
        counters.missingBytes += missing
        connection.reader = reader
    }

    /// The end of a capture: what is still open is reported as it stands.
    package mutating func finish(at time: Timestamp, emit: (WireEvent) -> Void) {
        for key in connections.sorted(by: { $0.value.id < $1.value.id }).map(\.key) { close(key, at: time, emit: emit) }
    }
}

/// Stands in for a reader that is being used.
private struct NoReader: ConnectionReader {
    init(_ setting: ReaderSetting) {}
    var retainedBytes: Int { 0 }
    func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {}
    func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {}
    func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {}
    func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {}
    func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {}
    func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {}
}
