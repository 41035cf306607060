import Model
import TestSupport
import Testing

@testable import Exploration

@Suite struct SearchTests {
    private typealias Dimension = ConfigurationSpace.Dimension

    private static func axis(_ count: Int) throws -> ConfigurationSpace {
        try ConfigurationSpace([
            Dimension("cpu", .numeric((1...count).map { Double($0) / Double(count) }, .both), moreHelps: true)
        ]).costing { Double($0.levels[0] + 1) }
    }

    private static func plane() throws -> ConfigurationSpace {
        try ConfigurationSpace([
            Dimension("cpu", .numeric((1...8).map(Double.init), .both), moreHelps: true),
            Dimension("memory", .numeric([1, 2, 4, 8], .both), moreHelps: true),
            Dimension("node", .unordered(["a", "b"])),
        ]).costing { Double($0.levels[0] + 1) + 0.3 * Double($0.levels[1] + 1) + Double($0.levels[2]) }
    }

    private struct Played {
        var cells: [Int] = []
        var conclusion: SearchEnd?
    }

    private func play(
        _ search: Search, free: Int = 1, _ outcome: (Int) -> Trial.Outcome
    ) throws -> Played {
        var played = Played()
        var trials: [Trial] = []
        while played.cells.count <= search.space.configurations.count {
            switch try search.next(SearchState(trials: trials, free: free)) {
            case .wait: return played
            case .finish(let conclusion):
                played.conclusion = conclusion
                return played
            case .measure(let suggestions):
                #expect((1...free).contains(suggestions.count))
                for suggestion in suggestions {
                    played.cells.append(suggestion.cell)
                    trials.append(Trial(cell: suggestion.cell, outcome(suggestion.cell)))
                }
            }
        }
        return played
    }

    /// The lowest of five values meets the SLA: the centre, then the lowest.
    @Test(arguments: [0.01, 0.2, 0.5, 0.9])
    func theLowestOfFiveIsFoundInTwo(_ steepness: Double) throws {
        let search = Search(try Self.axis(5), goal: .cheapest(limit: 0.05))
        let played = try play(search) { .measured(0.04 * (1 - steepness) + 0.008 * steepness * 5 / Double($0 + 1)) }
        #expect(played.cells.count <= 2)
        #expect(played.conclusion?.answer == 0 && played.conclusion?.confidence == 1)
    }

    @Test(arguments: 0...12)
    func theCheapestOfAnAxisIsFoundWhereverItIs(_ border: Int) throws {
        let search = Search(try Self.axis(12), goal: .cheapest(limit: 0.05), confidence: 0.99)
        let played = try play(search) { .measured($0 >= border ? 0.03 : 0.09) }
        #expect(played.conclusion?.answer == (border < 12 ? border : nil))
        #expect(played.cells.count <= 8)
    }

    private static let goals: [SearchGoal] = [
        .cheapest(limit: 0.3), .best(budget: 8), .best(budget: nil), .fill(width: 0.1), .exhaustive,
        .justRunIt(threshold: 0.05),
    ]

    private static func time(_ space: ConfigurationSpace, _ cell: Int) -> Double {
        let levels = space.configurations[cell].levels
        return (0.1 + 1 / Double(levels[0] + 1)) * (levels[1] == 0 ? 1.3 : 1) * (levels[2] == 0 ? 1.1 : 1)
    }

    /// Some cells fail, and some are missing; no cell is tried twice, one at a time or three at once, and the same seed
    /// tries the same.
    @Test(arguments: goals, [1, 3])
    func noCellIsTriedTwice(_ goal: SearchGoal, _ free: Int) throws {
        let space = try Self.plane()
        let search = Search(space, goal: goal, seed: 3)
        let outcome = { (cell: Int) -> Trial.Outcome in
            space.configurations[cell].levels[1] == 0 && space.configurations[cell].levels[0] < 2
                ? .failed : .measured(Self.time(space, cell))
        }
        let played = try play(search, free: free, outcome)
        #expect(Set(played.cells).count == played.cells.count)
        #expect(played.conclusion != nil)
        #expect(try play(search, free: free, outcome).cells == played.cells)
    }

