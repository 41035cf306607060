import Glibc

/// What the visitors of a window asked, and how fast the machine was meanwhile, is the same for a clone and for the on-line domain, which
/// serves the same requests beside it: where those took longer than they usually do, the clone's did, too. What is usual the on-line
/// domain's figures in all windows of the campaign tell, and of those before it, under one allocation (control variates: Lavenberg and
/// Welch 1981; Law, Simulation Modeling and Analysis, 11.4).
package struct Levelling: Hashable, Codable, Sendable {
    /// What the clone's figure is multiplied by.
    package var factor: Double
    /// How far off that may be, as the deviation of a normal error and a fraction.
    package var error: Double
    /// How far off the clone's figure is as a multiple of the on-line one over the same requests. That is often less than what the
    /// clone's requests say by themselves, and not believed then: a queue that the on-line domain has not cannot be paired.
    package var paired: Double

    /// Beyond this power of the on-line figure nothing is taken out: a queue that is nearly full goes its own ways.
    private static let steepest = 2.0
    /// How far off that power may be, as a fraction.
    private static let powerDoubt = 0.25
    /// The same of what another load does.
    private static let loadDoubt = 0.5

    /// A window that is further from the others than so many deviations of theirs had something of its own, a stall of the machine.
    private static let farthest = 3.0

    /// What one window, or several together, had in common with the on-line domain's others.
    struct Windows {
        /// The clone's figure over the on-line one in each window, both over the same requests.
        var ratios: [Estimate]
        /// The on-line domain in these, and in all windows of the campaign.
        var onLine: [Estimate]
        var all: [Estimate]
        /// In the windows of campaigns before it, as they followed each other; and in all of both that are none of these.
        var earlier: [[Double]] = []
        var others: [Double]
        /// How many times the rate of these is what it was in all.
        var load: Double
        /// By what power of the on-line figure the clone's goes (`Drift.amplification`).
        var power: Double
    }

    /// Nil where too little is known, or what happened is not in common.
    init?(_ windows: Windows) {
        guard min(windows.all.count, windows.others.count) >= Drift.fewest, !windows.onLine.isEmpty,
            windows.ratios.count == windows.onLine.count,
            (windows.onLine + windows.all).allSatisfy({ $0.value > 0 }),
            (windows.earlier.joined() + windows.others).allSatisfy({ $0 > 0 })
        else { return nil }
        let count = Double(windows.onLine.count)
        let usual = Usual(windows.all.map { log($0.value) }, earlier: windows.earlier.map { $0.map { log($0) } })
        let away = usual.level - windows.onLine.reduce(0) { $0 + log($1.value) } / count
        let ofOthers = Drift.spread(windows.others)
        guard abs(away) <= Self.farthest * ofOthers else { return nil }
        let power = min(Self.steepest, windows.power)
        factor = exp(power * away)
        // Both may be off together where the power is not 1.
        let unpaired = (windows.onLine.reduce(0) { $0 + $1.errorBelow * $1.errorBelow } / (count * count)).squareRoot()
        let ofRatio = (windows.ratios.reduce(0) { $0 + $1.relativeError * $1.relativeError } / (count * count))
            .squareRoot()
        paired = ofRatio + abs(power - 1) * unpaired

        let spread = Drift.spread(windows.earlier.joined() + windows.all.map(\.value))
        let parts = [
            // That what was usual so often is usual at all.
            power * usual.error,
            Self.powerDoubt * power * away,
            // What a steeper one leaves.
            (windows.power - power) * max(spread / count.squareRoot(), abs(away)),
            // Another load makes a fuller queue longer by more than the same delay does.
            Self.loadDoubt * power * log(windows.load),
        ]
        error = parts.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}

extension CampaignRecord {
    /// Of a cell that was measured in `windows`, where it makes its figures surer. Those have an `own` error each, and one by which
    /// windows differ, both as fractions.
    ///
    /// Not of recorded requests, which are those of every window; nor where clone and domain are not on the same machine, are asked
    /// other things, or wait for clones of other tiers.
    func levelling(
        _ windows: [Measurement], _ allocation: Allocation, own: [ResponseStatistic: Double],
        drift: [ResponseStatistic: Double]
    ) -> [ResponseStatistic: Levelling] {
        guard let rate = control?.measurement.onLine.throughput, rate > 0, let first = windows.first, trace == nil,
            (with ?? []).isEmpty, (forward ?? []).isEmpty,
            ![.node, .mix, .withCPU].contains(where: { allocation[$0] != nil && allocation[$0] != onLine[$0] }),
            Drift.comparable(windows.map(\.onLine), at: rate).count == windows.count
        else { return [:] }
        let all = Drift.comparable(onLineWindows(with: first), at: rate)
        let campaigns = earlierCampaigns.map { Drift.comparable($0, at: rate) }
        let known = campaigns.joined() + all
        let these = Set(windows.map(\.onLine))
        let mean = { (windows: [ResponseTimes]) in windows.reduce(0) { $0 + $1.throughput } / Double(windows.count) }
        let load = mean(windows.map(\.onLine)) / mean(known)
        let power = windows.reduce(0) { $0 + amplification($1, allocation) } / Double(windows.count)
        var levels: [ResponseStatistic: Levelling] = [:]
        for statistic in ResponseStatistic.allCases {
            let figures = { (windows: [ResponseTimes]) in windows.map { $0[statistic].value } }
            guard let own = own[statistic], let drift = drift[statistic],
                let level = Levelling(
                    Levelling.Windows(
                        ratios: windows.compactMap { $0.ratios?[statistic] },
                        onLine: windows.map { $0.onLine[statistic] }, all: all.map { $0[statistic] },
                        earlier: campaigns.map(figures), others: figures(known.filter { !these.contains($0) }),
                        load: load, power: power)),
                max(level.paired * level.paired, own * own) + level.error * level.error < own * own + drift * drift
            else { continue }
            levels[statistic] = level
        }
        return levels
    }
}

extension CampaignRecord {
    /// The windows of earlier campaigns, a list each, all as they followed each other. Of one that was not kept whole, those that were; none
    /// of records of earlier versions.
    private var earlierCampaigns: [[ResponseTimes]] {
        guard let windows = earlierWindows, let counts = earlierCounts, counts.allSatisfy({ $0 > 0 }),
            counts.reduce(0, +) == windows.count
        else { return [] }
        var rest = windows[...]
        return counts.map { count in
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reversed()
        }.reversed()
    }
}
