package import Model

/// Fills the blanks of a matrix from its measured cells (JustRunIt, section 2.4: linear).
package enum Interpolator {
    /// The matrix with every blank between two measured neighbours interpolated: those that differ along one axis of numbers
    /// only, the first such axis that has them. Blanks outside the measured range stay blank: a line says nothing beyond its
    /// ends.
    package static func fill(_ matrix: ResultMatrix) -> ResultMatrix {
        var filled = matrix
        let lines = matrix.axes.filter { $0.numbers != nil }.map { Line.all(along: $0.resource, matrix) }
        for cell in matrix.cells where cell.state == "blank" || cell.state == "interpolated" {
            guard let estimates = lines.lazy.compactMap({ Self.estimates(cell.allocation, $0) }).first else { continue }
            filled[cell.allocation] = Cell(cell.allocation, .interpolated(estimates))
        }
        return filled
    }

    /// The measured cells of a matrix that differ in one resource only, in ascending order of it.
    private struct Line {
        let resource: Resource
        let cells: [(x: Double, measurement: Measurement)]

        /// By what they have of the other resources.
        static func all(along resource: Resource, _ matrix: ResultMatrix) -> [Allocation: Line] {
            Dictionary(grouping: matrix.cells.filter { $0.measurement != nil }) { $0.allocation.without(resource) }
                .mapValues { cells in
                    let points = cells.compactMap { cell in
                        cell.allocation[resource]?.number.flatMap { x in
                            cell.measurement.map { (x: x, measurement: $0) }
                        }
                    }
                    return Line(resource: resource, cells: points.sorted { $0.x < $1.x })
                }
        }
    }

    private static func estimates(_ allocation: Allocation, _ lines: [Allocation: Line]) -> [Metric: Estimate]? {
        guard let resource = lines.values.first?.resource, let line = lines[allocation.without(resource)],
            let x = allocation[resource]?.number, let right = line.cells.first(where: { $0.x > x }),
            let left = line.cells.last(where: { $0.x < x })
        else { return nil }
        var estimates: [Metric: Estimate] = [:]
        for metric in Metric.allCases {
            guard let a = left.measurement.estimate(metric), let b = right.measurement.estimate(metric) else {
                continue
            }
            estimates[metric] = between(a, b, at: (x - left.x) / (right.x - left.x))
        }
        return estimates
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
