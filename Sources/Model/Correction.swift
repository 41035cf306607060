import Glibc

/// What the response times of a cell are corrected by: how far the sandbox was from the on-line domain while it was measured,
/// as the controls before and after it tell (A/B/A: what drifts in between is taken to do so evenly).
///
/// A control has an error of its own, so that all of its deviation must not be taken out. Their logarithms are believed to be normal
/// about none, with half the control's limit for the mean at its utilisation as deviation, before the control is seen; what is taken out is what
/// is believed after it, and what is left in doubt is in the interval. To correct only what is more than chance would leave the
/// rest in the figure and out of the interval. What differs from window to window is in the interval as well.
package struct Correction: Hashable, Codable, Sendable {
    package struct Deviation: Hashable, Codable, Sendable {
        /// The clone's figure over the on-line one, with its 95 % interval.
        package var ratio: Estimate
        /// The clone's figure less the on-line one, in seconds.
        package var difference: Double
        /// What the control could not tell, as the deviation of a normal error and a fraction; nil in records of earlier versions.
        package var doubt: Double?
    }

    package var deviations: [ResponseStatistic: Deviation]
    /// By how much one window may differ from another, as the deviation of a normal error and a fraction; nil in records of earlier
    /// versions.
    package var drift: [ResponseStatistic: Double]?
    /// What its window had in common with the on-line domain's, where that is taken out; nil in records of earlier versions.
    package var levels: [ResponseStatistic: Levelling]?

    /// By controls that are within their limits; nil when there are none. `relief` is by what part of its deviation a cell is believed to
    /// deviate that is used less than the control was: what is a little slower everywhere makes a queue much longer where there is one.
    package init?(
        _ controls: [ControlResult], at time: Timestamp, drift: [ResponseStatistic: Double] = [:],
        levels: [ResponseStatistic: Levelling] = [:],
        relief: (ControlResult) -> Double = { _ in 1 }
    ) {
        let points = controls.filter(\.isWithinLimits).sorted { $0.measurement.middle < $1.measurement.middle }
        guard let first = points.first, let last = points.last else { return nil }
        let before = points.last { $0.measurement.middle <= time } ?? first
        let after = points.first { $0.measurement.middle > time } ?? last
        let length = (after.measurement.middle - before.measurement.middle).seconds
        let share = length > 0 ? min(1, max(0, (time - before.measurement.middle).seconds / length)) : 0
        deviations = [:]
        self.drift = drift.filter { levels[$0.key] == nil }
        self.levels = levels.isEmpty ? nil : levels
        for statistic in ResponseStatistic.allCases {
            let weighted = [(before, 1 - share), (after, share)]
            let parts = weighted.map { (weight: $0.1, relief: relief($0.0)) }
            deviations[statistic] = Deviation(weighted, statistic)?.part(
                parts.reduce(0) { $0 + $1.weight * $1.relief },
                ofTime: parts.reduce(0) { $0 + $1.weight * $1.relief * $1.relief })
        }
    }

    /// What the on-line domain would have shown. Whether the sandbox makes everything slower by a factor or by some time, one
    /// control cannot tell: the figure is the middle of both, and the interval holds both with their errors.
    package func correct(_ estimate: Estimate, _ statistic: ResponseStatistic) -> Estimate {
        guard let deviation = deviations[statistic], estimate.value > 0 else { return estimate }
        let level = levels?[statistic]
        let figure = estimate.value * (level?.factor ?? 1)
        let byRatio = figure / deviation.ratio.value
        let byDifference = max(0, figure - deviation.difference)
        // A higher ratio makes for a lower figure.
        let drift = Self.quantile * Self.both(drift?[statistic] ?? 0, deviation.doubt ?? 0)
        let paired = Self.quantile * (level?.paired ?? 0)
        let further = Self.both(drift, Self.quantile * (level?.error ?? 0))
        let below = Self.both(Self.both(max(estimate.logarithmBelow, paired), deviation.ratio.logarithmAbove), further)
        let above = Self.both(Self.both(max(estimate.logarithmAbove, paired), deviation.ratio.logarithmBelow), further)
        return Estimate(
            (byRatio + byDifference) / 2,
            lower: estimate.lower > 0 ? min(byRatio, byDifference) * exp(-below) : 0,
            upper: max(byRatio, byDifference) * exp(above))
    }

    static let quantile = Estimate.quantile

    private static func both(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
}

extension Correction.Deviation {
    /// A limit above it was given to let everything pass, and is no belief.
    private static let largestLimit = 0.2

    /// The weighted mean of these, and what is believed after it.
    fileprivate init?(_ points: [(control: ControlResult, weight: Double)], _ statistic: ResponseStatistic) {
        var (mean, variance, difference, limit, plainLimit) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (control, weight) in points where weight > 0 {
            let (clone, onLine) = (control.measurement.clone[statistic], control.measurement.onLine[statistic])
            guard let ratio = control.measurement.ratio(statistic), ratio.value > 0 else { return nil }
            mean += weight * log(ratio.value)
            difference += weight * (clone.value - onLine.value)
            let deviation = weight * ratio.relativeError
            variance += deviation * deviation
            let allowed = weight * min(Self.largestLimit, control.limits.mean)
            limit += allowed * control.amplification
            plainLimit += allowed
        }
        let prior = limit * limit / 4
        let share = prior > 0 ? prior / (prior + variance) : 0
        let reach = Correction.quantile * (share * variance).squareRoot()
        let value = exp(share * mean)
        ratio = Estimate(value, lower: value * exp(-reach), upper: value * exp(reach))
        self.difference = share * difference
        doubt = plainLimit / 2
    }

    /// So much of the ratio, and of the time: what is S / (1 − ρ), of a share more of S, grows by that share over 1 − ρ, and in time by
    /// S times that share over (1 − ρ)². Whether the sandbox adds a time that no queue makes longer, a control with a longer queue can tell
    /// the less: that stays as much in doubt as it was before.
    fileprivate func part(_ part: Double, ofTime square: Double) -> Self {
        let scaled = { (ratio: Double) in pow(ratio, part) }
        return Self(
            ratio: Estimate(scaled(ratio.value), lower: scaled(ratio.lower), upper: scaled(ratio.upper)),
            difference: square * difference, doubt: doubt.map { (1 - part) * $0 })
    }
}

extension Measurement {
    /// The clone's figure over the on-line one. Records of earlier versions do not have it: then as of independent runs.
    func ratio(_ statistic: ResponseStatistic) -> Estimate? {
        if let ratio = ratios?[statistic] { return ratio }
        let (clone, onLine) = (clone[statistic], onLine[statistic])
        guard clone.value > 0, onLine.value > 0 else { return nil }
        let ratio = clone.value / onLine.value
        let reach =
            Correction.quantile * [clone, onLine].reduce(0) { $0 + $1.relativeError * $1.relativeError }.squareRoot()
        return Estimate(ratio, lower: ratio * exp(-reach), upper: ratio * exp(reach))
    }
}

extension Measurement {
    /// Of its window.
    package var middle: Timestamp { started + .seconds(window / 2) }
}

extension CampaignRecord {
    /// A cell that was just measured, corrected by the controls there are. That of the on-line allocation is measured by each of
    /// them.
    package func corrected(_ cell: Cell) -> Cell {
        guard case .measured(var measurement) = cell.content else { return cell }
        let windows = cell.allocation == onLine ? windows(with: measurement) : [measurement]
        measurement.pooled = windows.count == 1 ? nil : Self.pooled(windows)
        // About the middle of them.
        let time = windows.map(\.middle).reduce(Duration.zero) { $0 + ($1 - measurement.middle) } / windows.count
        let drift = further(doubt(measurement, cell.allocation), pooled: measurement.pooled, of: windows.count)
        let own = Dictionary(
            uniqueKeysWithValues: ResponseStatistic.allCases.map {
                ($0, (measurement.pooled?[$0] ?? measurement.clone[$0]).errorBelow)
            })
        measurement.correction =
            control?.limits.corrects == true
            ? Correction(
                controls, at: measurement.middle + time, drift: drift,
                levels: levelling(windows, cell.allocation, own: own, drift: drift)
            ) { control in
                relief(measurement, cell.allocation, control)
            } : nil
        return Cell(cell.allocation, .measured(measurement), check: cell.check)
    }

    /// Of several windows the mean drifts less, and by what they differ they have said some of it already.
    private func further(
        _ drift: [ResponseStatistic: Double], pooled: [ResponseStatistic: Estimate]?, of windows: Int
    ) -> [ResponseStatistic: Double] {
        guard let pooled else { return drift }
        return Dictionary(
            uniqueKeysWithValues: drift.map { statistic, deviation in
                guard let estimate = pooled[statistic], estimate.value > 0 else { return (statistic, deviation) }
                let said = estimate.errorBelow
                return (statistic, max(0, deviation * deviation / Double(windows) - said * said).squareRoot())
            })
    }

    private func windows(with measurement: Measurement) -> [Measurement] {
        [measurement]
            + controls.filter { $0.isWithinLimits && $0.allocation == onLine }.map(\.measurement).filter {
                $0.started != measurement.started
            }
    }

    private static func pooled(_ windows: [Measurement]) -> [ResponseStatistic: Estimate] {
        var pooled: [ResponseStatistic: Estimate] = [:]
        for statistic in ResponseStatistic.allCases { pooled[statistic] = .pooled(windows.map { $0.clone[statistic] }) }
        return pooled
    }

    /// Corrects anew what was measured, now that there is a further control.
    package mutating func correctCells() {
        for cell in matrix.cells where cell.measurement != nil { matrix[cell.allocation] = corrected(cell) }
    }

    /// How many cells no control stands behind.
    package var openCells: Int {
        guard let last = controls.last?.measurement.started else { return 0 }
        return matrix.cells.count { ($0.measurement?.started).map { $0 > last } ?? false }
    }
}
