import Glibc
import Model

/// The next experiment by expected improvement (Jones, Schonlau and Welch, J. Global Optim. 13, 1998), with constraints by
/// their probability (Gardner et al., ICML 2014); and by uncertainty, to fill a matrix.
struct ImprovementSearch {
    private let search: Search
    private let book: TrialBook
    private let feasibility: Feasibility

    init(_ search: Search, _ book: TrialBook) {
        self.search = search
        self.book = book
        feasibility = Feasibility(search, book)
    }

    private func model(_ observations: [Observation], _ better: Better?) throws(ObservationError) -> Interpolation {
        try Interpolation(
            search.space, search.geometry, observations, pending: book.pending, better: better,
            method: .gaussianProcess, effort: .quick, seed: search.seed &* 97 &+ book.count)
    }

    /// An unordered level of which nothing is known, a space without ordered axes: any cell is the first.
    private func first(_ open: [Int]) -> Search.Choice {
        open.first.map { .try($0, "nothing could be measured yet") }
            ?? .stop(SearchEnd(answer: nil, confidence: 0, why: "no experiment gave a measurement"))
    }

    /// The best value of the metric.
    func best(_ open: [Int]) throws(ObservationError) -> Search.Choice {
        guard let incumbent = search.bestMeasured(book) else { return first(open) }
        let model = try model(book.observations, search.better)
        let value = book.measured.filter { $0.cell == incumbent }.map(\.value).min() ?? 0
        return choose(open, incumbent) { cell in
            let gain = model.expectedImprovement(cell, over: value, search.better)
            let below = model.probability(cell, below: value) ?? 0
            let runs = feasibility.probability(cell)
            return (gain * runs, runs * (search.better == .lower ? below : 1 - below))
        }
    }

    /// The least cost that meets the limit, the cost being known after an experiment only.
    func cheapest(_ open: [Int], limit: Double) throws(ObservationError) -> Search.Choice {
        guard !book.measured.isEmpty else { return first(open) }
        let metric = try model(book.observations, search.better)
        let costs = book.measured.compactMap { measured in
            measured.cost.map { Observation(cell: measured.cell, value: $0) }
        }
        let cost = try model(costs, nil)
        let incumbent = search.cheapestMeeting(limit, book)
        let least = book.measured.filter { $0.cell == incumbent }.compactMap(\.cost).min()
        return choose(open, incumbent) { cell in
            let below = metric.probability(cell, below: limit) ?? 0
            let meets = feasibility.probability(cell) * (search.better == .lower ? below : 1 - below)
            guard let least else { return (meets, meets) }
            return (
                meets * cost.expectedImprovement(cell, over: least, .lower),
                meets * (cost.probability(cell, below: least) ?? 0)
            )
        }
    }

    /// Where least is known, until every interval is within `width` (a fraction) of its value.
    func fill(_ open: [Int], width: Double) throws(ObservationError) -> Search.Choice {
        guard !book.measured.isEmpty else { return first(open) }
        let model = try model(book.observations, nil)
        var (widest, most) = (0, -1.0)
        for cell in open {
            let share = (model.relativeWidth(cell) ?? .infinity) * feasibility.probability(cell)
            if share > most { (widest, most) = (cell, share) }
        }
        if open.isEmpty || most <= width {
            return .stop(
                SearchEnd(
                    answer: nil, confidence: Interpolation.confidence,
                    why: "every interval is within \(Format.percent(width)) of its value"))
        }
        return .try(widest, "its interval is the widest: \(Format.percent(min(most, 100))) of its value")
    }

    /// The cell with the largest score; stops when it is improbable that any is better. `score` gives the expected gain and the
    /// probability of any.
    private func choose(_ open: [Int], _ incumbent: Int?, _ score: (Int) -> (gain: Double, chance: Double))
        -> Search.Choice
    {
        var (choice, most) = (-1, -1.0)
        // Metrics of cells hang together, so that the product is at most the probability that none is better.
        var none = 1.0
        for cell in open {
            let (gain, chance) = score(cell)
            none *= 1 - min(chance, 1)
            if gain > most { (choice, most) = (cell, gain) }
        }
        if choice < 0 { return .stop(SearchEnd(answer: incumbent, confidence: 1, why: "every cell is measured")) }
        if none >= search.confidence {
            return .stop(
                SearchEnd(
                    answer: incumbent, confidence: none,
                    why: "with probability \(Format.percent((none * 1000).rounded(.down) / 1000)) no cell is better"))
        }
        return .try(choice, "the largest improvement is expected of it")
    }
}
