import Glibc

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
///
/// Requests that queue are alike: the one behind a slow one is slow. The variance of any figure over n of them is that of n/τ independent
/// ones, τ their integrated autocorrelation time, which the run itself tells (`Autocorrelation`).
package struct RunStatistics {
    /// Fewer say nothing.
    package static let fewest = 20

    /// In the order of arrival, in seconds.
    private let responses: [Double]
    private let sorted: [Double]
    /// Of the response times.
    private let time: Double

    /// Requests that are still unanswered at the end of a run belong in `samples` with the time waited so far: a lower bound. Nil for
    /// fewer than twenty.
    package init?(_ samples: [ResponseSample]) {
        guard samples.count >= Self.fewest else { return nil }
        responses = samples.sorted { $0.due < $1.due }.map(\.response.seconds)
        sorted = responses.sorted()
        time = Autocorrelation.time(responses)
    }

    /// The statistic over all samples, with a 95 % interval.
    ///
    /// Of the mean: Student's t by so many independent requests as these are worth, on the logarithm. Of a quantile: the shares of
    /// requests below, by the same on the log-odds of the share, and the order statistics there (Conover, Practical Nonparametric
    /// Statistics, 3.2). Where ten requests or fewer are above, no lower than a tail that goes on as the largest tenth of them do, with an
    /// exponential excess (peaks over a threshold: Pickands 1975, with shape 0), as a queue's does.
    ///
    /// Upwards it is longer: of a queue with mean μ the error of the mean goes with μ² (Whitt 1989, Planning Queueing Simulations), so
    /// that what would be too small by a share r of itself there is 1/(1 − r) times as large. Of a run that is short beside the time in
    /// which its queue comes and goes, this is still too little: it cannot know what it has not seen.
    package func estimate(_ statistic: ResponseStatistic) -> Estimate {
        statistic.share.map(quantile) ?? mean
    }

    private var mean: Estimate {
        let count = Double(responses.count)
        let mean = responses.reduce(0, +) / count
        guard mean > 0 else { return Estimate(mean, lower: mean, upper: mean) }
        let variance = responses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        let worth = Worth(count, time)
        let error = variance.squareRoot() / mean * worth.reach
        return Estimate(mean, lower: mean * exp(-error), upper: mean * exp(error * worth.upwards))
    }

    private func quantile(_ share: Double) -> Estimate {
        let value = order(share)
        let indicated = Autocorrelation.time(responses.map { $0 <= value ? 1 : 0 })
        // Half of all are below a median, and how they alternate tells. Beyond a far quantile there are too few for that; they come as the
        // queue does.
        let worth = Worth(Double(responses.count), share > 0.5 ? max(time, indicated) : indicated)
        let error = worth.reach / (share * (1 - share)).squareRoot()
        let odds = share / (1 - share)
        let (below, above) = (odds * exp(-error), odds * exp(error * worth.upwards))
        return Estimate(value, lower: order(below / (1 + below)), upper: upper(above))
    }

    /// The order statistic of a share, exactly.
    private func order(_ share: Double) -> Double {
        sorted[Self.place(share, of: sorted.count)]
    }

    private static func place(_ share: Double, of count: Int) -> Int {
        min(count - 1, max(0, Int((share * Double(count) - 1e-9).rounded(.up)) - 1))
    }

    private func upper(_ odds: Double) -> Double {
        let count = Double(sorted.count)
        let left = 1 / (1 + odds)
        let seen = order(1 - left)
        if left * count > 10 { return seen }
        let threshold = order(1 - max(10, 0.1 * count) / count)
        let above = sorted.lazy.filter { $0 > threshold }
        let excess = above.reduce(0) { $0 + $1 - threshold }
        guard excess > 0 else { return seen }
        let number = Double(above.count)
        return max(seen, threshold + excess / number * log(number / count / left))
    }

    /// How far an interval reaches by requests that are worth fewer independent ones.
    private struct Worth {
        /// Half of the interval, in deviations of one request.
        let reach: Double
        /// How many times as long it is upwards.
        let upwards: Double

        /// The least that a run is believed to be worth: of fewer nothing can be said at all.
        private static let least = 3.0
        /// Nearer to one the interval had no end.
        private static let farthest = 0.8

        init(_ count: Double, _ time: Double) {
            let independent = max(Self.least, count / time)
            let quantile = RunStatistics.studentT95(degreesOfFreedom: Int(min(1e6, independent)) - 1)
            reach = quantile / independent.squareRoot()
            let share = min(Self.farthest, reach)
            upwards = -log(1 - share) / share
        }
    }
}

