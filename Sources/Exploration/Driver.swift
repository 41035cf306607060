package import Model

/// Picks a campaign's next experiment. Pure and deterministic: the matrix so far and the time left in, a step out.
///
/// The search comes first. Where its answer rests on a cell that was interpolated only, that cell is checked by experiment:
/// what comes out becomes part of the matrix, recalibrates the intervals, and may move the answer to another cell.
package struct Driver: Sendable {
    package enum Step: Hashable, Sendable {
        case measure(Allocation, why: String, isCheck: Bool)
        /// Nothing to begin until an experiment that is under way has ended.
        case wait
        case finish(Conclusion)
    }

    private let goal: Goal
    private let specification: SearchSpecification
    private let blank: Evidence
    private let search: Search

    /// - Throws: `ConfigurationSpaceError` for a matrix of which no space can be made.
    package init(
        _ matrix: ResultMatrix, goal: Goal, sla: SLA, _ specification: SearchSpecification = SearchSpecification()
    ) throws(ConfigurationSpaceError) {
        self.goal = goal
        self.specification = specification
        blank = try Evidence(matrix, goal: goal, sla: sla, specification)
        let searched: SearchGoal =
            switch goal {
            case .cheapest: .cheapest(limit: sla.limit.seconds)
            case .best: .best(budget: specification.budget)
            case .fill: .fill(width: specification.width)
            case .exhaustive: .exhaustive
            case .justRunIt: .justRunIt(threshold: specification.gain)
            case .measure: .measure(Self.named(matrix, specification))
            }
        search = Search(
            blank.space, goal: searched, better: blank.better, confidence: specification.confidence,
            seed: specification.seed)
    }

    /// `timeLeft` against `duration`, the time that one experiment is expected to take; `pending` are under way.
    package func next(
        _ matrix: ResultMatrix, pending: [Allocation] = [], timeLeft: Duration, duration: Duration
    ) throws(ObservationError) -> Step {
        let state = state(matrix, pending, timeLeft: timeLeft, duration: duration)
        switch try search.next(state) {
        case .measure(let suggestions):
            guard let first = suggestions.first else {
                return .finish(Conclusion(confidence: 0, why: "nothing is left"))
            }
            return .measure(matrix.cells[first.cell].allocation, why: first.why, isCheck: false)
        case .wait: return .wait
        case .finish(let end):
            if specification.check.time == .before, timeLeft >= duration, let check = try check(matrix) { return check }
            return .finish(end.conclusion)
        }
    }

    private static func named(_ matrix: ResultMatrix, _ specification: SearchSpecification) -> [Int] {
        matrix.cells.indices.filter { index in
            specification.named?.contains { $0.contains(matrix.cells[index].allocation) } ?? false
        }
    }

    private func state(
        _ matrix: ResultMatrix, _ pending: [Allocation], timeLeft: Duration = .zero, duration: Duration = .zero
    ) -> SearchState {
        SearchState(
            trials: Evidence(matrix, like: blank).trials(lasting: duration),
            pending: matrix.cells.indices.filter { pending.contains(matrix.cells[$0].allocation) },
            timeLeft: timeLeft, expectedDuration: duration)
    }

    /// Whether what comes out of an experiment that is under way can still change the answer.
    package func canMatter(_ allocation: Allocation, _ matrix: ResultMatrix) -> Bool {
        guard let cell = matrix.cells.firstIndex(where: { $0.allocation == allocation }) else { return false }
        return search.canMatter(cell, state(matrix, []))
    }

    /// The experiment that checks what an answer from `matrix` rests on; nil when nothing has to be checked.
    package func check(_ matrix: ResultMatrix) throws(ObservationError) -> Step? {
        let filled = Evidence(try filled(matrix, [Metric(blank.sla.statistic), blank.metric].uniqued()), like: blank)
        guard let cell = filled.candidate(goal, budget: specification.budget) else { return nil }
        return try check([cell], Evidence(matrix, like: blank)).first.map {
            .measure(
                matrix.cells[$0].allocation, why: "the answer rests on it, and it was interpolated only", isCheck: true)
        }
    }

    /// Which of these cells have to be measured before anybody acts on them, worst first.
    package func check(_ cells: [Int], _ evidence: Evidence) throws(ObservationError) -> [Int] {
        let isOfSLA = evidence.metric == Metric(evidence.sla.statistic)
        let verdict = Checker(threshold: specification.check.threshold, doubt: specification.check.doubt).verdict(
            cells, try interpolation(evidence),
            measured: Set(evidence.matrix.cells.indices.filter { evidence.matrix.cells[$0].isTried }),
            limit: isOfSLA ? evidence.sla.limit.seconds : nil, better: evidence.better)
        switch verdict {
        case .sound, .failed: return []
        case .toCheck(let cells), .noData(let cells): return cells
        }
    }

    /// What is believed of a cell of `matrix` before it is measured; nil where nothing is.
    package func prediction(_ allocation: Allocation, _ matrix: ResultMatrix) throws(ObservationError) -> Prospect? {
        let evidence = Evidence(matrix, like: blank)
        guard let index = matrix.cells.firstIndex(where: { $0.allocation == allocation }),
            evidence.matrix.measuredCount > 0
        else { return nil }
        let model = try interpolation(evidence)
        return model.estimate(index).map {
            Prospect(
                metric: evidence.metric, estimate: $0, cell: index, threshold: specification.check.threshold, model)
        }
    }

    /// The matrix with every blank filled.
    package func filled(
        _ matrix: ResultMatrix, _ metrics: [Metric] = Metric.allCases
    ) throws(ObservationError) -> ResultMatrix {
        try matrix.filled(blank.space, metrics, method: specification.interpolation, seed: specification.seed)
    }

    private func interpolation(_ evidence: Evidence) throws(ObservationError) -> Interpolation {
        try evidence.interpolation(method: specification.interpolation, seed: specification.seed)
    }
}

/// What was believed of a cell before it was measured.
package struct Prospect: Sendable {
    package let metric: Metric
    package let estimate: Estimate
    private let cell: Int
    private let threshold: Double
    private let model: Interpolation

    init(metric: Metric, estimate: Estimate, cell: Int, threshold: Double, _ model: Interpolation) {
        (self.metric, self.estimate, self.cell, self.threshold, self.model) = (metric, estimate, cell, threshold, model)
    }

    /// Beside what was measured then.
    package func check(_ measured: Double, isBySearch: Bool) -> Check {
        Check(
            metric: metric, predicted: estimate, measured: measured, threshold: threshold, isBySearch: isBySearch,
            standardized: model.check(cell, measured: measured)?.standardized)
    }
}
