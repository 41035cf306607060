package import Model

/// What a campaign's matrix says about its question: the figures of the metric that is asked about, what they cost, and
/// which cells meet the SLA. Everything that decides reads the matrix through this, so that all mean the same by it.
package struct Evidence: Sendable {
    package let matrix: ResultMatrix
    package let space: ConfigurationSpace
    package let metric: Metric
    package let better: Better
    package let sla: SLA

    /// - Throws: `ConfigurationSpaceError` for axes of which no space can be made.
    package init(
        _ matrix: ResultMatrix, goal: Goal, sla: SLA, _ search: SearchSpecification
    ) throws(ConfigurationSpaceError) {
        self.matrix = matrix
        self.sla = sla
        metric = goal == .best ? search.metric ?? Metric(sla.statistic) : Metric(sla.statistic)
        better = metric.better ?? .lower
        space = try ConfigurationSpace(matrix, search.prices, moreHelps: metric.better != nil)
    }

    /// The same question over another state of the same matrix.
    package init(_ matrix: ResultMatrix, like other: Evidence) {
        self.matrix = matrix
        (space, metric, better, sla) = (other.space, other.metric, other.better, other.sla)
    }

    /// What was tried, as a search takes it; each is said to have lasted as long as the next is expected to.
    package func trials(lasting duration: Duration = .zero) -> [Trial] {
        matrix.cells.indices.compactMap { index in
            switch matrix.cells[index].content {
            case .blank, .interpolated: return nil
            case .invalid:
                return Trial(cell: index, matrix.cells[index].isSpoilt ? .spoilt : .failed, duration: duration)
            case .measured(let measurement):
                // That it lacks what is asked about will be so again.
                guard let estimate = measurement.estimate(metric) else {
                    return Trial(cell: index, .spoilt, duration: duration)
                }
                let value = Observation(cell: index, metric, estimate).value
                return Trial(
                    cell: index, .measured(value, error: standardError(index), end: end(index, estimate)),
                    duration: duration)
            }
        }
    }

    /// Of a measured cell, or of an interpolated one.
    ///
    /// A run's own interval knows nothing of what runs differ by. Where less of what helps meets the SLA and more of it does
    /// not, they differ by half of what lies between the two, at least.
    package func standardError(_ cell: Int) -> Double {
        guard let own = matrix.cells[cell].estimate(metric) else { return .infinity }
        return max(Trial.standardError(own, metric), contradiction(cell))
    }

    private func contradiction(_ cell: Int) -> Double {
        guard let own = matrix.cells[cell].estimate(metric), metric == Metric(sla.statistic), isInside(own),
            matrix.cells[cell].measurement != nil
        else { return 0 }
        let contradicting = matrix.cells.indices.compactMap { other -> Double? in
            guard other != cell, matrix.cells[other].measurement != nil, space.dominates(other, cell),
                let estimate = matrix.cells[other].estimate(metric), !isInside(estimate)
            else { return nil }
            return (estimate.value - own.value) / 2
        }
        return contradicting.max() ?? 0
    }

    private func isInside(_ estimate: Estimate) -> Bool {
        sla.isSurelyMet(by: estimate)
    }

    /// Where its interval is worst: what has to be inside a limit.
    private func end(_ cell: Int, _ estimate: Estimate) -> Double {
        let further = Self.reach * contradiction(cell)
        return better == .lower
            ? max(estimate.upper, estimate.value + further) : min(estimate.lower, estimate.value - further)
    }

    /// In standard errors: half of an interval of 95 %.
    package static let reach = 1.96

    /// Whether the whole interval of a measured or interpolated cell meets the SLA.
    package func meets(_ cell: Int) -> Bool {
        guard let estimate = matrix.cells[cell].estimate(Metric(sla.statistic)) else { return false }
        if matrix.cells[cell].measurement == nil { return sla.isSurelyMet(by: estimate) }
        return sla.isSurelyMet(by: estimate) && sla.isMet(by: estimate.value + Self.reach * contradiction(cell))
    }

    /// The probability that a measured cell meets the SLA; nil of others.
    package func probabilityOfMeeting(_ cell: Int) -> Double? {
        let own = Metric(sla.statistic)
        guard matrix.cells[cell].measurement != nil, let estimate = matrix.cells[cell].estimate(own) else { return nil }
        let ofSide = Trial.standardError(estimate, towards: sla.limit.seconds)
        let error = metric == own ? max(ofSide, contradiction(cell)) : ofSide
        guard error > 0 else { return sla.isMet(by: estimate.value) ? 1 : 0 }
        return Normal.below((sla.limit.seconds - estimate.value) / error)
    }

    /// Whether the interval of a run meets the SLA and other runs speak against it.
    package func isContradicted(_ cell: Int) -> Bool {
        !meets(cell) && matrix.cells[cell].estimate(Metric(sla.statistic)).map(sla.isSurelyMet) ?? false
    }

    package func cost(_ cell: Int) -> Double { space.costs?[cell] ?? 0 }

    /// Those of which one answers the question: at the greatest load, and at the mix that is named first.
    package var judged: [Int] {
        let demand = matrix.axes.filter(\.resource.isDemand)
        return matrix.cells.indices.filter { index in
            demand.allSatisfy { axis in
                matrix.cells[index].allocation[axis.resource]
                    == (axis.resource == .load ? axis.values.last : axis.values.first)
            }
        }
    }

    /// The cheapest of the cells that meet the SLA.
    package func cheapestMeeting(where isWanted: (Cell) -> Bool) -> Int? {
        judged.filter { isWanted(matrix.cells[$0]) && meets($0) }.min { cost($0) < cost($1) }
    }

    /// The cell on which an answer to `goal` rests.
    ///
    /// `cheapest`, `best` and `exhaustive` take what was measured; the others take what was interpolated, too.
    package func candidate(_ goal: Goal, budget: Double?) -> Int? {
        switch goal {
        case .cheapest, .exhaustive: return cheapestMeeting { $0.measurement != nil }
        case .fill, .justRunIt, .measure: return cheapestMeeting { _ in true }
        case .best:
            let measured = judged.filter { index in
                matrix.cells[index].measurement != nil && budget.map { cost(index) <= $0 } ?? true
            }
            return measured.compactMap { index in
                matrix.cells[index].estimate(metric).map { (index, $0.value) }
            }.min { better == .lower ? $0.1 < $1.1 : $0.1 > $1.1 }?.0
        }
    }

    /// The metric over all cells; what was predicted before it was measured calibrates it.
    package func interpolation(
        _ metric: Metric? = nil, method: InterpolationMethod = .auto, seed: UInt64 = 0
    ) throws(ObservationError) -> Interpolation {
        try Interpolation(space, matrix, metric ?? self.metric, method: method, seed: seed)
    }
}
