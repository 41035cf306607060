/// How alike neighbours of a series are.
package enum Autocorrelation {
    /// Longer series are taken by means of as many consecutive values as make them this short, which says the same of their sum.
    private static let longest = 4096

    /// The integrated autocorrelation time: by how many times the variance of the mean of the series is larger than that of as many
    /// independent values. At least 1.
    ///
    /// By the initial monotone sequence (Geyer 1992, Practical Markov Chain Monte Carlo, 3.3): sums of neighbouring lags, until one is
    /// not positive. That the mean is of the series itself takes from every lag what the mean varies by, and is given back.
    package static func time(_ series: [Double]) -> Double {
        let whole = variance(series)
        guard series.count > 2, whole > 0 else { return 1 }
        let length = (series.count + longest - 1) / longest
        let values = length == 1 ? series : means(series, of: length)
        let mean = values.reduce(0, +) / Double(values.count)
        let deviations = values.map { $0 - mean }
        let own = lagged(deviations, 0)
        guard own > 0 else { return 1 }
        var time = -1.0
        var least = Double.infinity
        for lag in stride(from: 0, to: deviations.count - 1, by: 2) {
            let pair = (lagged(deviations, lag) + lagged(deviations, lag + 1)) / own
            if pair <= 0 { break }
            least = min(least, pair)
            time += 2 * least
        }
        let ofAll = max(1, time) * variance(values) / whole * Double(length)
        return max(1, ofAll / (1 - min(mostTaken, ofAll / Double(series.count))))
    }

    /// Of all variance; where the mean takes more there is nothing to reckon with.
    private static let mostTaken = 0.8

    private static func lagged(_ deviations: [Double], _ lag: Int) -> Double {
        var sum = 0.0
        for index in 0..<deviations.count - lag { sum += deviations[index] * deviations[index + lag] }
        return sum
    }

    private static func variance(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))
    }

    /// What is left over at the end is not counted.
    private static func means(_ series: [Double], of length: Int) -> [Double] {
        (0..<series.count / length).map { block in
            series[block * length..<(block + 1) * length].reduce(0, +) / Double(length)
        }
    }
}
