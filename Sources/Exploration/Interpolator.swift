package import Model

/// Fills the blanks of a matrix from its measured cells (JustRunIt, section 2.4: linear).
package enum Interpolator {
    /// The matrix with every blank between two measured neighbours interpolated. Blanks outside the measured range stay
    /// blank: a line says nothing beyond its ends. One axis.
    package static func fill(_ matrix: ResultMatrix) -> ResultMatrix {
        guard let axis = matrix.axes.first, matrix.axes.count == 1 else { return matrix }
        var filled = matrix
        let measured = matrix.cells.compactMap { cell in
            cell.measurement.flatMap { measurement in cell.allocation[axis.resource].map { ($0, measurement) } }
        }.sorted { $0.0 < $1.0 }
        for cell in matrix.cells where cell.state == "blank" || cell.state == "interpolated" {
            guard let x = cell.allocation[axis.resource], let right = measured.first(where: { $0.0 > x }),
                let left = measured.last(where: { $0.0 < x })
            else { continue }
            var estimates: [Metric: Estimate] = [:]
            for metric in Metric.allCases {
                guard let a = left.1.estimate(metric), let b = right.1.estimate(metric) else { continue }
                estimates[metric] = between(a, b, at: (x - left.0) / (right.0 - left.0))
            }
            filled[cell.allocation] = Cell(cell.allocation, .interpolated(estimates))
        }
        return filled
    }

    /// The point of the line between two estimates, at `share` of the way from `a` to `b`.
    ///
    /// The interval is the hull of both neighbours' intervals. It holds whenever the metric is monotone between them, which
    /// is weaker than being a line; it is wide where the neighbours differ much, and says so.
    package static func between(_ a: Estimate, _ b: Estimate, at share: Double) -> Estimate {
        Estimate(
            a.value + (b.value - a.value) * share, lower: min(a.lower, b.lower), upper: max(a.upper, b.upper))
    }
}
