package import Model

/// What was heard of a service between two checks.
package struct ServiceCheck: Sendable {
    package var time: Timestamp
    /// Since the check before.
    package var length: Duration
    /// Over the SLA's window.
    package var sla: SLAReading
    /// Since the check before, of every tier.
    package var tiers: [TierUse]
    /// Replies of the service since then in which it says that it failed.
    package var errors: Double

    package init(time: Timestamp, length: Duration, sla: SLAReading, tiers: [TierUse], errors: Double = 0) {
        (self.time, self.length, self.sla, self.tiers, self.errors) = (time, length, sla, tiers, errors)
    }
}

/// Watches one service's promise from check to check. Pure.
///
/// Sandpiper's rule (Wood, Shenoy, Venkataramani, Yousif, NSDI 2007, section 4): a violation is K of the last N checks
/// and the predicted next one, so that neither one slow moment nor what is over already starts anything. The prediction
/// is an autoregression of order one: mean + φ (last − mean).
package struct Vigil: Sendable {
    package enum Finding: Sendable, Hashable {
        case calm
        case violated(because: String)
        case idle(because: String)
    }

    private let sla: SLA
    private let count: CheckCount
    private let giveBack: Double?
    private var checks: [SLAReading] = []

    package init(_ sla: SLA, violated count: CheckCount, giveBack: Double?) {
        (self.sla, self.count, self.giveBack) = (sla, count, giveBack)
    }

    package mutating func add(_ reading: SLAReading) {
        checks.append(reading)
        // For the prediction a little more than is judged.
        let kept = max(count.of, Self.history)
        if checks.count > kept { checks.removeFirst(checks.count - kept) }
    }

    /// What was heard before a change says nothing about what is after it.
    package mutating func forget() { checks = [] }

    package var finding: Finding {
        let last = checks.suffix(count.of)
        let violations = last.count { $0.state == .violated }
        if violations >= count.least, let value = checks.last?.value {
            let next = Self.predicted(checks.compactMap(\.value))
            if let next, !sla.isMet(by: next) {
                return .violated(
                    because: "\(violations) of the last \(last.count) checks violated \(sla) (the last "
                        + "\(Format.milliseconds(value))), and the next is predicted at \(Format.milliseconds(next))")
            }
        }
        guard let giveBack, last.count == count.of else { return .calm }
        let values = last.compactMap { $0.state == .meets ? $0.value : nil }
        let bound = giveBack * sla.limit.seconds
        guard values.count == last.count, let greatest = values.max(), greatest < bound,
            let next = Self.predicted(checks.compactMap(\.value)), next < bound
        else { return .calm }
        return .idle(
            because: "in the last \(last.count) checks \(sla.statistic.rawValue) was at most "
                + "\(Format.milliseconds(greatest)), below \(Format.percent(giveBack)) of \(Format.milliseconds(sla.limit.seconds))"
        )
    }

    private static let history = 12

    /// Nil without any value. What two values or none of any spread foretell is the last one again.
    static func predicted(_ values: [Double]) -> Double? {
        guard let last = values.last else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        guard values.count > 2, variance > 0 else { return last }
        let covariance = zip(values, values.dropFirst()).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) }
        return mean + min(1, max(-1, covariance / variance)) * (last - mean)
    }
}
