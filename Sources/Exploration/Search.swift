package import Model

/// Picks the next experiments. Pure, and deterministic from its seed: what was tried so far in, a step out.
package struct Search: Sendable {
    package let space: ConfigurationSpace
    package let goal: SearchGoal
    package let better: Better
    /// How sure it has to be that nothing better is left before it stops.
    package let confidence: Double
    let seed: UInt64
    let geometry: CellGeometry
    /// Those of which one can be the answer; what is measured elsewhere is learnt from.
    private let wanted: Set<Int>
    /// In standard errors, how far a measurement has to be on the right side of a limit.
    private let reach: Double

    /// `better`: which values of the metric are.
    /// `wanted`: the cells of which one can be the answer; nil is all.
    package init(
        _ space: ConfigurationSpace, goal: SearchGoal, better: Better = .lower, confidence: Double = 0.95,
        seed: UInt64 = 0, wanted: [Int]? = nil, reach: Double = Evidence.reach
    ) {
        self.space = space
        self.goal = goal
        self.better = better
        self.confidence = confidence
        self.seed = seed
        self.wanted = Set(wanted ?? Array(space.configurations.indices))
        self.reach = reach
        geometry = CellGeometry(space)
    }

    /// - Throws: `ObservationError` for a trial that is no number or of no cell.
    package func next(_ state: SearchState) throws(ObservationError) -> SearchStep {
        guard state.free > 0 else { return .wait }
        var chosen: [Suggestion] = []
        var book = TrialBook(state)
        while chosen.count < state.free {
            let choice = try decide(book)
            guard case .try(let cell, let why) = choice else {
                guard case .stop(let conclusion) = choice, chosen.isEmpty else { break }
                return state.pending.isEmpty ? .finish(conclusion) : .wait
            }
            guard book.allows(timeLeft: state.timeLeft) else {
                if !chosen.isEmpty { break }
                if !state.pending.isEmpty { return .wait }
                let best = incumbent(book)
                return .finish(
                    SearchEnd(
                        answer: best, confidence: try confidenceSoFar(book), why: "the time bound is reached"))
            }
            chosen.append(Suggestion(cell: cell, why: why))
            book.pending.append(cell)
        }
        return chosen.isEmpty ? .wait : .measure(chosen)
    }

    /// Whether the result of an experiment that is under way can still change the answer.
    package func canMatter(_ cell: Int, _ state: SearchState) -> Bool {
        let book = TrialBook(state)
        switch goal {
        case .cheapest(let limit):
            guard let costs = space.costs, let best = cheapestMeeting(limit, book) else { return true }
            return costs[cell] < costs[best]
        case .best(let budget):
            guard let costs = space.costs, let budget else { return true }
            return costs[cell] <= budget
        case .fill, .exhaustive, .justRunIt, .measure: return true
        }
    }

    enum Choice {
        case `try`(Int, String)
        case stop(SearchEnd)
    }

    private func decide(_ book: TrialBook) throws(ObservationError) -> Choice {
        let open = open(book)
        switch goal {
        case .exhaustive:
            if let next = open.first { return .try(next, "every cell is wanted") }
            return .stop(
                book.spoilt.isEmpty
                    ? SearchEnd(answer: nil, confidence: 1, why: "every cell is measured")
                    : SearchEnd(
                        answer: nil, confidence: 0, why: "every cell was tried, and some experiments were spoilt"))
        case .measure(let cells):
            return cells.first { open.contains($0) }.map { .try($0, "it is named") }
                ?? .stop(SearchEnd(answer: nil, confidence: 0, why: "every cell that was named is measured"))
        case .justRunIt(let threshold):
            return MidpointSearch(self, book).decide(threshold: threshold)
        case .cheapest(let limit):
            if space.costs != nil {
                return try CheapestSearch(self, book, limit: limit).decide(open, spoilt: book.spoilt.filter(isWanted))
            }
            if let corner = corner(open, book) { return corner }
            return try ImprovementSearch(self, book).cheapest(open, limit: limit)
        case .best(let budget):
            let isAffordable = { (cell: Int) in budget.flatMap { b in space.costs.map { $0[cell] <= b } } ?? true }
            let affordable = open.filter(isAffordable)
            if let corner = corner(affordable, book) { return corner }
            let choice = try ImprovementSearch(self, book).best(affordable)
            guard case .stop(let end) = choice, book.spoilt.contains(where: { isWanted($0) && isAffordable($0) })
            else { return choice }
            let why = "\(end.conclusion.why); of those whose experiments were spoilt nothing is known"
            return .stop(SearchEnd(answer: end.answer, confidence: 0, why: why))
        case .fill(let width):
            if let corner = corner(open, book) { return corner }
            return try ImprovementSearch(self, book).fill(open, width: width)
        }
    }

    /// What stands as the answer now.
    func incumbent(_ book: TrialBook) -> Int? {
        switch goal {
        case .cheapest(let limit): cheapestMeeting(limit, book)
        case .best, .justRunIt: bestMeasured(book)
        case .fill, .exhaustive, .measure: nil
        }
    }

    /// The probability that the incumbent is right, when the search is broken off.
    private func confidenceSoFar(_ book: TrialBook) throws(ObservationError) -> Double {
        guard case .cheapest(let limit) = goal, space.costs != nil, incumbent(book) != nil else { return 0 }
        return try CheapestSearch(self, book, limit: limit).confidence(open(book) + book.spoilt.filter(isWanted))
    }

    private func open(_ book: TrialBook) -> [Int] { wanted.sorted().filter { !book.isTaken($0) } }

    func isWanted(_ cell: Int) -> Bool { wanted.contains(cell) }

    /// The probability that none of `cells`, which were not tried, meets the limit of a search for the cheapest; from the
    /// cautious side.
    ///
    /// - Throws: `ObservationError` for a trial that is no number or of no cell.
    package func probabilityOfNone(_ cells: [Int], _ state: SearchState) throws(ObservationError) -> Double {
        let book = TrialBook(state)
        if cells.isEmpty { return 1 }
        guard case .cheapest(let limit) = goal, !book.measured.isEmpty else { return 0 }
        return try CheapestSearch(self, book, limit: limit).probabilityOfNone(cells)
    }

    func meets(_ measured: TrialBook.Measured, _ limit: Double) -> Bool {
        // The whole interval has to, where there is one.
        let half = reach * (measured.error ?? 0)
        return better == .lower
            ? measured.end ?? (measured.value + half) <= limit : measured.end ?? (measured.value - half) >= limit
    }

    func cheapestMeeting(_ limit: Double, _ book: TrialBook) -> Int? {
        book.measured.filter { isWanted($0.cell) && meets($0, limit) }.min { cost($0) < cost($1) }?.cell
    }

    func bestMeasured(_ book: TrialBook) -> Int? {
        book.measured.filter { isWanted($0.cell) }.min { better == .lower ? $0.value < $1.value : $0.value > $1.value }?
            .cell
    }

    func cost(_ measured: TrialBook.Measured) -> Double { space.costs?[measured.cell] ?? measured.cost ?? .infinity }

    /// The next of the informative cells that come first: the corners of the ordered axes (all of up to three axes, else the
    /// two extreme ones), then the centre.
    private func corner(_ open: [Int], _ book: TrialBook) -> Choice? {
        let wanted = geometry.corners() + [geometry.centre()]
        guard let cell = wanted.first(where: { open.contains($0) }) else { return nil }
        return .try(cell, cell == wanted.last ? "the centre" : "a corner")
    }
}
