/// Whether a promise is kept, as far as was seen.
package enum SLAState: String, Sendable, Hashable, Codable {
    case meets, violated
    /// Fewer than the statistic needs to mean something: nothing is said.
    case tooFew = "too few requests"
}

/// The SLA's figure over its window.
package struct SLAReading: Sendable, Hashable {
    package var state: SLAState
    /// In seconds; nil without any request.
    package var value: Double?
    package var requests: UInt64
    /// How much of the window was seen: less than the SLA's `over` at first.
    package var seen: Duration

    package init(state: SLAState, value: Double?, requests: UInt64, seen: Duration) {
        self.state = state
        self.value = value
        self.requests = requests
        self.seen = seen
    }
}

/// What was heard of one tier in an interval of time.
package struct TierInterval: Sendable, Hashable {
    package var tier: String
    package var start: Timestamp
    package var length: Duration = .zero
    /// Response times of the requests whose reply was complete within the interval.
    package var histogram = LatencyHistogram()
    /// Replies in which the server says that it failed.
    package var errors = 0
    /// Requests that could not be heard whole with their replies.
    package var lost = 0
    package var unseen = Unseen()
    /// Connections that begin with TLS, or ask for it: nothing of them can be read.
    package var encrypted = 0
    /// Requests without a complete reply at the end of the interval: a tier that hangs answers nothing, and nothing else
    /// would show.
    package var waiting = 0
    /// Only for the tier that the SLA is about.
    package var sla: SLAReading?

    package init(tier: String, start: Timestamp) {
        self.tier = tier
        self.start = start
    }

    package var requests: UInt64 { histogram.count }

    /// Replies a second.
    package var rate: Double { length > .zero ? Double(requests) / length.seconds : 0 }
}
