import Glibc
package import Model

extension ConfigurationSpace {
    /// Where nobody said what cells cost, each is this much dearer than the one before it in the matrix's order: never as
    /// good.
    private static let step = 1.06

    /// The configurations of a matrix, cell by cell in its own order.
    ///
    /// `moreHelps`: of numbers, for what is asked about.
    /// - Throws: `ConfigurationSpaceError` for axes of which no space can be made.
    package init(
        _ matrix: ResultMatrix, _ prices: Prices = Prices(), moreHelps: Bool = true
    ) throws(ConfigurationSpaceError) {
        let levels = matrix.cells.map { cell in
            matrix.axes.map { axis in axis.values.firstIndex { $0 == cell.allocation[axis.resource] } ?? 0 }
        }
        let permitted = Set(levels)
        let plain = try ConfigurationSpace(
            matrix.axes.map { axis in
                let name = axis.resource.rawValue
                if let numbers = axis.numbers {
                    return Dimension(
                        name, .numeric(numbers, (numbers.first ?? 0) > 0 ? .both : .linear),
                        moreHelps: moreHelps && axis.resource.helps)
                }
                return Dimension(name, .unordered(axis.values.map { axis.resource.format($0) }))
            }, isPermitted: { permitted.contains($0.levels) })
        var places = [[Int]: Int](minimumCapacity: levels.count)
        for (index, level) in levels.enumerated() { places[level] = index }
        self = try plain.costing { configuration in
            guard let place = places[configuration.levels] else { return 1 }
            if prices.isEmpty { return pow(Self.step, Double(place)) }
            return prices.cost(of: matrix.cells[place].allocation) ?? .infinity
        }
    }
}

extension Observation {
    /// A share of nothing has no logarithm; the middle of its interval has, and is what so many requests tell.
    init(cell: Int, _ metric: Metric, _ estimate: Estimate) {
        let value = metric.isShare ? (estimate.lower + estimate.upper) / 2 : estimate.value
        self.init(cell: cell, value: value, error: Trial.standardError(estimate, metric))
    }
}

extension Trial {
    /// The intervals of measurements are of 95 %; those of times do not have their value in the middle: theirs is that of the
    /// logarithm, on which they are learnt.
    static func standardError(_ estimate: Estimate, _ metric: Metric) -> Double {
        metric.isTime && estimate.lower > 0
            ? estimate.relativeError * estimate.value : (estimate.upper - estimate.lower) / (2 * Evidence.reach)
    }

    /// Of the side of the interval on which a limit is: how sure it is that the figure keeps it.
    static func standardError(_ estimate: Estimate, towards limit: Double) -> Double {
        (limit > estimate.value ? estimate.upper - estimate.value : estimate.value - estimate.lower) / Evidence.reach
    }
}

extension Metric {
    /// Which values are, where a resource can be said to help; nil elsewhere.
    package var better: Better? {
        switch self {
        case .throughput: .higher
        case .mean, .p50, .p95, .p99, .errors: .lower
        case .cpuUsed, .energy, .differing: nil
        }
    }
}

extension Interpolation {
    /// A metric over a matrix from its measured cells. What was predicted of this metric before it was measured calibrates
    /// the intervals.
    package init(
        _ space: ConfigurationSpace, _ matrix: ResultMatrix, _ metric: Metric, method: Method = .auto, seed: UInt64 = 0
    ) throws(ObservationError) {
        let observations = matrix.cells.enumerated().compactMap { index, cell -> Observation? in
            guard let estimate = cell.measurement?.estimate(metric) else { return nil }
            return Observation(cell: index, metric, estimate)
        }
        let checks = matrix.cells.compactMap { cell -> PredictedCheck? in
            guard let check = cell.check, check.metric == metric else { return nil }
            return check.standardized.map { PredictedCheck(standardized: $0) }
        }
        try self.init(space, observations, checks: checks, better: metric.better, method: method, seed: seed)
    }
}

extension ResultMatrix {
    /// The matrix with every blank filled, each of `metrics` with an interval.
    package func filled(
        _ space: ConfigurationSpace, _ metrics: [Metric] = Metric.allCases, method: Interpolation.Method = .auto,
        seed: UInt64 = 0
    ) throws(ObservationError) -> ResultMatrix {
        guard measuredCount < cells.count else { return self }
        var interpolations: [Metric: Interpolation] = [:]
        for metric in metrics {
            interpolations[metric] = try Interpolation(space, self, metric, method: method, seed: seed)
        }
        var result = self
        for (index, cell) in cells.enumerated() where cell.state == "blank" || cell.state == "interpolated" {
            var estimates = interpolations.compactMapValues { $0.estimate(index) }
            for (metric, estimate) in estimates where metric.isShare {
                estimates[metric] = Estimate(
                    min(1, estimate.value), lower: estimate.lower, upper: min(1, estimate.upper))
            }
            result.replace(index, by: estimates.isEmpty ? .blank : .interpolated(estimates))
        }
        return result
    }
}
