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
        account.add(request, expectedStatus: request.expected?.status, wasError: request.expected?.isError ?? false)
        guard let response = request.responseTime(until: end) else { return }
        responseTimes.record(response)
        if let expected = request.expected { recorded.record(expected.responseTime) }
        if let sent = request.sent, !request.waited { delays.record(sent - request.due) }
        switch request.outcome {
        case .cutOff: cutOff += 1
        case .malformed: malformed += 1
        case .answered, .waiting, .dropped: break
        }
    }
}

extension RequestAccount {
    /// Counts what became of a request, beside what on-line became of it, if that is known. Whoever heard it counts it as
    /// captured.
    package mutating func add(_ request: ReplayedRequest, expectedStatus: Int?, wasError: Bool) {
        if let sent = request.sent {
            self.sent += 1
            let delay = sent - request.due
            latest = max(latest, delay.seconds)
            if !request.waited, delay > ReplayTally.lateness { late += 1 }
        }
        if request.moved { moved += 1 }
        if request.waited { waited += 1 }
        switch request.outcome {
        case .answered(let status, let isError, _):
            answered += 1
            guard let expectedStatus, expectedStatus != status else { return }
            mismatched += 1
            if isError && !wasError { failed += 1 }
        case .cutOff, .malformed: failed += 1
        case .waiting: unanswered += 1
        case .dropped: dropped += 1
        }
    }
}
