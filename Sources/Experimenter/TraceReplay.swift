package import Model
package import OperatingSystem
package import Proxies
import Synchronization
import Wire

/// Why a trace cannot be replayed.
package enum ReplayError: Error, Sendable, CustomStringConvertible {
    case noRequests(String)
    case severalServers(String, [Endpoint])
    case unknownServer(String, Endpoint, known: [Endpoint])
    case withoutPayload(String)

    package var description: String {
        switch self {
        case .noRequests(let path): "trace \(path): it holds no exchange to replay"
        case .severalServers(let path, let servers):
            "trace \(path): several servers were recorded (\(Self.list(servers))); say which one with --server"
        case .unknownServer(let path, let server, let known):
            "trace \(path): no exchange with \(server); recorded servers: \(Self.list(known))"
        case .withoutPayload(let path):
            "trace \(path): it was captured without payload, so there is nothing to send; 'whatif capture' without "
                + "'--no-payload' makes one that can be replayed"
        }
    }

    private static func list(_ servers: [Endpoint]) -> String {
        servers.map(\.description).sorted().joined(separator: ", ")
    }
}

/// What a replay came to.
package struct ReplayOutcome: Sendable {
    package var start: Timestamp
    package var end: Timestamp
    package var tally: ReplayTally
    /// Response times that became known since the last interval was taken.
    package var lastInterval: LatencyHistogram
    package var unsolicited: Int
    package var comparison: ComparisonAccount
    package var noise: ReplyNoise
    /// Requests of which not all was recorded.
    package var lost: Int
    /// What was captured and not taken, as the replay had fallen behind.
    package var refused = 0
    package var unseen = Unseen()
}

/// Counts what ends, on the loop's thread, for whoever looks on.
package final class ReplayCounter: Sendable {
    private struct State {
        var tally = ReplayTally()
        var interval: LatencyHistogram?
    }

    private let state = Mutex(State())
    private let clock: SteadyClock

    init(_ clock: SteadyClock) { self.clock = clock }

    func add(_ requests: [ReplayedRequest]) {
        guard !requests.isEmpty else { return }
        let now = Timestamp(nanoseconds: clock.now)
        state.withLock { state in
            for request in requests {
                state.tally.add(request, until: now)
                guard state.interval != nil, let response = request.responseTime(until: now) else { continue }
                state.interval?.record(response)
            }
        }
    }

    package var answered: Int { state.withLock { $0.tally.account.answered } }
    package var tally: ReplayTally { state.withLock { $0.tally } }

    /// The response times that became known since the call before; the first call begins.
    package func takeInterval() -> LatencyHistogram {
        state.withLock { state in
            defer { state.interval = LatencyHistogram() }
            return state.interval ?? LatencyHistogram()
        }
    }
}