extension RunStatistics {
    /// The statistic over all samples, with a 95 % interval; nil for fewer than twenty.
    package static func estimate(_ statistic: ResponseStatistic, of samples: [ResponseSample]) -> Estimate? {
        Self(samples)?.estimate(statistic)
    }

    /// How many consecutive sections a run is cut into, where it is.
    package static let sections = 10

    /// The 95 % two-sided quantile of Student's t by degrees of freedom 1…30.
    private static let studentT: [Double] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]

    package static func studentT95(degreesOfFreedom: Int) -> Double {
        if degreesOfFreedom < 1 { return .infinity }
        if degreesOfFreedom <= studentT.count { return studentT[degreesOfFreedom - 1] }
        // The first terms of its expansion (Abramowitz and Stegun, 26.7.5), to four digits from here on.
        let (z, degrees) = (Estimate.quantile, Double(degreesOfFreedom))
        return z + (pow(z, 3) + z) / (4 * degrees)
            + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * degrees * degrees)
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

    /// How many times as much the statistic is over `samples` as over `others`, with a 95 % interval: by the jackknife that leaves out a
    /// section at a time, on the logarithm (Shao and Wu 1989; quantiles need it by sections). Both are of the same requests, so that
    /// what makes one section slow is in both and counts for nothing.
    ///
    /// Nil for fewer than two samples a section, and where there is nothing to divide by.
    package static func ratio(
        _ statistic: ResponseStatistic, of samples: [ResponseSample], to others: [ResponseSample]
    ) -> Estimate? {
        guard min(samples.count, others.count) >= 2 * sections else { return nil }
        let (above, below) = (Sections(samples), Sections(others))
        let (own, whole) = (above.value(of: statistic), below.value(of: statistic))
        guard whole > 0, own > 0 else { return nil }
        var logarithms: [Double] = []
        for section in 0..<sections {
            let dividend = above.value(of: statistic, without: section)
            let divisor = below.value(of: statistic, without: section)
            guard divisor > 0, dividend > 0 else { return nil }
            logarithms.append(log(dividend / divisor))
        }
        let k = Double(sections)
        let middle = logarithms.reduce(0, +) / k
        let squares = logarithms.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
        let reach = studentT95(degreesOfFreedom: sections - 1) * (squares * (k - 1) / k).squareRoot()
        return Estimate(own / whole, lower: own / whole * exp(-reach), upper: own / whole * exp(reach))
    }

    /// A run cut into sections of as many requests, of which each can be left out.
    private struct Sections {
        /// The shortest first, each with the section that it is in, in seconds.
        private let sorted: [(response: Double, section: Int)]

        init(_ samples: [ResponseSample]) {
            let ordered = samples.sorted { $0.due < $1.due }
            sorted = ordered.indices.map { index in
                (ordered[index].response.seconds, (RunStatistics.sections * (index + 1) - 1) / ordered.count)
            }.sorted { $0.response < $1.response }
        }

        func value(of statistic: ResponseStatistic, without section: Int? = nil) -> Double {
            let left = sorted.lazy.filter { $0.section != section }.map(\.response)
            let count = section == nil ? sorted.count : left.count
            guard let share = statistic.share else { return left.reduce(0, +) / Double(count) }
            return left.dropFirst(RunStatistics.place(share, of: count)).first ?? 0
        }
    }
}
