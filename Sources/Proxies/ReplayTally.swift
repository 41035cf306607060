package import Model

/// What became of a replay's requests, counted as they end: of the size of two histograms however long it lasts.
package struct ReplayTally: Sendable {
    /// What leaves later than this is late: the load is then not the recorded one.
    package static let lateness = Duration.milliseconds(20)

    package private(set) var account = RequestAccount()
    /// `ReplayedRequest.responseTime`: requests without a reply count with their wait.
    package private(set) var responseTimes = LatencyHistogram()
    /// From when a request was due to when it was given to the kernel, of those that did not wait for a reply.
    package private(set) var delays = LatencyHistogram()
    /// What the recording says of the same requests.
    package private(set) var recorded = LatencyHistogram()
    package private(set) var cutOff = 0
    package private(set) var malformed = 0

    package init() {}

    package mutating func add(_ request: ReplayedRequest, until end: Timestamp) {
        account.captured += 1
        guard let response = request.responseTime(until: end) else {
            account.dropped += 1
            return
        }
        responseTimes.record(response)
        if let expected = request.expected { recorded.record(expected.responseTime) }
        if let sent = request.sent {
            account.sent += 1
            let delay = sent - request.due
            account.latest = max(account.latest, delay.seconds)
            if !request.waited {
                delays.record(delay)
                if delay > Self.lateness { account.late += 1 }
            }
        }
        if request.moved { account.moved += 1 }
        if request.waited { account.waited += 1 }
        switch request.outcome {
        case .answered(let status, let isError, _):
            account.answered += 1
            guard let expected = request.expected, expected.status != status else { return }
            account.mismatched += 1
            if isError && !expected.isError { account.failed += 1 }
        case .cutOff:
            cutOff += 1
            account.failed += 1
        case .malformed:
            malformed += 1
            account.failed += 1
        case .waiting, .dropped: account.unanswered += 1
        }
    }
}
