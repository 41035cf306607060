import Glibc

/// How much a figure differs from window to window by more than the windows themselves say: what drifts about a machine and its
/// visitors, and is the same for all requests of a window. One window cannot tell, and its interval does not hold it.
///
/// The on-line domain is measured in every window, under one allocation: its figures in the windows of this campaign, and of
/// earlier ones of the same domain under about the same load, say how much (random effects on the logarithm: DerSimonian and
/// Laird 1986, equal weights, with the middle of what each window is believed to be off by).
package enum Drift {
    /// Fewer windows say nothing.
    static let fewest = 3
    /// Of load, by which windows may differ and be compared.
    private static let load = 0.2
    /// As many of earlier campaigns are kept.
    package static let kept = 40

    /// Those under about the same load.
    static func comparable(_ windows: [ResponseTimes], at rate: Double) -> [ResponseTimes] {
        windows.filter { abs($0.throughput / rate - 1) <= load }
    }

    /// The standard deviation between windows, relative to the figure, and of how many windows; 0 where there are too few.
    package static func deviation(
        _ windows: [ResponseTimes], _ statistic: ResponseStatistic, at rate: Double
    ) -> (value: Double, windows: Int) {
        let figures = comparable(windows, at: rate).map { $0[statistic] }.filter { $0.value > 0 }
        guard figures.count >= fewest else { return (0, figures.count) }
        let all = Self.spread(figures.map(\.value))
        // The middle one: a window that hardly knows its figure says nothing of what the others differ by.
        let errors = figures.map { $0.errorBelow * $0.errorBelow }.sorted()
        let within = (errors[(errors.count - 1) / 2] + errors[errors.count / 2]) / 2
        return (max(0, all * all - within).squareRoot(), figures.count)
    }

    /// Of every statistic. What makes all requests of a window longer by a share makes its far quantiles longer by that, too, which few
    /// requests make and which cannot tell it by themselves: they differ by no less than the mean.
    static func deviations(
        _ windows: [ResponseTimes], at rate: Double
    ) -> [ResponseStatistic: (value: Double, windows: Int)] {
        let ofMean = deviation(windows, .mean, at: rate).value
        return Dictionary(
            uniqueKeysWithValues: ResponseStatistic.allCases.map { statistic in
                let own = deviation(windows, statistic, at: rate)
                let isFar = (statistic.share ?? 0) > 0.5
                return (statistic, (isFar ? max(own.value, ofMean) : own.value, own.windows))
            })
    }

    /// Beyond this utilisation a queue is not stationary, and the formula says nothing.
    private static let fullest = 0.9

    /// How many times as much as the on-line domain a clone drifts that is used more; less of one that is used less. What makes
    /// every request take longer by a share makes those that queue wait longer by more: of a station with utilisation ρ, whose
    /// response times go with 1/(1 − ρ), by 1/(1 − ρ) times that share.
    static func amplification(_ utilisation: Double, onLine: Double) -> Double {
        (1 - min(fullest, onLine)) / (1 - min(fullest, utilisation))
    }
}

extension CampaignRecord {
    /// The on-line domain in each window of this campaign.
    package var onLineWindows: [ResponseTimes] { onLineWindows(with: nil) }

    /// And in that of a measurement that is no cell yet.
    func onLineWindows(with measurement: Measurement?) -> [ResponseTimes] {
        let measurements =
            controls.map(\.measurement) + matrix.cells.compactMap(\.measurement) + [measurement].compactMap(\.self)
        // Of several at once, whose requests are the same, one.
        var end = Timestamp.distantPast
        return measurements.sorted { $0.started < $1.started }.compactMap { measurement in
            guard measurement.started >= end else { return nil }
            end = measurement.started + .seconds(measurement.window)
            return measurement.onLine
        }
    }

    /// What differs between windows, by statistic; of this campaign and those before it.
    package var drift: [ResponseStatistic: Double] { found().mapValues(\.value) }

    private func found(
        with measurement: Measurement? = nil
    ) -> [ResponseStatistic: (value: Double, windows: Int)] {
        guard let rate = control?.measurement.onLine.throughput, rate > 0 else { return [:] }
        return Drift.deviations((earlierWindows ?? []) + onLineWindows(with: measurement), at: rate)
    }

    /// By how much less than a control a cell deviates that was used less.
    func relief(_ measurement: Measurement, _ allocation: Allocation, _ control: ControlResult) -> Double {
        guard let quota = (allocation[.cpu] ?? onLine[.cpu])?.number, quota > 0, let own = onLine[.cpu]?.number, own > 0
        else { return 1 }
        return min(1, Drift.amplification(measurement.cpuUsed / quota, onLine: control.measurement.cpuUsed / own))
    }

    /// What an interval of 95 % of a measured cell has to hold of that, as the deviation of a normal error: of few windows more, by
    /// Student's t, and of a clone that was used more than the on-line domain.
    func doubt(_ measurement: Measurement, _ allocation: Allocation) -> [ResponseStatistic: Double] {
        let amplification = amplification(measurement, allocation)
        return found(with: measurement).mapValues { found in
            guard found.windows >= Drift.fewest else { return 0 }
            let quantile = RunStatistics.studentT95(degreesOfFreedom: found.windows - 1)
            return found.value * amplification * quantile / Correction.quantile
        }
    }

    /// How many times as much a clone drifts as the on-line domain. A domain without a quota is taken not to queue: then no clone drifts
    /// less.
    func amplification(_ measurement: Measurement, _ allocation: Allocation) -> Double {
        guard let quota = (allocation[.cpu] ?? onLine[.cpu])?.number, quota > 0 else { return 1 }
        let used = control?.measurement.onLineCPUUsed ?? 0
        return Drift.amplification(
            measurement.cpuUsed / quota, onLine: onLine[.cpu]?.number.map { used / $0 } ?? 0)
    }
}
