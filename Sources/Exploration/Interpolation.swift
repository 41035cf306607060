import Glibc
package import Model

/// A metric over all cells from its measured ones: a value and an interval for each, never a bare number.
package struct Interpolation: Sendable {
    package typealias Method = InterpolationMethod

    /// How often an interval holds what is measured there.
    package static let confidence = 0.9

    /// The method that was taken.
    package let method: Method
    private let scale: MetricScale
    private let prediction: Prediction
    private let calibration: Calibration
    /// Of intervals, in units of the predicted deviation.
    private let half: Double

    /// `checks`: what was predicted of cells before they were measured; they recalibrate the intervals.
    /// `better`: which values of the metric are, for axes of which more helps.
    /// - Throws: `ObservationError` for what cannot be learnt from, the first of it.
    package init(
        _ space: ConfigurationSpace, _ observations: [Observation], checks: [PredictedCheck] = [],
        better: Better? = nil, method: Method = .auto, seed: UInt64 = 0
    ) throws(ObservationError) {
        try self.init(
            space, CellGeometry(space), observations, checks: checks, better: better, method: method, effort: .careful,
            seed: seed)
    }

    init(
        _ space: ConfigurationSpace, _ geometry: CellGeometry, _ observations: [Observation],
        pending: [Int] = [],
        checks: [PredictedCheck] = [], better: Better?, method: Method, effort: GaussianProcess.Effort, seed: UInt64
    ) throws(ObservationError) {
        try Self.check(observations, space)
        let scale = MetricScale(observations.map(\.value))
        var candidates: [(Method, Prediction)] = []
        if observations.isEmpty {
            candidates = [(method, Prediction(cellCount: geometry.cellCount))]
        } else {
            if method == .auto || method == .gaussianProcess {
                candidates.append(
                    (
                        .gaussianProcess,
                        Prediction(
                            process: geometry, observations, pending: pending, scale, better: better, effort: effort,
                            seed: seed)
                    ))
            }
            for lines in [Method.logLinear, .linear] where method == lines || method == .auto {
                candidates.append((lines, Prediction(lines: geometry, observations, scale, isLog: lines == .logLinear)))
            }
        }
        var best = candidates[0]
        for candidate in candidates.dropFirst() where candidate.1.isClearlyBetter(than: best.1) { best = candidate }
        self.method = best.0
        self.scale = scale
        prediction = best.1
        calibration = Calibration(
            residuals: prediction.leftOut.compactMap { $0.map { Self.optimism * $0.standardized } },
            checks: checks.map(\.standardized),
            priorScale: Self.priorScale)
        half = calibration.halfWidth(Self.confidence)
    }

    static func check(_ observations: [Observation], _ space: ConfigurationSpace) throws(ObservationError) {
        for observation in observations {
            guard space.configurations.indices.contains(observation.cell) else {
                throw .outside(cell: observation.cell, cells: space.configurations.count)
            }
            guard observation.value.isFinite else {
                throw .notFinite(cell: space.description(observation.cell), value: observation.value)
            }
            if let error = observation.error, !(error >= 0 && error.isFinite) {
                throw .notAnError(cell: space.description(observation.cell), error: error)
            }
        }
    }

    private static let priorScale = 1.0
    /// Deviations that are fitted to the same measurements that they are compared with are a little short. The factor is
    /// what covers nine in ten over surfaces that were measured whole.
    private static let optimism = 1.2

    /// Nil where nothing is known.
    package func estimate(_ cell: Int) -> Estimate? { estimate(cell, half) }

    /// With an interval that holds what is measured there as often as `confidence`.
    package func estimate(_ cell: Int, confidence: Double) -> Estimate? {
        estimate(cell, calibration.halfWidth(confidence))
    }

    private func estimate(_ cell: Int, _ half: Double) -> Estimate? {
        guard let point = prediction.points[cell] else { return nil }
        let reach = half * point.deviation
        return Estimate(
            scale.metric(point.mean), lower: scale.metric(point.mean - reach), upper: scale.metric(point.mean + reach))
    }

    /// The probability that a measurement of the cell is below `limit`.
    package func probability(_ cell: Int, below limit: Double) -> Double? {
        guard let point = prediction.points[cell] else { return nil }
        if scale == .logarithmic, limit <= 0 { return 0 }
        return calibration.below((scale.modelled(limit) - point.mean) / point.deviation)
    }

    /// What a measurement of the cell says of the intervals; nil where nothing was said or the measurement has no place on
    /// the scale.
    package func check(_ cell: Int, measured: Double) -> PredictedCheck? {
        guard let point = prediction.points[cell], measured.isFinite, scale != .logarithmic || measured > 0 else {
            return nil
        }
        return PredictedCheck(standardized: (scale.modelled(measured) - point.mean) / point.deviation)
    }

    /// Half of the interval, in parts of the value; on a linear scale in parts of the metric's range.
    func relativeWidth(_ cell: Int) -> Double? {
        prediction.points[cell].map { point in
            scale == .logarithmic ? exp(half * point.deviation) - 1 : half * point.deviation
        }
    }

    /// By how much the cell is better than `value`, expected over what it may be, in the modelled scale's unit.
    func expectedImprovement(_ cell: Int, over value: Double, _ better: Better) -> Double {
        guard let point = prediction.points[cell] else { return 0 }
        if scale == .logarithmic, value <= 0 { return 0 }
        let ahead = (scale.modelled(value) - point.mean) * (better == .lower ? 1 : -1)
        let z = ahead / point.deviation
        return ahead * Normal.below(z) + point.deviation * Normal.density(z)
    }

    /// The probability that a measurement of the cell is further than `threshold` (a fraction) from the estimate.
    package func probabilityOfError(_ cell: Int, beyond threshold: Double) -> Double? {
        guard let point = prediction.points[cell] else { return nil }
        let value = scale.metric(point.mean)
        // (predicted − measured) / measured, as the check has it.
        let (low, high) = (value / (1 + threshold), threshold < 1 ? value / (1 - threshold) : .infinity)
        guard let above = probability(cell, below: max(low, high)), let below = probability(cell, below: min(low, high))
        else { return nil }
        return 1 - above + below
    }
}

/// A cell that was predicted and then measured.
package struct PredictedCheck: Hashable, Sendable {
    /// (measured − predicted) / predicted deviation, on the modelled scale.
    package var standardized: Double

    package init(standardized: Double) { self.standardized = standardized }
}
