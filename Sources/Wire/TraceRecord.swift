package import Model

/// A connection as a trace knows it.
package struct TraceConnection: Hashable, Sendable {
    package var id: ConnectionID
    package var client: Endpoint
    package var server: Endpoint
    package var protocolName: ApplicationProtocol
    /// When it was first seen.
    package var opened: Timestamp

    package init(
        id: ConnectionID, client: Endpoint, server: Endpoint, protocolName: ApplicationProtocol, opened: Timestamp
    ) {
        self.id = id
        self.client = client
        self.server = server
        self.protocolName = protocolName
        self.opened = opened
    }
}

/// What a capture did not see, so that a trace says so: additions since the record before.
package struct TraceDrops: Hashable, Sendable {
    /// Packets that the kernel or the card had no room for.
    package var packets = 0
    /// Holes in TCP streams, and the bytes that are missing there.
    package var gaps = 0
    package var missingBytes = 0
    /// IP datagrams of which fragments did not come or contradicted each other.
    package var fragments = 0
    /// Connections no longer followed because there were too many.
    package var evicted = 0

    package init() {}

    package var isNothing: Bool { self == TraceDrops() }

    package static func + (a: TraceDrops, b: TraceDrops) -> TraceDrops {
        a.combined(with: b) { $0.addingWithinLimits($1) }
    }
    package static func - (a: TraceDrops, b: TraceDrops) -> TraceDrops { a.combined(with: b, &-) }

    private func combined(with other: TraceDrops, _ combine: (Int, Int) -> Int) -> TraceDrops {
        var result = TraceDrops()
        for field in Self.fields {
            result[keyPath: field] = combine(self[keyPath: field], other[keyPath: field])
        }
        return result
    }

    /// In the order of the file; new ones go to the end.
    static var fields: [WritableKeyPath<TraceDrops, Int>] {
        [\.packets, \.gaps, \.missingBytes, \.fragments, \.evicted]
    }
}

/// A packet as it was captured, for export to other programs.
package struct TracePacket: Hashable, Sendable {
    /// By the numbers of the capture file formats, so that a link type that is not read here is kept all the same.
    package var link: UInt16
    package var time: Timestamp
    /// Bytes on the wire; `bytes` may be fewer.
    package var originalLength: Int
    package var bytes: [UInt8]

    package init(link: UInt16, time: Timestamp, originalLength: Int, bytes: [UInt8]) {
        self.link = link
        self.time = time
        self.originalLength = originalLength
        self.bytes = bytes
    }
}

/// What a trace is made of. Of an exchange everything is kept but `detail`: PostgreSQL's calls and results can be read
/// again from the bytes, and would be kept twice.
package enum TraceRecord: Sendable, Hashable {
    /// Names a connection: when it opens, and again in each later block that speaks of it.
    case connection(TraceConnection, isOpened: Bool)
    case exchange(ConnectionID, Exchange)
    case lost(ConnectionID, count: Int, LossReason, Timestamp)
    case closed(ConnectionID, Timestamp)
    case drops(TraceDrops, Timestamp)
    case packet(TracePacket)

    /// When it became known: of an exchange the end of the reply.
    package var time: Timestamp {
        switch self {
        case .connection(let connection, _): connection.opened
        case .exchange(_, let exchange): exchange.reply.passage.lastByte
        case .lost(_, _, _, let time), .closed(_, let time), .drops(_, let time): time
        case .packet(let packet): packet.time
        }
    }

    /// The connection it speaks of.
    package var connection: ConnectionID? {
        switch self {
        case .connection(let connection, _): connection.id
        case .exchange(let id, _), .lost(let id, _, _, _), .closed(let id, _): id
        case .drops, .packet: nil
        }
    }

    /// From the first to the last moment it tells of.
    var span: ClosedRange<Timestamp> {
        guard case .exchange(_, let exchange) = self else { return time...time }
        let (request, reply) = (exchange.request.passage, exchange.reply.passage)
        let lowest = min(request.firstByte, request.lastByte, reply.firstByte, reply.lastByte)
        return lowest...max(request.firstByte, request.lastByte, reply.firstByte, reply.lastByte)
    }
}

extension TraceRecord: CustomStringConvertible {
    /// Without the payload: what is captured is private.
    package var description: String {
        switch self {
        case .connection(let connection, _): "connection \(connection.id)"
        case .exchange(let id, let exchange): "\(exchange) on connection \(id)"
        case .lost(let id, let count, let reason, _): "\(count) lost on connection \(id): \(reason.rawValue)"
        case .closed(let id, _): "end of connection \(id)"
        case .drops: "drops"
        case .packet(let packet): "packet of \(packet.bytes.count) bytes"
        }
    }
}

extension ApplicationProtocol {
    /// The number in traces; once given it stays.
    var traceCode: UInt8 {
        switch self {
        case .http: 1
        case .postgresql: 2
        case .mysql: 3
        case .redis: 4
        case .tcp: 5
        }
    }

    init?(traceCode: UInt8) {
        guard let found = Self.allCases.first(where: { $0.traceCode == traceCode }) else { return nil }
        self = found
    }
}