    @Test func withoutKnownCostsTheCheapestIsFoundToo() throws {
        let space = try ConfigurationSpace([
            Dimension("cpu", .numeric((1...8).map(Double.init), .both), moreHelps: true),
            Dimension("node", .unordered(["a", "b", "c"])),
        ])
        let search = Search(space, goal: .cheapest(limit: 0.4), seed: 1)
        let price = [1.0, 0.8, 1.3]
        let cost = { (cell: Int) in
            Double(space.configurations[cell].levels[0] + 1) * price[space.configurations[cell].levels[1]]
        }
        let time = { (cell: Int) in 1 / Double(space.configurations[cell].levels[0] + 1) }
        let played = try play(search) { .measured(time($0), cost: cost($0)) }
        let least = space.configurations.indices.filter { time($0) <= 0.4 }.map(cost).min()
        #expect(played.conclusion?.answer.map(cost) == least)
        #expect(played.cells.count < space.configurations.count)
    }

    @Test func theBestIsWithinTheBudget() throws {
        let space = try Self.plane()
        let costs = try #require(space.costs)
        let search = Search(space, goal: .best(budget: 6))
        let played = try play(search) { .measured(Self.time(space, $0)) }
        #expect(played.cells.allSatisfy { costs[$0] <= 6 })
        let least = space.configurations.indices.filter { costs[$0] <= 6 }.map { Self.time(space, $0) }.min()
        #expect(played.conclusion?.answer.map { Self.time(space, $0) } == least)
    }

    @Test func aTimeBoundEndsIt() throws {
        let search = Search(try Self.axis(8), goal: .exhaustive)
        let trials = [Trial(cell: 0, .measured(1), duration: .seconds(60))]
        guard case .finish = try search.next(SearchState(trials: trials, timeLeft: .seconds(59))) else {
            Issue.record("an experiment was begun that could not end in time")
            return
        }
        guard case .measure = try search.next(SearchState(trials: trials, timeLeft: .seconds(60))) else {
            Issue.record("there was time for one more")
            return
        }
    }

    @Test func anExperimentThatCannotMatterIsNamed() throws {
        let search = Search(try Self.axis(8), goal: .cheapest(limit: 0.05))
        let state = SearchState(trials: [Trial(cell: 3, .measured(0.04))], pending: [2, 5])
        #expect(search.canMatter(2, state) && !search.canMatter(5, state))
    }

    /// A measurement whose interval spans the limit is not good enough to act on.
    @Test func theWholeIntervalHasToMeet() throws {
        let search = Search(try Self.axis(2), goal: .cheapest(limit: 0.05))
        let trials = [Trial(cell: 0, .measured(0.049, error: 0.002)), Trial(cell: 1, .measured(0.03, error: 0.002))]
        guard case .finish(let conclusion) = try search.next(SearchState(trials: trials)) else {
            Issue.record("nothing is left to try")
            return
        }
        #expect(conclusion.answer == 1)
    }
}

@Suite struct CheckerTests {
    private let space: ConfigurationSpace
    private let model: Interpolation

    init() throws {
        space = try ConfigurationSpace([
            ConfigurationSpace.Dimension("cpu", .numeric((1...10).map(Double.init), .both), moreHelps: true)
        ])
        model = try Interpolation(
            space, [0, 3, 6, 9].map { Observation(cell: $0, value: 0.1 / Double($0 + 1)) }, better: .lower)
    }

    @Test func whatMayBreakTheSLAComesFirst() {
        let verdict = Checker().verdict([1, 4, 8], model, measured: [0, 3, 6, 9], limit: 0.045)
        guard case .toCheck(let cells) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(cells.first == 1 && Set(cells) == [1, 4, 8])
        #expect(Checker().verdict([0, 3], model, measured: [0, 3, 6, 9]) == .sound)
        #expect(Checker(doubt: 1).verdict([4], model, measured: [0, 3, 6, 9]) == .sound)
    }

    @Test func aCheckThatIsOffOrBreaksTheSLAFails() throws {
        let predicted = try #require(model.estimate(4)).value
        let near = try #require(CheckResult(4, measured: predicted * 1.05, against: model))
        let far = try #require(CheckResult(4, measured: predicted * 1.5, against: model))
        #expect(Checker().verdict([4], model, measured: [], results: [near]) == .sound)
        #expect(Checker().verdict([4], model, measured: [], results: [far]) == .failed([far]))
        #expect(
            Checker().verdict([4], model, measured: [], results: [near], limit: predicted) == .failed([near]))
        #expect(abs(far.recalibration.standardized) > abs(near.recalibration.standardized))
    }

    @Test func noDataIsItsOwnVerdict() throws {
        let nothing = try Interpolation(space, [])
        #expect(Checker().verdict([1, 1, 2], nothing, measured: []) == .noData([1, 2]))
        #expect(CheckResult(1, measured: 1, against: nothing) == nil)
    }
}
