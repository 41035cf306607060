package import Model

/// Counters of what a dissector saw; every loss is in one of them.
package struct DissectorCounters: Hashable, Sendable {
    package var packets = 0
    /// TCP segments of watched connections.
    package var segments = 0
    package var fragments = 0
    /// IP datagrams of which fragments did not come or contradicted each other.
    package var datagramsLost = 0
    package var gaps = 0
    package var missingBytes = 0
    package var connections = 0
    /// Connections given up because there were too many, or because they were idle for long.
    package var evicted = 0
    /// Times a connection had to give up what it held because all together held too much.
    package var relinquished = 0

    package init() {}
}

/// The bounds on what a dissector keeps.
package struct DissectorLimits: Sendable {
    /// Connections followed at once; the one that is longest idle goes first.
    package var connections = 100_000
    /// Bytes held by all connections, in segments that wait for a hole to fill and in messages under way. The connection
    /// whose segment passes the bound gives up its holes, then what it has under way.
    package var bytes = 512 << 20
    /// A connection that says nothing for so long is taken for dead: TCP's own keep-alive asks after two hours
    /// (RFC 1122, section 4.2.3.6).
    package var idle = Duration.seconds(2 * 3600 + 600)

    package init(connections: Int = 100_000) { self.connections = connections }
}

/// Whose connections are read.
package enum Watched: Sendable {
    case servers([WatchedServer])
    /// Every connection; its protocol is found by its first bytes.
    case everything
}

