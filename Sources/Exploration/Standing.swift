import Glibc
package import Model

/// How a question stands, by what is known.
package struct Standing: Sendable {
    /// The cell of the answer: the cheapest, or the best, that is good enough; nil when there is none.
    package let cell: Int?
    /// The probability that nothing cheaper, or better, is good enough; without a cell, that nothing is at all. Nil of one
    /// place.
    package let nothingBetter: Double?
    /// Whether everything that is asked is as probable as it has to be, one way or the other; of the cheapest and the best, as
    /// far as what was not measured goes.
    package let isSure: Bool

    private let inquiry: Inquiry
    private let knowledge: Knowledge
    private let beliefs: Beliefs
    /// Whose result is wanted next.
    private let search: Search?

    package init(_ inquiry: Inquiry, _ matrix: ResultMatrix) throws(ObservationError) {
        try self.init(inquiry, Knowledge(inquiry, matrix))
    }

    init(_ inquiry: Inquiry, _ knowledge: Knowledge) throws(ObservationError) {
        self.inquiry = inquiry
        self.knowledge = knowledge
        beliefs = try Beliefs(inquiry, knowledge)
        switch inquiry.question.wish {
        case .cheapest:
            (cell, nothingBetter, isSure, search) = try Self.cheapest(inquiry, knowledge, beliefs)
        case .best(let metric, _):
            (cell, nothingBetter, isSure, search) = try Self.best(metric, inquiry, knowledge, beliefs)
        case .value:
            (cell, nothingBetter, search) = (inquiry.cells.first, nil, nil)
            isSure = cell.map(knowledge.isTried) ?? true
        case .holds:
            (cell, nothingBetter, search) = (inquiry.cells.first, nil, nil)
            let holds = cell.flatMap { [beliefs] in beliefs.holds($0) }
            isSure = holds.map { $0 >= inquiry.confidence || $0 <= 1 - inquiry.confidence } ?? false
        }
    }

    private typealias Parts = (cell: Int?, nothingBetter: Double?, isSure: Bool, search: Search?)

    private static func cheapest(
        _ inquiry: Inquiry, _ knowledge: Knowledge, _ beliefs: Beliefs
    ) throws(ObservationError) -> Parts {
        let costs = inquiry.limited.costs ?? []
        let candidate = inquiry.cells.filter(beliefs.isGoodEnough).min { costs[$0] < costs[$1] }
        let cheaper = inquiry.cells.filter { cell in candidate.map { costs[cell] < costs[$0] } ?? true }
        let open = cheaper.filter { !knowledge.isTried($0) }
        // What was measured and is not sure enough may do all the same, unless what has more surely does not.
        let measured = cheaper.filter { knowledge.isTried($0) && !beliefs.isContradicted($0) }
            .reduce(1.0) { $0 * (1 - (beliefs.holds($1) ?? 0)) }
        // A candidate that was measured is what the search has found so far.
        let search = Search(
            inquiry.limited, goal: .cheapest(limit: 1), confidence: inquiry.confidence,
            seed: inquiry.specification.seed,
            wanted: cheaper + [candidate].compactMap(\.self).filter(knowledge.isTried),
            reach: beliefs.reach)
        let state = SearchState(trials: Knowledge.trials(knowledge.ratios, failed: knowledge.failed))
        let untried = try search.probabilityOfNone(open, state)
        let nothing = untried * measured
        // Of what was measured it is the cheapest that is good enough: no experiment here would tell more of the others.
        if candidate != nil { return (candidate, nothing, untried >= inquiry.confidence, search) }
        // That nothing does at all is not concluded from less: what has most is tried first.
        guard case .finish = try search.next(state) else { return (nil, nothing, false, search) }
        return (nil, nothing, nothing >= inquiry.confidence && knowledge.count > 0, search)
    }

    private static func best(
        _ metric: Metric, _ inquiry: Inquiry, _ knowledge: Knowledge, _ beliefs: Beliefs
    ) throws(ObservationError) -> Parts {
        let sign = inquiry.better == .lower ? 1.0 : -1.0
        let known = inquiry.cells.filter { beliefs.figure($0) != nil && beliefs.isGoodEnough($0) }
        let flawless = inquiry.better == .lower ? known.first(where: knowledge.flawless.contains) : nil
        let candidate =
            flawless
            ?? known.min {
                sign * (beliefs.figure($0)?.value ?? .infinity) < sign * (beliefs.figure($1)?.value ?? .infinity)
            }
        // What certainly breaks a limit is no answer, and its figure none to be better than.
        let open = inquiry.cells.filter { !knowledge.isTried($0) && beliefs.holds($0) ?? 1 > 1 - inquiry.confidence }
        let search = Search(
            inquiry.figured, goal: .best(budget: nil), better: inquiry.better, confidence: inquiry.confidence,
            seed: inquiry.specification.seed, wanted: open + known.filter(knowledge.isTried), reach: beliefs.reach)
        // What was measured and is not sure to keep the limits may all the same.
        let measured = inquiry.cells.filter {
            knowledge.isTried($0) && !knowledge.failed.contains($0) && beliefs.figure($0) != nil
        }
        guard let candidate, let value = beliefs.figure(candidate)?.value else {
            let none = measured.reduce(open.isEmpty ? 1.0 : 0) { $0 * (1 - (beliefs.holds($1) ?? 1)) }
            return (nil, none, none >= inquiry.confidence && knowledge.count > 0, search)
        }
        if flawless != nil { return (candidate, 1, true, search) }
        // Figures of cells hang together, so that the product is not more than the probability that none is better.
        let none = { (cells: [Int]) in
            cells.filter { $0 != candidate }.reduce(1.0) { product, cell in
                product * (1 - beliefs.beats(cell, candidate, value, inquiry.better))
            }
        }
        return (candidate, none(open + measured), none(open) >= inquiry.confidence, search)
    }

    /// The experiment after which an answer is most probably known; nil when none is left that would tell more.
    func choice() throws(ObservationError) -> (cell: Int, why: String)? {
        guard let search else {
            let isOpen = { (cell: Int) in
                !knowledge.isTried(cell) && !knowledge.spoilt.contains(cell) && !knowledge.pending.contains(cell)
            }
            return inquiry.cells.first(where: isOpen).map { ($0, "it is what is asked about") }
        }
        let observations = inquiry.metric == nil ? knowledge.ratios : knowledge.figures
        let state = SearchState(
            trials: Knowledge.trials(observations, failed: knowledge.failed)
                + knowledge.spoilt.map { Trial(cell: $0, .spoilt) }, pending: knowledge.pending)
        guard case .measure(let suggestions) = try search.next(state), let first = suggestions.first else { return nil }
        return (first.cell, first.why)
    }

    /// Takes what is expected of a cell for measured. False where nothing is.
    func believe(_ cell: Int, _ knowledge: inout Knowledge) -> Bool {
        let error = { (observations: [Observation]) in
            let shares = observations.map { ($0.error ?? 0) / max(abs($0.value), 1e-9) }.sorted()
            return shares.isEmpty ? 0 : shares[shares.count / 2]
        }
        var isKnown = false
        if let ratio = beliefs.ratio(cell) {
            knowledge.ratios.append(
                Observation(cell: cell, value: ratio, error: abs(ratio) * error(knowledge.ratios)))
            isKnown = true
        }
        if let figure = beliefs.figure(cell)?.value {
            knowledge.figures.append(
                Observation(cell: cell, value: figure, error: abs(figure) * error(knowledge.figures)))
            isKnown = true
        }
        return isKnown
    }

    /// How sure the less sure part of it is.
    package var certainty: Double {
        let holds = cell.flatMap(holds) ?? 1
        return min(inquiry.question.wish == .holds ? max(holds, 1 - holds) : holds, nothingBetter ?? 1)
    }

    /// The probability that the limits hold at a cell; nil where there are none, or nothing is known.
    package func holds(_ cell: Int) -> Double? { beliefs.holds(cell) }

    /// Whether a cell alone would do, and what has more surely does not.
    package func isContradicted(_ cell: Int) -> Bool { beliefs.isContradicted(cell) }

    /// Measured cells that may be better than the answer, the most probable first.
    package var rivals: [(cell: Int, probability: Double)] {
        guard case .best = inquiry.question.wish, let cell, let value = figure(cell)?.value else { return [] }
        return inquiry.cells.filter { $0 != cell && knowledge.isTried($0) && beliefs.figure($0) != nil }
            .map { (cell: $0, probability: beliefs.beats($0, cell, value, inquiry.better)) }
            .filter { $0.probability > 1 - inquiry.confidence }.sorted { $0.probability > $1.probability }
    }

    /// The metric that is asked for at a cell.
    package func figure(_ cell: Int) -> Estimate? { beliefs.figure(cell) }

    /// The cell that is most probably meant where none is good enough: the cheapest that does rather than not, else the
    /// nearest to it.
    package var likeliest: Int? {
        if let cell { return cell }
        let known = inquiry.cells.compactMap { cell in beliefs.holds(cell).map { (cell: cell, holds: $0) } }
        let costs = inquiry.limited.costs ?? []
        return known.filter { $0.holds >= 0.5 }.min { costs[$0.cell] < costs[$1.cell] }?.cell
            ?? known.filter { $0.holds > 0 }.max { $0.holds < $1.holds }?.cell
    }
}

