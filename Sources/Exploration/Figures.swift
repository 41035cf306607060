import Glibc
package import Model

/// The metrics that a question asks about, at any cell of a matrix: as measured, or interpolated for it.
package struct Figures: Sendable {
    private let matrix: ResultMatrix
    private let models: [Metric: Interpolation]
    private let confidence: Double
    private let reach: Double

    /// - Throws: `ObservationError` for figures that cannot be learnt from.
    package init(_ inquiry: Inquiry, _ matrix: ResultMatrix) throws(ObservationError) {
        self.matrix = matrix
        confidence = inquiry.confidence
        reach = Normal.halfWidth(inquiry.confidence)
        var models: [Metric: Interpolation] = [:]
        for metric in inquiry.metrics where matrix.measuredCount > 0 {
            models[metric] = try Interpolation(
                metric.better == nil ? inquiry.unhelped : inquiry.helped, matrix, metric,
                method: inquiry.specification.interpolation, seed: inquiry.specification.seed)
        }
        self.models = models
    }

    /// Each with an interval of the confidence that is asked for; what is known neither way is left out.
    package func at(_ cell: Int) -> [Metric: Estimate] {
        // What is unfit has no figures; of what was spoilt the others tell.
        if case .invalid = matrix.cells[cell].content, !matrix.cells[cell].isSpoilt { return [:] }
        guard let measurement = matrix.cells[cell].measurement else {
            return models.compactMapValues { $0.estimate(cell, confidence: confidence) }
        }
        return Dictionary(
            models.keys.compactMap { metric in
                measurement.estimate(metric).map { own in
                    // Each end by itself: that of a share is not in its middle.
                    let (below, above) = (own.value - own.lower, own.upper - own.value)
                    let scale = reach / Evidence.reach
                    return (
                        metric,
                        metric.isTime && own.lower > 0
                            ? Estimate(
                                own.value, lower: own.value * pow(own.lower / own.value, scale),
                                upper: own.value * pow(own.upper / own.value, scale))
                            : Estimate(
                                own.value, lower: max(0, own.value - scale * below), upper: own.value + scale * above)
                    )
                }
            }, uniquingKeysWith: { first, _ in first })
    }
}
