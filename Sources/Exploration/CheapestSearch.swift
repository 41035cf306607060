import Model

/// The next experiment in search of the cheapest cell that meets a limit, costs being known.
///
/// Whole surfaces are drawn from what is believed. In each, some cells are a right answer: they meet the limit at little more
/// than the least cost. The experiment is the one after which, by itself or with one more, a right answer is most probably
/// measured: its own share of right answers, and what is the most probable right answer once its value is known, over the
/// values that it may have (a two-step look-ahead on samples).
struct CheapestSearch {
    private let search: Search
    private let book: TrialBook
    private let limit: Double
    private let costs: [Double]

    /// An answer at this much more than the least cost is as good.
    private static let slack = 1.05
    private static let surfacesEach = 24
    private static let outcomes = 6
    /// When it is this probable that nothing meets the limit, the largest is tried next.
    private static let unlikely = 0.8
    /// How often less of what helps meets a limit that more does not by more than luck.
    private static let exception = 0.01
    /// To stop, surfaces are taken to be this much further from what is expected of them than the model has it: what was looked
    /// for where the model hoped for most is worse than it hoped.
    private static let widening = 1.5
    /// The deviation of luck that no run tells of, on the modelled scale, is at most this: what is more is a step that a smooth surface
    /// takes for noise.
    private static let mostLuck = 0.05
    /// An odd error is luck of so many of its deviations at most.
    private static let oddest = 3.0
    /// Where on each axis the first experiment is: a little below the middle, as what is cheap is looked for.
    private static let start = 0.4
    /// More cells than this are not weighed at once: the more probable of them are.
    private static let most = 128

    init(_ search: Search, _ book: TrialBook, limit: Double) {
        self.search = search
        self.book = book
        self.limit = limit
        costs = search.space.costs ?? search.space.configurations.map { _ in 1 }
    }

    /// `spoilt`: cells that cannot be tried, and of which nothing is known: that none of them is a better answer is a belief.
    func decide(_ open: [Int], spoilt: [Int]) throws(ObservationError) -> Search.Choice {
        let choice = try decide(open)
        guard !spoilt.isEmpty, case .stop(let end) = choice else { return choice }
        let ceiling = end.answer.map { costs[$0] } ?? .infinity
        let unknown = (open + spoilt).filter { costs[$0] < ceiling }
        if unknown.allSatisfy({ open.contains($0) }) { return choice }
        // That nothing meets the limit is not concluded from less.
        let isFromLess =
            end.answer == nil
            && spoilt.contains { cell in !book.measured.contains { search.space.dominates($0.cell, cell) } }
        let none = book.measured.isEmpty || isFromLess ? 0 : try probabilityOfNone(unknown)
        return .stop(
            SearchEnd(
                answer: end.answer, confidence: min(end.confidence, none),
                why: "\(end.conclusion.why); of those whose experiments were spoilt, by \(Format.percent(none))"))
    }

    private func decide(_ open: [Int]) throws(ObservationError) -> Search.Choice {
        let best = search.cheapestMeeting(limit, book)
        let ceiling = best.map { costs[$0] } ?? .infinity
        let candidates = open.filter { costs[$0] < ceiling }
        if candidates.isEmpty {
            let why = best == nil ? "no cell meets the limit" : "every cheaper cell is measured"
            return .stop(SearchEnd(answer: best, confidence: 1, why: why))
        }
        if book.measured.isEmpty {
            let centre = search.geometry.nearest(search.geometry.axes.filter(\.isOrdered).map { _ in Self.start })
            let first = candidates.contains(centre) ? centre : candidates[candidates.count / 2]
            return .try(first, "near the centre: where is the limit?")
        }
        let draws = try draws(candidates, ceiling: ceiling)
        if draws.nothing >= Self.unlikely, best == nil, let largest = largest(candidates) {
            return .try(largest, "nothing has more of what helps: is the limit within reach at all?")
        }
        if draws.surelyNothing >= search.confidence {
            let said = Format.percent((draws.surelyNothing * 1000).rounded(.down) / 1000)
            let why =
                best == nil
                ? "with probability \(said) no cell that is left meets the limit"
                : "with probability \(said) no cheaper cell meets the limit"
            return .stop(SearchEnd(answer: best, confidence: draws.surelyNothing, why: why))
        }
        let (cell, share) = draws.choice(outcomes: Self.outcomes)
        return .try(
            cell, "it is the answer with probability \(Format.percent(share)), and tells most of where the limit lies")
    }