/// What is believed of each cell, from what is known.
struct Beliefs: Sendable {
    /// In standard errors, half of an interval of the confidence.
    let reach: Double
    private let confidence: Double
    private let hasLimits: Bool
    private let measuredRatios, measuredFigures: [Int: Observation]
    private let failed: Set<Int>
    private let ratios, figures: Interpolation?
    private let feasible: [Int: Double]
    private let space: ConfigurationSpace

    init(_ inquiry: Inquiry, _ knowledge: Knowledge) throws(ObservationError) {
        confidence = inquiry.confidence
        reach = inquiry.reach
        hasLimits = inquiry.limits != nil
        measuredRatios = Dictionary(knowledge.ratios.map { ($0.cell, $0) }, uniquingKeysWith: { first, _ in first })
        measuredFigures = Dictionary(knowledge.figures.map { ($0.cell, $0) }, uniquingKeysWith: { first, _ in first })
        failed = Set(knowledge.failed)
        let (method, seed) = (inquiry.specification.interpolation, inquiry.specification.seed)
        ratios =
            knowledge.ratios.isEmpty
            ? nil
            : try Interpolation(
                inquiry.limited, knowledge.ratios, checks: knowledge.ratioChecks,
                better: inquiry.limits?.isHelped == true ? .lower : nil, method: method, seed: seed)
        figures =
            knowledge.figures.isEmpty
            ? nil
            : try Interpolation(
                inquiry.figured, knowledge.figures, checks: knowledge.figureChecks,
                better: inquiry.metric?.better == inquiry.better ? inquiry.better : nil, method: method, seed: seed)
        let observations = inquiry.limits == nil ? knowledge.figures : knowledge.ratios
        let feasibility = Feasibility(
            Search(inquiry.limited, goal: .exhaustive),
            TrialBook(SearchState(trials: Knowledge.trials(observations, failed: knowledge.failed))))
        space = inquiry.limited
        feasible = Dictionary(
            inquiry.cells.map { ($0, feasibility.probability($0)) }, uniquingKeysWith: { first, _ in first })
    }

