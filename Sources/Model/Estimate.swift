import Glibc

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
    static let quantile = 1.96

    /// The standard error of the logarithm of a positive figure with an interval of 95 %, which need not have its value in its middle.
    /// One that reaches down to none has no logarithm: then that of the figure, as a fraction of it.
    package var relativeError: Double {
        guard value > 0, upper > lower else { return 0 }
        return lower > 0 ? log(upper / lower) / (2 * Self.quantile) : (upper - lower) / (2 * Self.quantile * value)
    }

    /// The same by its lower side alone, which is not lengthened for what a run may not have seen.
    var errorBelow: Double { logarithmBelow / Self.quantile }

    /// By what factor the figure is above its lower end, and its upper end above it, as logarithms.
    var logarithmBelow: Double { lower > 0 ? log(value / lower) : 1 }
    var logarithmAbove: Double { value > 0 ? log(upper / value) : 0 }

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
            let error = window.relativeError * window.value
            return sum + error * error
        }
        let all = windows.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) } / (count - 1)
        guard mean > 0 else { return Estimate(mean, lower: mean, upper: mean) }
        let reach = quantile * (max(all, within / count) / count).squareRoot() / mean
        return Estimate(mean, lower: mean * exp(-reach), upper: mean * exp(reach))
    }
}
