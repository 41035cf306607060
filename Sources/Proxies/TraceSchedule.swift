package import Model
package import Wire

/// What has to be known of a whole trace before its first request can be replayed at its time.
package struct TraceOverview: Sendable {
    /// Exchanges are recorded when their replies end; those whose replies took longer than this are kept here, as they
    /// would be read too late.
    static let horizon = Duration.seconds(2)

    package let server: Endpoint
    package let protocolName: ApplicationProtocol
    package private(set) var requests = 0
    package private(set) var lost = 0
    /// From the first to the last request.
    package private(set) var first = Timestamp.distantFuture
    package private(set) var last = Timestamp.distantPast
    private(set) var stragglers: [(connection: ConnectionID, exchange: Exchange)] = []
    /// The rule that weighs a session, by the session's name.
    private(set) var rules: [UInt64: Int] = [:]
    private let shape: ReplayShape

    package init(of server: Endpoint, _ protocolName: ApplicationProtocol, _ shape: ReplayShape) {
        self.server = server
        self.protocolName = protocolName
        self.shape = shape
    }

    package var length: Duration { requests == 0 ? .zero : last - first }

    static func isStraggler(_ exchange: Exchange) -> Bool {
        exchange.reply.passage.lastByte - exchange.request.passage.lastByte > horizon
    }

    package mutating func take(_ record: TraceRecord, on connection: TraceConnection?) {
        guard connection?.server == server else { return }
        switch record {
        case .exchange(let id, let exchange):
            requests += 1
            first = min(first, exchange.request.passage.lastByte)
            last = max(last, exchange.request.passage.lastByte)
            if Self.isStraggler(exchange) { stragglers.append((id, exchange)) }
            for (place, rule) in shape.mix.enumerated() where rule.matches(exchange.request.label) {
                let name = shape.sessions.name(exchange.request, on: id)
                rules[name] = min(rules[name] ?? place, place)
                break
            }
        case .lost(_, let count, _, _): lost += count
        case .connection, .closed, .drops, .packet: break
        }
    }
}

/// From a trace's records to what is to be replayed when. Pure: records in, in the order of the file; items out, in the
/// order of their times.
package struct TraceSchedule: Sendable {
    private let overview: TraceOverview
    private let speed: Double
    private let keepsReplies: Bool
    private let start: Timestamp
    private var shaper: LoadShaper
    private var waiting = Schedule<ReplayItem>()
    private var read = Timestamp.distantPast
    private var isComplete = false
    private var lastReply: [ConnectionID: Timestamp] = [:]

    /// `start` is when the trace's first request is due; `round` counts repetitions of the trace from 0.
    package init(_ overview: TraceOverview, _ shape: ReplayShape, start: Timestamp, round: Int = 0) {
        self.overview = overview
        speed = shape.speed
        keepsReplies = shape.keepsReplies
        self.start = start
        shaper = LoadShaper(shape, rules: overview.rules, firstNumber: UInt64(round) << 40)
        for straggler in overview.stragglers { add(straggler.exchange, on: straggler.connection) }
    }

    /// When a moment of the trace is replayed. A trace whose times make no sense ends in the far future.
    private func due(_ time: Timestamp) -> Timestamp {
        let later = (Double((time - overview.first).nanoseconds) / speed).rounded()
        return start + .nanoseconds(Int64(max(-Self.longest, min(later, Self.longest))))
    }

    /// A century, in nanoseconds.
    private static let longest = 3.2e18

    package mutating func take(_ record: TraceRecord, on connection: TraceConnection?) {
        guard let connection, connection.server == overview.server else { return }
        read = max(read, record.time)
        switch record {
        case .connection(_, isOpened: true): insert(shaper.open(connection.id, at: connection.opened))
        case .exchange(let id, let exchange):
            let isPipelined = lastReply[id].map { $0 > exchange.request.passage.lastByte } ?? false
            lastReply[id] = exchange.reply.passage.lastByte
            if !TraceOverview.isStraggler(exchange) { add(exchange, on: id, isPipelined: isPipelined) }
        case .closed(let id, let time):
            lastReply[id] = nil
            insert(shaper.close(id, at: time))
        case .connection, .lost, .drops, .packet: break
        }
    }

    private mutating func add(_ exchange: Exchange, on connection: ConnectionID, isPipelined: Bool = false) {
        insert(
            shaper.request(
                exchange.request, on: connection, isPipelined: isPipelined,
                expected: ExpectedReply(exchange, withBytes: keepsReplies)))
    }

    private mutating func insert(_ items: [ReplayItem]) {
        for item in items {
            let moment = due(item.due)
            waiting.insert(ReplayItem(connection: item.connection, due: moment, kind: item.kind), due: moment)
        }
    }

    /// All records were given. What is still open is closed behind the last request.
    package mutating func complete() {
        isComplete = true
        insert(shaper.closeAll(at: overview.last))
    }

    /// The next item, if no record to come can be due before it.
    package mutating func next() -> ReplayItem? {
        let safe = isComplete ? Timestamp.distantFuture : due(read - TraceOverview.horizon)
        return waiting.popFirst(by: safe)
    }
}