/// From packets to events: finds the connections, puts each direction in order and reads its protocol. Pure: packets and
/// their times in, events out.
package struct Dissector: ~Copyable {
    private let servers: [Endpoint: ApplicationProtocol]
    private let watchesEverything: Bool
    private let limits: DissectorLimits
    private let keepsPayload: Bool
    private let requestsOnly: Bool
    private var table = ConnectionTable()
    private var fragments = FragmentTable()
    private var nextID: ConnectionID = 1
    private var retainedBytes = 0
    private var totals = DissectorCounters()

    /// `keepsPayload`: whether labels, bytes and details of exchanges are kept; without, nothing is allocated per packet.
    /// `requestsOnly`: of them only the requests' bytes are wanted.
    package init(
        _ watched: Watched, keepsPayload: Bool = true, requestsOnly: Bool = false,
        limits: DissectorLimits = DissectorLimits()
    ) {
        self.limits = limits
        self.keepsPayload = keepsPayload
        self.requestsOnly = requestsOnly
        switch watched {
        case .servers(let list):
            servers = Dictionary(list.map { ($0.endpoint, $0.protocolName) }, uniquingKeysWith: { first, _ in first })
            watchesEverything = false
        case .everything:
            servers = [:]
            watchesEverything = true
        }
    }

    package init(
        _ servers: [WatchedServer], keepsPayload: Bool = true, requestsOnly: Bool = false,
        limits: DissectorLimits = DissectorLimits()
    ) {
        self.init(.servers(servers), keepsPayload: keepsPayload, requestsOnly: requestsOnly, limits: limits)
    }

    package var counters: DissectorCounters {
        var counters = totals
        counters.datagramsLost += fragments.lost
        return counters
    }

    /// What of the watched connections was not seen; `dropped` is for the capture to say.
    package var unseen: Unseen { Unseen(gaps: totals.gaps, missingBytes: totals.missingBytes) }

    /// Connections that are followed now.
    package var connectionCount: Int { table.count }

    package mutating func accept(
        _ packet: Span<UInt8>, link: LinkType, at time: Timestamp, emit: (WireEvent) -> Void
    ) {
        totals.packets += 1
        switch PacketDecoder.decode(packet, link: link) {
        case .other: break
        case .segment(let segment):
            accept(segment, packet.extracting(segment.payload), at: time, emit: emit)
        case .fragment(let fragment):
            totals.fragments += 1
            guard let fragment else {
                totals.datagramsLost += 1
                return
            }
            guard let datagram = fragments.accept(fragment, packet.extracting(fragment.payload), at: time),
                let segment = PacketDecoder.segment(datagram.span, fragment.key)
            else { return }
            accept(segment, datagram.span.extracting(segment.payload), at: time, emit: emit)
        }
    }

    package mutating func accept(
        _ segment: TCPSegment, _ payload: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void
    ) {
        let (key, sourceIsFirst) = FlowKey.of(segment.source, segment.destination)
        let isSYN = segment.flags.contains(.syn)
        var slot: ConnectionTable.Slot
        if let found = table.find(key) {
            slot = found
            if isSYN, isAnother(slot, segment, sourceIsFirst) {
                close(slot, at: time, emit: emit)
                guard let opened = open(key, sourceIsFirst, segment, payload, at: time, emit: emit) else { return }
                slot = opened
            } else {
                table.touch(slot)
            }
        } else {
            guard let opened = open(key, sourceIsFirst, segment, payload, at: time, emit: emit) else { return }
            slot = opened
        }
        totals.segments += 1
        let (change, relinquished) = table[slot].connection.accept(
            segment, payload, sourceIsFirst: sourceIsFirst, room: limits.bytes - retainedBytes, at: time, emit: emit)
        if relinquished { totals.relinquished += 1 }
        retainedBytes += change.retained
        totals.gaps += change.gaps
        totals.missingBytes += change.missingBytes
        if change.ended { close(slot, at: time, emit: emit) }
    }

    /// Whether a SYN opens another connection on ports whose last connection we did not see end.
    private func isAnother(_ slot: ConnectionTable.Slot, _ segment: TCPSegment, _ sourceIsFirst: Bool) -> Bool {
        let place = table[slot]
        return place.connection.isAnother(
            segment.sequence, isClient: place.connection.clientIsFirst == sourceIsFirst)
    }

    /// Begins to follow the connection of a segment, unless nobody watches it or it is only the tail of one.
    private mutating func open(
        _ key: FlowKey, _ sourceIsFirst: Bool, _ segment: TCPSegment, _ payload: Span<UInt8>, at time: Timestamp,
        emit: (WireEvent) -> Void
    ) -> ConnectionTable.Slot? {
        guard !segment.flags.contains(.reset), let isClient = comesFromClient(segment) else { return nil }
        let isSYN = segment.flags.contains(.syn)
        // Not the last packets of a connection that was closed before, nor what a server had under way when its
        // client hung up: from the middle, a connection begins when its client speaks.
        let speaks = isClient && payload.count + segment.cutOff > 0 && !segment.flags.contains(.fin)
        guard isSYN || speaks else { return nil }
        makeRoom(at: time, emit: emit)
        let (client, server) =
            isClient ? (segment.source, segment.destination) : (segment.destination, segment.source)
        let id = nextID
        nextID += 1
        totals.connections += 1
        emit(.opened(id, client: client, server: server, time))
        var setting = ReaderSetting(id, fromStart: isSYN, keepsPayload: keepsPayload)
        setting.requestsOnly = requestsOnly
        let reader: any ConnectionReader =
            servers[server].flatMap(ProtocolTable.entry)?.reader(setting)
            ?? ProtocolFinder(setting, port: server.port)
        return table.insert(
            key,
            Connection(id, clientIsFirst: isClient == sourceIsFirst, reader, fromStart: isSYN, at: time))
    }

    /// Nil when nobody watches the connection.
    private func comesFromClient(_ segment: TCPSegment) -> Bool? {
        if watchesEverything {
            if segment.flags.contains(.syn) { return !segment.flags.contains(.acknowledgement) }
            // From the middle, the side with the service's port serves; else the lower port does.
            let (from, to) = (
                ProtocolTable.usesPort(segment.source.port), ProtocolTable.usesPort(segment.destination.port)
            )
            return from == to ? segment.source.port > segment.destination.port : to
        }
        if servers[segment.destination] != nil { return true }
        return servers[segment.source] != nil ? false : nil
    }

    private mutating func makeRoom(at time: Timestamp, emit: (WireEvent) -> Void) {
        while let idle = table.longestIdle,
            table.count >= limits.connections || time - table[idle].connection.lastSeen > limits.idle
        {
            totals.evicted += 1
            close(idle, at: time, emit: emit)
        }
    }

    private mutating func close(_ slot: ConnectionTable.Slot, at time: Timestamp, emit: (WireEvent) -> Void) {
        let place = table[slot]
        retainedBytes -= place.connection.retainedBytes
        place.connection.end(at: time, emit: emit)
        table.remove(slot)
    }

    /// The end of a capture: what is still open is reported as it stands.
    package mutating func finish(at time: Timestamp, emit: (WireEvent) -> Void) {
        while let slot = table.longestIdle { close(slot, at: time, emit: emit) }
        fragments.giveUp()
    }
}