    /// A candidate that no cell has more than of what helps. That nothing meets the limit is not concluded from less: a step
    /// up there is not seen from below.
    private func largest(_ candidates: [Int]) -> Int? {
        let space = search.space
        guard space.dimensions.contains(where: { $0.moreHelps && $0.count > 1 }) else { return nil }
        return candidates.last { cell in
            !space.configurations.indices.contains {
                $0 != cell && search.isWanted($0) && !book.spoilt.contains($0) && space.dominates($0, cell)
            }
        }
    }

    /// The probability that nothing cheaper than the incumbent meets the limit.
    func confidence(_ open: [Int]) throws(ObservationError) -> Double {
        guard let best = search.cheapestMeeting(limit, book) else { return 0 }
        let candidates = open.filter { costs[$0] < costs[best] }
        if candidates.isEmpty { return 1 }
        return try draws(candidates, ceiling: costs[best]).surelyNothing
    }

    /// The probability that none of these meets the limit.
    func probabilityOfNone(_ cells: [Int]) throws(ObservationError) -> Double {
        try draws(cells, ceiling: .infinity).surelyNothing
    }

    private func draws(_ candidates: [Int], ceiling: Double) throws(ObservationError) -> AnswerDraws {
        var randomness = SplitMix64(seed: search.seed &* 97 &+ book.count)
        let observations = book.observations
        try Interpolation.check(observations, search.space)
        let scale = MetricScale(observations.map(\.value))
        let level = scale == .logarithmic && limit <= 0 ? -1e3 : scale.modelled(limit)
        let process = GaussianProcess(
            search.geometry, observations, pending: book.pending, scale, better: search.better, effort: .quick,
            seed: randomness.next())
        let feasibility = Feasibility(search, book)
        var targets = candidates
        if targets.count > Self.most {
            let posterior = process.posterior(of: candidates)
            let chance = candidates.indices.map { index in
                let below = posterior.probability(index, below: level)
                return (search.better == .lower ? below : 1 - below) / costs[candidates[index]]
            }
            let order = candidates.indices.sorted { (chance[$0], $1) > (chance[$1], $0) }
            targets = order.prefix(Self.most).map { candidates[$0] }.sorted()
        }
        let runs = targets.map { feasibility.probability($0) }
        // Above zero on the side that breaks the limit.
        let sign = search.better == .lower ? 1.0 : -1
        let violating = book.measured.filter { !search.meets($0, limit) }
        let shortfalls = violating.map { sign * (scale.modelled($0.value) - level) }
        let known = violating.map { scale.modelledVariance($0.observation) }
        // What has more of what helps, and still does not meet the limit.
        let dominating = targets.map { target in
            violating.indices.filter { search.space.dominates(violating[$0].cell, target) }
        }
        var result = AnswerDraws(targets: targets)
        for surface in process.surfaces(over: targets, count: Self.surfacesEach, randomness: &randomness) {
            let deviation = surface.noise.squareRoot()
            var least = ceiling
            var isClosed = true
            var values = surface.values
            let isMonotone = randomness.unit() >= Self.exception
            let luck = min(deviation, Self.mostLuck)
            // All of them on the same side: that is the cautious case.
            let common = randomness.normal()
            let misfortunes = known.map { (luck * luck + $0).squareRoot() * common }
            let errors = randomness.normals(targets.count)
            var good: [Int] = []
            for index in targets.indices {
                let own = surface.values[index]
                values[index] += deviation * errors[index]
                guard runs[index] == 1 || randomness.unit() < runs[index] else { continue }
                if isClosed {
                    let odd = sign * deviation * randomness.student(degrees: GaussianProcess.degreesOfFreedom)
                    let wide = surface.means[index] + Self.widening * (own - surface.means[index])
                    // What was measured of more may have been unlucky, and what is to be measured of less may be lucky.
                    let fortune = max(-Self.oddest * luck, min(Self.oddest * luck, odd))
                    let isRuledOut =
                        isMonotone && dominating[index].contains { shortfalls[$0] > misfortunes[$0] - fortune }
                    if sign * (wide - level) + odd <= 0, !isRuledOut { isClosed = false }
                }
                if isMonotone, !dominating[index].isEmpty { continue }
                if sign * (values[index] - level) <= 0 {
                    good.append(index)
                    least = min(least, costs[targets[index]])
                }
            }
            result.append(
                weight: surface.weight, isClosed: isClosed, values: values,
                margins: values.map { sign * (level - $0) },
                answers: good.filter { costs[targets[$0]] <= least * Self.slack })
        }
        return result
    }
}