    func holds(_ cell: Int) -> Double? {
        guard hasLimits else { return nil }
        if failed.contains(cell) { return 0 }
        if let ratio = measuredRatios[cell] {
            guard let error = ratio.error, error > 0 else { return ratio.value < 1 ? 1 : 0 }
            return Normal.below((1 - ratio.value) / error)
        }
        return ratios?.probability(cell, below: 1).map { $0 * (feasible[cell] ?? 1) }
    }

    /// Of a measured cell the whole interval has to be inside.
    func isGoodEnough(_ cell: Int) -> Bool {
        guard hasLimits else { return !failed.contains(cell) }
        if let ratio = measuredRatios[cell] { return ratio.value + reach * (ratio.error ?? 0) < 1 }
        return holds(cell).map { $0 >= confidence } ?? false
    }

    func ratio(_ cell: Int) -> Double? { measuredRatios[cell]?.value ?? ratios?.estimate(cell)?.value }

    /// With an interval of the confidence.
    func figure(_ cell: Int) -> Estimate? {
        guard let measured = measuredFigures[cell] else { return figures?.estimate(cell, confidence: confidence) }
        let half = reach * (measured.error ?? 0)
        guard measured.value > 0 else {
            return Estimate(measured.value, lower: measured.value, upper: measured.value + half)
        }
        let factor = exp(half / measured.value)
        return Estimate(measured.value, lower: measured.value / factor, upper: measured.value * factor)
    }

    /// Whether something that was measured and has more of what helps surely does not do.
    func isContradicted(_ cell: Int) -> Bool {
        measuredRatios.keys.contains { other in
            other != cell && space.dominates(other, cell) && holds(other).map { $0 <= 1 - confidence } ?? false
        }
    }

    /// The probability that a cell keeps the limits and is better than `other`, whose figure is `value`.
    func beats(_ cell: Int, _ other: Int, _ value: Double, _ better: Better) -> Double {
        failed.contains(cell) ? 0 : (isBetter(cell, than: other, value, better) ?? 1) * (holds(cell) ?? 1)
    }

    /// The probability that a cell's figure is better by more than anybody would notice than that of `other`, `value`.
    func isBetter(_ cell: Int, than other: Int, _ value: Double, _ better: Better) -> Double? {
        let sign = better == .lower ? 1.0 : -1.0
        let limit = value - sign * abs(value) * MatrixQuestion.noticeable
        guard let own = measuredFigures[cell] else {
            return figures?.probability(cell, below: limit).map { better == .lower ? $0 : 1 - $0 }
        }
        let its =
            measuredFigures[other].map { $0.error ?? 0 }
            ?? figure(other).map { ($0.upper - $0.lower) / 2 / max(reach, 1e-6) } ?? 0
        let error = ((own.error ?? 0) * (own.error ?? 0) + its * its).squareRoot()
        let ahead = sign * (limit - own.value)
        return error > 0 ? Normal.below(ahead / error) : ahead > 0 ? 1 : 0
    }
}