/// A trace played against a server: reads ahead of the present by some seconds, in memory that does not grow with the
/// trace.
package struct TraceReplay {
    package let overview: TraceOverview
    private let path: String
    private let shape: ReplayShape
    /// How far ahead of their times requests are handed to the loop.
    private static let lead = Duration.seconds(1)
    /// Until the first request: time to read the first of the trace.
    private static let preparation = Duration.milliseconds(300)
    private static let drainLimit = Duration.seconds(5)

    /// Reads the trace once: which of its servers is meant, and what has to be known beforehand.
    package init(_ path: String, server asked: Endpoint?, _ shape: ReplayShape) throws {
        self.path = path
        self.shape = shape
        var overviews: [Endpoint: TraceOverview] = [:]
        let reader = try TraceReader(path, .events)
        guard reader.header.keepsPayload else { throw ReplayError.withoutPayload(path) }
        while let record = try reader.next() {
            guard let id = record.connection, let connection = reader.connections[id] else { continue }
            if let asked, connection.server != asked {
                overviews[connection.server] =
                    overviews[connection.server] ?? TraceOverview(of: connection.server, connection.protocolName, shape)
                continue
            }
            overviews[connection.server, default: TraceOverview(of: connection.server, connection.protocolName, shape)]
                .take(record, on: connection)
        }
        if let asked, overviews[asked] == nil {
            throw ReplayError.unknownServer(path, asked, known: Array(overviews.keys))
        }
        let heard = overviews.values.filter { $0.requests > 0 }
        guard let only = heard.first else { throw ReplayError.noRequests(path) }
        if heard.count > 1 { throw ReplayError.severalServers(path, heard.map(\.server)) }
        overview = only
    }

    /// Plays the trace `rounds` times, or until `limit` after its start. `progress` is called about four times a second.
    package func run(
        to target: Endpoint, _ setting: InProxySetting, slack: Duration, rounds: Int, limit: Duration?,
        interrupt: InterruptSignal,
        progress: @escaping (_ counter: ReplayCounter, _ sent: Int, _ start: Timestamp) throws -> Void
    ) throws -> ReplayOutcome {
        let clock = SteadyClock()
        let counter = ReplayCounter(clock)
        let loop = try ReplayLoop(
            setting, target: target, source: nil, slack: slack, clock: clock, onEnd: { counter.add($0) })
        let thread = try WorkerThread("replay") { try loop.run() }
        // Whoever reads ahead, this thread and those it starts from now on, is never what the sender waits for.
        WorkerThread.giveWay()
        let start = Timestamp(nanoseconds: clock.now) + Self.preparation
        try progress(counter, 0, start)
        var feeder = Feeder(loop, clock, interrupt, end: limit.map { start + $0 } ?? .distantFuture) { sent in
            try thread.throwFailure()
            if let failure = loop.progress.logInFailure { throw failure }
            try progress(counter, sent, start)
        }
        var end = start
        do {
            for round in 0..<rounds where !feeder.isOver {
                try feed(&feeder, from: end, round: round)
                let pause = overview.length / Double(max(1, overview.requests - 1))
                end = end + (overview.length + pause) / shape.speed
            }
            try feeder.drain(within: Self.drainLimit)
        } catch {
            loop.stop()
            try? thread.join()
            throw error
        }
        let stopped = Timestamp(nanoseconds: clock.now)
        loop.stop()
        try thread.join()
        if let failure = loop.progress.logInFailure { throw failure }
        return ReplayOutcome(
            start: start, end: stopped, tally: counter.tally, lastInterval: counter.takeInterval(),
            unsolicited: loop.progress.unsolicited, comparison: loop.outcome.comparison,
            noise: loop.outcome.noise, lost: overview.lost)
    }

    private func feed(_ feeder: inout Feeder, from start: Timestamp, round: Int) throws {
        var schedule = TraceSchedule(overview, shape, start: start, round: round)
        let reader = try TraceReader(path, .events)
        while !feeder.isOver, let record = try reader.next() {
            schedule.take(record, on: record.connection.flatMap { reader.connections[$0] })
            try feeder.take(&schedule, lead: Self.lead)
        }
        schedule.complete()
        try feeder.take(&schedule, lead: Self.lead)
        try feeder.flush()
    }
}

/// Hands items to a loop some time ahead, and waits in between.
private struct Feeder {
    private let loop: ReplayLoop
    private let clock: SteadyClock
    private let interrupt: InterruptSignal
    private let end: Timestamp
    private let look: (Int) throws -> Void
    private var batch: [ReplayInput] = []
    private var given = 0
    private var lastLook = Timestamp.distantPast
    private(set) var isOver = false

    init(
        _ loop: ReplayLoop, _ clock: SteadyClock, _ interrupt: InterruptSignal, end: Timestamp,
        look: @escaping (Int) throws -> Void
    ) {
        self.loop = loop
        self.clock = clock
        self.interrupt = interrupt
        self.end = end
        self.look = look
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    mutating func take(_ schedule: inout TraceSchedule, lead: Duration) throws {
        while !isOver, let item = schedule.next() {
            if item.due > end {
                isOver = true
                break
            }
            batch.append(.item(item))
            if batch.count >= 256 || item.due > now + lead { try flush() }
            // Not for each item by itself: the lead leaves room for some at once.
            while !isOver, item.due > now + lead { try wait(0.1) }
        }
    }

    mutating func flush() throws {
        given += batch.count
        _ = loop.inputs.put(contentsOf: batch)
        batch.removeAll(keepingCapacity: true)
        try lookOn()
    }

    private mutating func wait(_ seconds: Double) throws {
        if interrupt.wait(seconds: seconds) == .interrupted { isOver = true }
        try lookOn()
    }

    private mutating func lookOn() throws {
        guard now - lastLook > .milliseconds(250) else { return }
        lastLook = now
        try look(loop.progress.sent)
    }

    /// Until everything has been answered, or for so long behind the last that is due.
    mutating func drain(within limit: Duration) throws {
        try flush()
        var deadline = now + limit
        while !interrupt.hasCome, now < deadline {
            let progress = loop.progress
            if progress.taken == given, progress.isDrained { return }
            if progress.taken < given || progress.scheduled > 0 { deadline = now + limit }
            _ = interrupt.wait(seconds: 0.01)
            try lookOn()
        }
    }
}
