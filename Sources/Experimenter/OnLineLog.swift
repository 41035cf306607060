import Model
import Proxies
import Wire

/// What was seen of the on-line tier: every exchange with its time and status, and every loss. Values only.
struct OnLineLog: Sendable {
    struct Exchange: Sendable {
        let key: RequestKey
        /// When the request was complete.
        let asked: Timestamp
        let status: Int
        let isError: Bool
        let responseTime: Duration
    }

    struct Window: Sendable {
        var exchanges: [Exchange] = []
        var captured = 0
        var lost = 0
        let range: Range<Timestamp>
    }

    /// How long things are kept: longer than any experiment.
    private static let reach = Duration.seconds(1800)

    private var requests: [(key: RequestKey, asked: Timestamp)] = []
    private var exchanges: [Exchange] = []
    private var losses: [(count: Int, time: Timestamp)] = []

    mutating func request(_ key: RequestKey, asked: Timestamp) {
        requests.append((key, asked))
        if requests.count & 0xfff == 0 { forget(before: asked - Self.reach) }
    }

    mutating func exchange(_ exchange: Exchange) { exchanges.append(exchange) }

    mutating func lost(_ count: Int, at time: Timestamp) { losses.append((count, time)) }

    private mutating func forget(before time: Timestamp) {
        requests.removeAll { $0.asked < time }
        exchanges.removeAll { $0.asked < time }
        losses.removeAll { $0.time < time }
    }

    /// What was asked in `range`, with the answers that have come by now.
    func window(_ range: Range<Timestamp>) -> Window {
        Window(
            exchanges: exchanges.filter { range.contains($0.asked) },
            captured: requests.count { range.contains($0.asked) },
            lost: losses.reduce(0) { $0 + (range.contains($1.time) ? $1.count : 0) }, range: range)
    }
}

extension OnLineLog.Window {
    /// Whether nothing that was asked still waits, as far as that is known: what never comes, too, waits here.
    var isAnswered: Bool { exchanges.count >= captured }

    var samples: [ResponseSample] { exchanges.map { ResponseSample(due: $0.asked, response: $0.responseTime) } }

    /// The response times seen passively; nil when there are too few.
    var responseTimes: ResponseTimes? {
        ResponseTimes(
            samples, answered: exchanges.count { $0.asked + $0.responseTime < range.upperBound },
            window: range.upperBound - range.lowerBound)
    }
}
