import Model
package import OperatingSystem
import Proxies
import Synchronization
import Wire

/// What a load did, whole.
package struct LoadReport: Sendable, Codable {
    package var seconds: Double
    package var sent: Int
    package var answered: Int
    /// Status 500 and above, or cut off.
    package var failed: Int
    package var unanswered: Int
    package var throughput: Double
    package var mean: Double?
    package var p50: Double?
    package var p95: Double?
    package var p99: Double?
    /// How much later than due the latest request left.
    package var latest: Double
}

/// Plays a load plan against the lab's web tier, open loop: requests leave at their times whatever the answers do. It is
/// the in-proxy's engine with made-up visitors instead of recorded ones.
package enum LoadRun {
    /// How long before they are due requests are handed to the engine: time enough to be sent on time, and late enough
    /// for the cookie of a log-in to be there.
    private static let lead = Duration.milliseconds(20)

    /// `duration` nil is until interrupted. Belongs inside the lab's host.
    package static func run(
        _ service: AuctionService = .first, rate: Double, duration: Duration?, seed: UInt64, interrupt: InterruptSignal,
        progress: (_ elapsed: Double, _ sent: Int, _ answered: Int) -> Void
    ) throws -> LoadReport {
        let clock = SteadyClock()
        let cookies = Cookies()
        var setting = InProxySetting()
        setting.keepsReplies = true
        let loop = try ReplayLoop(setting, target: service.web, source: nil, clock: clock) { key, reply in
            if let cookie = LoadRequest.sessionCookie(in: reply.bytes) { cookies.set(cookie, for: key.connection) }
        }
        let thread = try WorkerThread("load") { try loop.run() }
        let start = Timestamp(nanoseconds: clock.now) + .milliseconds(100)
        var plan = LoadPlan(rate: rate, seed: seed)
        var queue: [PlannedRequest] = []
        var lastReport = start
        while true {
            let now = Timestamp(nanoseconds: clock.now)
            let elapsed = now - start
            if let duration, elapsed >= duration { break }
            queue += plan.requests(startingBefore: elapsed + .seconds(1))
            queue.sort { $0.offset < $1.offset }
            let ready = queue.prefix { $0.offset <= elapsed + lead }
            for request in ready where duration.map({ request.offset < $0 }) ?? true {
                hand(request, to: loop, start: start, cookie: cookies.value(of: request.session))
            }
            queue.removeFirst(ready.count)
            if now - lastReport >= .seconds(5) {
                lastReport = now
                progress(elapsed.seconds, loop.progress.sent, loop.progress.answered)
            }
            try thread.throwFailure()
            if interrupt.wait(seconds: 0.005) == .interrupted { break }
        }
        let end = Timestamp(nanoseconds: clock.now)
        let drainDeadline = end + .seconds(3)
        while !loop.progress.isDrained, Timestamp(nanoseconds: clock.now) < drainDeadline, !interrupt.hasCome {
            _ = interrupt.wait(seconds: 0.02)
        }
        loop.stop()
        try thread.join()
        return report(loop.outcome.requests, from: start, to: end, stop: Timestamp(nanoseconds: clock.now))
    }

    private static func hand(_ request: PlannedRequest, to loop: ReplayLoop, start: Timestamp, cookie: String?) {
        let bytes = LoadRequest.bytes(request.page, cookie: cookie)
        let key = RequestKey(connection: request.session, number: request.number)
        loop.inputs.put(
            .item(
                ReplayItem(
                    connection: request.session, due: start + request.offset,
                    kind: .request(RecordedRequest(key, bytes)))))
        if request.isLast {
            // Closes when the reply has come.
            loop.inputs.put(.item(ReplayItem(connection: request.session, due: start + request.offset, kind: .close)))
        }
    }

    static func report(
        _ requests: [ReplayedRequest], from start: Timestamp, to end: Timestamp, stop: Timestamp
    ) -> LoadReport {
        var histogram = LatencyHistogram()
        var report = LoadReport(
            seconds: (end - start).seconds, sent: requests.count, answered: 0, failed: 0, unanswered: 0, throughput: 0,
            latest: 0)
        for request in requests {
            if let sent = request.sent { report.latest = max(report.latest, (sent - request.due).seconds) }
            switch request.outcome {
            case .answered(_, let isError, _):
                report.answered += 1
                if isError { report.failed += 1 }
            case .cutOff, .malformed, .dropped:
                report.failed += 1
                continue
            case .waiting: report.unanswered += 1
            }
            if let time = request.responseTime(until: stop) { histogram.record(time) }
        }
        report.throughput = report.seconds > 0 ? Double(report.answered) / report.seconds : 0
        (report.mean, report.p50) = (histogram[.mean], histogram[.p50])
        (report.p95, report.p99) = (histogram[.p95], histogram[.p99])
        return report
    }
}

/// Cookies by session, filled by the engine's thread and read by the plan's.
private final class Cookies: Sendable {
    private let values = Mutex<[UInt64: String]>([:])
    func set(_ cookie: String, for session: UInt64) { values.withLock { $0[session] = cookie } }
    func value(of session: UInt64) -> String? { values.withLock { $0[session] } }
}
