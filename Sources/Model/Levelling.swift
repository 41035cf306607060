import Glibc

/// What the visitors of a window asked, and how fast the machine was meanwhile, is the same for a clone and for the on-line domain, which
/// serves the same requests beside it: where those took longer than they usually do, the clone's did, too. What is usual the on-line
/// domain's figures in all windows of the campaign tell, under one allocation (control variates: Lavenberg and Welch 1981; Law,
/// Simulation Modeling and Analysis, 11.4).
package struct Levelling: Hashable, Codable, Sendable {
    /// What the clone's figure is multiplied by.
    package var factor: Double
    /// How far off the product may be, as the deviation of a normal error and a fraction.
    package var error: Double

    /// Beyond this power of the on-line figure nothing is taken out: a queue that is nearly full goes its own ways.
    private static let steepest = 2.0
    /// How far off that power may be, as a fraction.
    private static let powerDoubt = 0.25

    /// What one window, or several together, had in common with the on-line domain's others.
    struct Windows {
        /// The clone's figure over the on-line one in each window, both over the same requests.
        var ratios: [Estimate]
        /// The on-line domain in these, and in all windows of the campaign.
        var onLine: [Estimate]
        var all: [Estimate]
        /// How much windows differ, this campaign's and those before it: a deviation on the logarithm, and of how many.
        var spread: (value: Double, windows: Int)
        /// By what power of the on-line figure the clone's goes (`Drift.amplification`).
        var power: Double
    }

    /// Nil where too little is known.
    init?(_ windows: Windows) {
        guard windows.all.count >= Drift.fewest, windows.spread.windows >= Drift.fewest, !windows.onLine.isEmpty,
            windows.ratios.count == windows.onLine.count,
            (windows.onLine + windows.all).allSatisfy({ $0.value > 0 })
        else { return nil }
        let (count, all) = (Double(windows.onLine.count), Double(windows.all.count))
        let own = windows.onLine.reduce(0) { $0 + $1.value } / count
        let usual = windows.all.reduce(0) { $0 + $1.value } / all
        let power = min(Self.steepest, windows.power)
        let exponent = power * log(usual / own)
        factor = exp(exponent)
        let few = RunStatistics.studentT95(degreesOfFreedom: windows.spread.windows - 1) / Estimate.quantile
        let paired = windows.ratios.reduce(0) { $0 + $1.relativeError * $1.relativeError } / (count * count)
        let unpaired = windows.onLine.reduce(0) { $0 + $1.errorBelow * $1.errorBelow } / (count * count)
        let parts = [
            // What the sections of the window say, and of the on-line figure what goes in by another power than it is paired with.
            paired, (power - 1) * (power - 1) * unpaired,
            // That what was usual in so many windows is usual at all.
            power * power * few * few * windows.spread.value * windows.spread.value / all,
            Self.powerDoubt * exponent * Self.powerDoubt * exponent,
            // What a steeper one leaves.
            (windows.power - power) * (windows.power - power) * windows.spread.value * windows.spread.value / count,
        ]
        error = parts.reduce(0, +).squareRoot()
    }
}

extension Drift {
    /// By how much windows differ on the logarithm, all told: by what each does not know and by what drifts.
    static func spread(
        _ windows: [ResponseTimes], _ statistic: ResponseStatistic
    ) -> (value: Double, windows: Int) {
        let logarithms = windows.map { $0[statistic].value }.filter { $0 > 0 }.map { log($0) }
        guard logarithms.count >= fewest else { return (0, logarithms.count) }
        let count = Double(logarithms.count)
        let mean = logarithms.reduce(0, +) / count
        let squares = logarithms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return ((squares / (count - 1)).squareRoot(), logarithms.count)
    }
}

extension CampaignRecord {
    /// Of a cell that was measured in `windows`, where it makes its figures surer than they are by themselves: `doubts` are the errors
    /// that each of them has, as fractions.
    func levelling(
        _ windows: [Measurement], _ allocation: Allocation, doubts: [ResponseStatistic: Double]
    ) -> [ResponseStatistic: Levelling] {
        guard let rate = control?.measurement.onLine.throughput, rate > 0, let last = windows.first else { return [:] }
        let own = Drift.comparable(onLineWindows(with: last), at: rate)
        let all = Drift.comparable((earlierWindows ?? []), at: rate) + own
        let power = windows.reduce(0) { $0 + amplification($1, allocation) } / Double(windows.count)
        var levels: [ResponseStatistic: Levelling] = [:]
        for statistic in ResponseStatistic.allCases {
            let ratios = windows.compactMap { $0.ratios?[statistic] }
            guard let doubt = doubts[statistic],
                let level = Levelling(
                    Levelling.Windows(
                        ratios: ratios, onLine: windows.map { $0.onLine[statistic] }, all: own.map { $0[statistic] },
                        spread: Drift.spread(all, statistic), power: power)), level.error < doubt
            else { continue }
            levels[statistic] = level
        }
        return levels
    }
}
