/// The figure of the response time that an SLA limits or a query asks for.
package enum ResponseStatistic: String, Hashable, Codable, CaseIterable, Sendable, CodingKeyRepresentable {
    case mean, p50, p95, p99

    /// Of requests that are no slower; nil of the mean.
    package var share: Double? {
        switch self {
        case .mean: nil
        case .p50: 0.5
        case .p95: 0.95
        case .p99: 0.99
        }
    }

    /// How many requests it takes until the figure is more than that of the slowest one.
    package var leastCount: UInt64 {
        switch self {
        case .mean, .p50: 10
        case .p95: 20
        case .p99: 100
        }
    }
}

/// "p95 below 50 ms, seen over 60 s": the promise a service makes about its response time.
package struct SLA: Hashable, Codable, Sendable, CustomStringConvertible {
    package let statistic: ResponseStatistic
    package let limit: Duration
    /// The window over which the statistic is taken on-line.
    package let over: Duration

    package init(_ statistic: ResponseStatistic, below limit: Duration, over: Duration) {
        self.statistic = statistic
        self.limit = limit
        self.over = over
    }

    package func isMet(by seconds: Double) -> Bool { seconds < limit.seconds }

    /// Met by the whole interval: what an allocation has to show before it is called good enough.
    package func isSurelyMet(by estimate: Estimate) -> Bool { estimate.upper < limit.seconds }

    package var description: String { "\(statistic.rawValue) < \(Format.duration(limit))" }
}
