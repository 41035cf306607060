/// A figure and the interval it is believed to lie in, with its confidence. Never a bare number.
package struct Estimate: Hashable, Codable, Sendable {
    package var value: Double
    package var lower: Double
    package var upper: Double

    package init(_ value: Double, lower: Double, upper: Double) {
        self.value = value
        self.lower = min(lower, value)
        self.upper = max(upper, value)
    }
}

extension Estimate {
    /// The normal distribution's two-sided quantile of 95 %.
    private static let quantile = 1.96

    /// How many of so many, as a share with its score interval of 95 % (Wilson 1927), which says something where none is, too:
    /// of 600 requests of which none failed, at most 0.64 % do. Nil without any.
    package static func share(_ count: Int, of total: Int) -> Estimate? {
        guard total > 0 else { return nil }
        let (n, z2) = (Double(total), quantile * quantile)
        let share = Double(count) / n
        let middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        let half = (share * (1 - share) * z2 / n + z2 * z2 / (4 * n * n)).squareRoot() / (1 + z2 / n)
        return Estimate(share, lower: max(0, middle - half), upper: min(1, middle + half))
    }

    /// Of one figure over several windows, each with its 95 % interval: their mean, and how far off it may be by what each
    /// window does not know and by what differs between them (random effects: DerSimonian and Laird 1986, equal weights). What
    /// is the same in a window, as what its visitors happened to ask, no window can tell by itself.
    ///
    /// Nil without any.
    package static func pooled(_ windows: [Estimate]) -> Estimate? {
        guard let first = windows.first else { return nil }
        if windows.count == 1 { return first }
        let count = Double(windows.count)
        let mean = windows.reduce(0) { $0 + $1.value } / count
        let within = windows.reduce(0) { sum, window in
            let error = (window.upper - window.lower) / 2 / quantile
            return sum + error * error
        }
        let all = windows.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) } / (count - 1)
        let half = quantile * (max(all, within / count) / count).squareRoot()
        return Estimate(mean, lower: max(0, mean - half), upper: mean + half)
    }
}

/// One response time and when its request was due, both in seconds; the order of `due` is the order of arrival.
package struct ResponseSample: Hashable, Sendable {
    package let due: Timestamp
    package let response: Duration

    package init(due: Timestamp, response: Duration) {
        self.due = due
        self.response = response
    }
}

/// Point and interval estimates from one run, honest about correlation between neighbouring requests.
package enum RunStatistics {
    /// How many consecutive sections a run is cut into.
    package static let sections = 10

    /// The 95 % two-sided quantile of Student's t by degrees of freedom 1…30.
    private static let studentT: [Double] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]

    package static func studentT95(degreesOfFreedom: Int) -> Double {
        degreesOfFreedom < 1 ? .infinity : degreesOfFreedom <= 30 ? studentT[degreesOfFreedom - 1] : 1.96
    }

    /// The statistic over all samples, with a 95 % interval by sectioning (Asmussen and Glynn, Stochastic Simulation,
    /// III.5): the statistic of each of ten consecutive sections, spread about the overall value, Student's t.
    ///
    /// Requests that are still unanswered at the end of a run belong in `samples` with the time waited so far: a lower
    /// bound. Returns nil for fewer than two samples a section.
    package static func estimate(_ statistic: ResponseStatistic, of samples: [ResponseSample]) -> Estimate? {
        guard samples.count >= 2 * sections else { return nil }
        let ordered = samples.sorted { $0.due < $1.due }
        let overall = value(of: statistic, in: ordered[...])
        var squares = 0.0
        for section in 0..<sections {
            let range = ordered.count * section / sections..<ordered.count * (section + 1) / sections
            let difference = value(of: statistic, in: ordered[range]) - overall
            squares += difference * difference
        }
        let k = Double(sections)
        let half = studentT95(degreesOfFreedom: sections - 1) * (squares / (k - 1) / k).squareRoot()
        return Estimate(overall, lower: max(0, overall - half), upper: overall + half)
    }

    /// Half of the 95 % interval of a mean, from what sections of equal length have of it; 0 of fewer than two.
    package static func half(of sections: [Double]) -> Double {
        guard sections.count >= 2 else { return 0 }
        let k = Double(sections.count)
        let mean = sections.reduce(0, +) / k
        let squares = sections.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return studentT95(degreesOfFreedom: sections.count - 1) * (squares / (k - 1) / k).squareRoot()
    }

    /// Half of the 95 % interval of a rate of requests: how many were due in each of ten sections of the window, a second.
    package static func rateHalf(of samples: [ResponseSample], window: Duration) -> Double {
        guard let first = samples.map(\.due).min(), window > .zero else { return 0 }
        let length = window.seconds / Double(sections)
        var counts = [Double](repeating: 0, count: sections)
        for sample in samples { counts[min(sections - 1, Int((sample.due - first).seconds / length))] += 1 }
        return half(of: counts.map { $0 / length })
    }

    /// How many times as much the statistic is over `samples` as over `others`, with a 95 % interval: by sections as above, each
    /// beside its own. Both are of the same requests, so that what makes one section slow is in both and counts for nothing.
    ///
    /// Nil for fewer than two samples a section, and where there is nothing to divide by.
    package static func ratio(
        _ statistic: ResponseStatistic, of samples: [ResponseSample], to others: [ResponseSample]
    ) -> Estimate? {
        guard min(samples.count, others.count) >= 2 * sections else { return nil }
        let (above, below) = (samples.sorted { $0.due < $1.due }, others.sorted { $0.due < $1.due })
        let part = { (samples: [ResponseSample], section: Int) in
            samples[samples.count * section / sections..<samples.count * (section + 1) / sections]
        }
        let whole = value(of: statistic, in: below[...])
        guard whole > 0 else { return nil }
        let overall = value(of: statistic, in: above[...]) / whole
        var squares = 0.0
        for section in 0..<sections {
            let divisor = value(of: statistic, in: part(below, section))
            guard divisor > 0 else { return nil }
            let difference = value(of: statistic, in: part(above, section)) / divisor - overall
            squares += difference * difference
        }
        let k = Double(sections)
        let half = studentT95(degreesOfFreedom: sections - 1) * (squares / (k - 1) / k).squareRoot()
        return Estimate(overall, lower: max(0, overall - half), upper: overall + half)
    }

    /// The statistic of a slice, in seconds; percentiles are exact order statistics.
    static func value(of statistic: ResponseStatistic, in samples: ArraySlice<ResponseSample>) -> Double {
        if statistic == .mean { return samples.reduce(0) { $0 + $1.response.seconds } / Double(samples.count) }
        let sorted = samples.map(\.response.seconds).sorted()
        let quantile =
            switch statistic {
            case .p50: 0.50
            case .p95: 0.95
            default: 0.99
            }
        return sorted[min(sorted.count - 1, max(0, Int((quantile * Double(sorted.count)).rounded(.up)) - 1))]
    }
}