/// Surfaces that may be, with the cells that answer the question in each.
struct AnswerDraws {
    let targets: [Int]
    private var total = 0.0
    private var unanswered = 0.0
    private var closed = 0.0
    private var weights: [Double] = []
    private var values: [[Double]] = []
    private var answers: [[Int]] = []

    /// Where nothing answers, how near each target comes to it.
    private var hopes: [Double]

    init(targets: [Int]) {
        self.targets = targets
        hopes = targets.map { _ in 0 }
    }

    /// `isClosed`: nothing answers, whatever measurements and the surface may be off.
    /// `margins`: how far each target is on the right side of the limit.
    mutating func append(weight: Double, isClosed: Bool, values: [Double], margins: [Double], answers: [Int]) {
        total += weight
        if isClosed { closed += weight }
        if answers.isEmpty {
            unanswered += weight
            for index in margins.indices { hopes[index] += weight * margins[index] }
            return
        }
        weights.append(weight)
        self.values.append(values)
        self.answers.append(answers)
    }

    private static let preferenceForNow = 1.05

    /// The share of surfaces in which no target answers.
    var nothing: Double { total > 0 ? unanswered / total : 0 }

    /// The probability that no target answers, from the cautious side.
    var surelyNothing: Double { total > 0 ? min(closed, unanswered) / total : 0 }

    /// The target after which an answer is most probably measured, itself or with the one after it, and its own share.
    func choice(outcomes: Int) -> (cell: Int, share: Double) {
        if weights.isEmpty {
            let nearest = targets.indices.max { hopes[$0] < hopes[$1] } ?? 0
            return (targets[nearest], 0)
        }
        let isAnswer = answers.map { list in
            var flags = [Bool](repeating: false, count: targets.count)
            for index in list { flags[index] = true }
            return flags
        }
        var (best, most, share) = (0, -1.0, 0.0)
        for target in targets.indices {
            let borders = borders(target, outcomes)
            var now = 0.0
            var votes = [Double](repeating: 0, count: targets.count * outcomes)
            for surface in weights.indices {
                if isAnswer[surface][target] {
                    now += weights[surface]
                    continue
                }
                let value = values[surface][target]
                let first = targets.count * borders.count { $0 < value }
                for index in answers[surface] { votes[first + index] += weights[surface] }
            }
            let later = stride(from: 0, to: votes.count, by: targets.count).reduce(0) { sum, first in
                sum + (votes[first..<first + targets.count].max() ?? 0)
            }
            // Of two that end it as probably, the one that ends it sooner.
            let score = Self.preferenceForNow * now + later
            if score > most { (best, most, share) = (target, score, now) }
        }
        return (targets[best], total > 0 ? share / total : 0)
    }

    /// Between which values a target's are as many in each of the `outcomes`, by a part of the surfaces.
    private func borders(_ target: Int, _ outcomes: Int) -> [Double] {
        let step = max(1, values.count / Self.looked)
        let sample = stride(from: 0, to: values.count, by: step).map { values[$0][target] }.sorted()
        return (1..<outcomes).map { sample[sample.count * $0 / outcomes] }
    }

    private static let looked = 256
}
