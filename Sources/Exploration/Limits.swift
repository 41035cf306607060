import Model

/// Limits on metrics as one figure of a cell: how far it is from them, as a ratio. They hold where it is below 1.
///
/// Of `p95 < 50 ms` that is p95 / 50 ms, whose logarithm differs from that of p95 by a constant: what is modelled of the one
/// is modelled of the other. Of limits that hold together it is the largest ratio, of alternatives the surest.
struct Limits: Sendable {
    private let condition: MatrixQuery.Condition
    /// Whether more of what helps is known not to break any of them.
    let isHelped: Bool
    /// When there is one limit only.
    let metric: Metric?

    /// Beyond these a ratio says no more.
    private static let range = 1e-6...1e6

    /// `condition`: inequalities of metrics alone, as a `MatrixQuestion` has them.
    init(_ condition: MatrixQuery.Condition) {
        self.condition = condition
        isHelped = Self.comparisons(condition).allSatisfy { metric, better in metric.better == better }
        if case .comparison(.metric(let metric), _, _) = condition { self.metric = metric } else { metric = nil }
    }

    private static func comparisons(_ condition: MatrixQuery.Condition) -> [(Metric, Better)] {
        switch condition {
        case .comparison(.metric(let metric), let comparison, _): [(metric, comparison.better)]
        case .comparison: []
        case .all(let parts), .any(let parts): parts.flatMap(comparisons)
        }
    }

    /// The ratio and its standard error; nil where a metric is missing. Intervals are of 95 %.
    func ratio(_ measurement: Measurement) -> (value: Double, error: Double)? {
        Self.ratio(condition) { measurement.estimate($0) }
    }

    private static func ratio(
        _ condition: MatrixQuery.Condition, _ estimate: (Metric) -> Estimate?
    ) -> (value: Double, error: Double)? {
        switch condition {
        case .comparison(.metric(let metric), let comparison, .number(let limit)):
            guard let estimate = estimate(metric), estimate.value.isFinite else { return nil }
            let value =
                comparison.better == .lower
                ? quotient(estimate.value, limit) : quotient(limit, estimate.value)
            // Of a share, which may be none, what may be above it counts.
            if metric.isShare, comparison.better == .lower, limit > 0 {
                return (value, (estimate.upper - estimate.value) / Evidence.reach / limit)
            }
            // To first order that of the reciprocal is relatively the same.
            let error =
                estimate.value > 0 ? value * Trial.standardError(estimate, towards: limit) / estimate.value : 0
            return (value, error)
        case .comparison: return nil
        case .all(let parts):
            let ratios = parts.compactMap { ratio($0, estimate) }
            return ratios.count == parts.count ? together(ratios) : nil
        case .any(let parts):
            let ratios = parts.compactMap { ratio($0, estimate) }
            guard ratios.count == parts.count else { return nil }
            // The surest; of those that are as sure, the least.
            return ratios.min { (-chance($0), $0.value) < (-chance($1), $1.value) }
        }
    }

    /// That a ratio is below 1.
    private static func chance(_ ratio: (value: Double, error: Double)) -> Double {
        ratio.error > 0 ? Normal.below((1 - ratio.value) / ratio.error) : ratio.value < 1 ? 1 : 0
    }

    /// The largest ratio, with an error by which it is below 1 as probably as all of them are: one that is far from its limit
    /// and hardly known makes them no surer.
    private static func together(_ ratios: [(value: Double, error: Double)]) -> (value: Double, error: Double)? {
        guard let largest = ratios.max(by: { $0.value < $1.value }) else { return nil }
        let chance = ratios.reduce(1) { $0 * Self.chance($1) }
        if Self.chance(largest) - chance < 0.001 { return largest }
        let way = 1 - largest.value
        // In standard errors. Where all are below 1, and that all are is rather improbable, the ratio cannot say so: it is as
        // good as unknown then.
        let reach = (way > 0) == (chance > 0.5) ? Normal.halfWidth(abs(2 * chance - 1)) : 0
        return (largest.value, abs(way) / max(reach, 0.05))
    }

    private static func quotient(_ value: Double, _ by: Double) -> Double {
        by <= 0 ? range.upperBound : min(max(value / by, range.lowerBound), range.upperBound)
    }
}

extension MatrixQuery.Comparison {
    /// On which side of its limit a value is well.
    fileprivate var better: Better {
        switch self {
        case .less, .atMost, .equal, .unequal: .lower
        case .greater, .atLeast: .higher
        }
    }
}
