package import Model

extension ConfigurationSpace {
    /// The configurations of a matrix, cell by cell in its own order, which is that of their cost.
    ///
    /// - Throws: `ConfigurationSpaceError` for axes of which no space can be made.
    package init(_ matrix: ResultMatrix) throws(ConfigurationSpaceError) {
        let plain = try ConfigurationSpace(
            matrix.axes.map { axis in
                let name = axis.resource.rawValue
                if let numbers = axis.numbers {
                    return Dimension(
                        name, .numeric(numbers, (numbers.first ?? 0) > 0 ? .both : .linear),
                        moreHelps: axis.resource.isNumeric)
                }
                return Dimension(name, .unordered(axis.values.map { axis.resource.format($0) }))
            })
        var rank = 0.0
        self = try plain.costing { _ in
            rank += 1
            return rank
        }
    }
}

extension Trial {
    /// What a cell of a matrix says; nil when it was not tried.
    init?(_ index: Int, _ cell: Cell, _ metric: Metric) {
        switch cell.content {
        case .blank, .interpolated: return nil
        case .invalid: self.init(cell: index, .failed)
        case .measured(let measurement):
            guard let estimate = measurement.estimate(metric) else { return nil }
            self.init(cell: index, .measured(estimate.value, error: Self.standardError(estimate)))
        }
    }

    /// The intervals of measurements are of 95 %.
    static func standardError(_ estimate: Estimate) -> Double { (estimate.upper - estimate.lower) / 2 / 1.96 }
}

extension Interpolation {
    /// A metric over a matrix from its measured cells.
    package init(
        _ space: ConfigurationSpace, _ matrix: ResultMatrix, _ metric: Metric, method: Method = .auto, seed: UInt64 = 0
    ) throws(ObservationError) {
        let observations = matrix.cells.enumerated().compactMap { index, cell -> Observation? in
            guard let estimate = cell.measurement?.estimate(metric) else { return nil }
            return Observation(cell: index, value: estimate.value, error: Trial.standardError(estimate))
        }
        let better: Better? =
            switch metric {
            case .throughput: .higher
            case .mean, .p50, .p95, .p99: .lower
            case .cpuUsed, .energy: nil
            }
        try self.init(space, observations, better: better, method: method, seed: seed)
    }
}

extension ResultMatrix {
    /// The matrix with every blank filled, each metric with an interval.
    package func filled(_ space: ConfigurationSpace, method: Interpolation.Method = .auto, seed: UInt64 = 0)
        throws(ObservationError) -> ResultMatrix
    {
        var metrics: [Metric: Interpolation] = [:]
        for metric in Metric.allCases {
            metrics[metric] = try Interpolation(space, self, metric, method: method, seed: seed)
        }
        var result = self
        for (index, cell) in cells.enumerated() where cell.state == "blank" || cell.state == "interpolated" {
            let estimates = metrics.compactMapValues { $0.estimate(index) }
            result[cell.allocation] = Cell(
                cell.allocation, estimates.isEmpty ? .blank : .interpolated(estimates))
        }
        return result
    }

    /// What was tried so far, for a search over `metric`.
    package func trials(_ metric: Metric) -> [Trial] {
        cells.enumerated().compactMap { Trial($0, $1, metric) }
    }
}
