import Model
import OperatingSystem
import Proxies
import Wire

/// A few GET requests, for asking whether a service answers.
enum Fetch {
    /// The statuses of `times` requests sent at once, tried again until all are answered or the time is over.
    static func get(
        _ server: Endpoint, _ target: String, times: Int, within limit: Duration, interrupt: InterruptSignal
    ) throws -> [Int] {
        let clock = SteadyClock()
        let deadline = clock.now + limit.nanoseconds
        var statuses: [Int] = []
        while clock.now < deadline {
            statuses = try once(server, target, times, clock, deadline, interrupt)
            if statuses.count == times, statuses.allSatisfy({ $0 < 500 }) { return statuses }
            if interrupt.wait(seconds: 0.1) == .interrupted { break }
        }
        return statuses
    }

    private static func once(
        _ server: Endpoint, _ target: String, _ times: Int, _ clock: SteadyClock, _ deadline: Int64,
        _ interrupt: InterruptSignal
    ) throws -> [Int] {
        let loop = try ReplayLoop(target: server, source: nil, clock: clock)
        let thread = try WorkerThread("fetch") { try loop.run() }
        let request = Array("GET \(target) HTTP/1.1\r\nHost: \(server.address)\r\nConnection: close\r\n\r\n".utf8)
        for number in 0..<times {
            let id = UInt64(number)
            loop.inputs.put(
                .item(
                    ReplayItem(
                        connection: id, due: Timestamp(nanoseconds: clock.now),
                        kind: .request(RecordedRequest(RequestKey(connection: id, number: 0), request)))))
        }
        while loop.progress.sent < times || !loop.progress.isDrained {
            if clock.now > deadline || interrupt.wait(seconds: 0.01) == .interrupted { break }
        }
        loop.stop()
        try thread.join()
        return loop.outcome.requests.compactMap {
            if case .answered(let status, _, _) = $0.outcome { status } else { nil }
        }
    }
}
