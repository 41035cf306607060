import Exploration
import Model
import TestSupport
import Testing

@Suite struct DriverTests {
    private let sla = SLA(.p95, below: .milliseconds(50), over: .seconds(60))

    /// Plays a campaign on a known surface; the control at `onLine` comes first when it is a cell.
    private func play(
        _ matrix: ResultMatrix, goal: Goal = .cheapest, _ search: SearchSpecification = SearchSpecification(),
        bound: Int = 100, _ p95: (Allocation) -> Double?
    ) throws -> Played {
        var played = Played(matrix: matrix)
        let driver = try Driver(matrix, goal: goal, sla: sla, search)
        while true {
            let step = try driver.next(
                played.matrix, timeLeft: .seconds(bound - played.order.count), duration: .seconds(1))
            guard case .measure(let allocation, _, let isCheck) = step else {
                if case .finish(let conclusion) = step { played.conclusion = conclusion }
                break
            }
            #expect(played.matrix[allocation]?.isTried == false, "a cell is measured once")
            let prospect = try driver.prediction(allocation, played.matrix)
            guard let value = p95(allocation), let measurement = Surface.measurement(p95: value) else {
                played.matrix[allocation] = Cell(allocation, .invalid(nil, reasons: ["it does not boot"]))
                played.order.append(allocation)
                continue
            }
            var cell = Cell(allocation, .measured(measurement))
            cell.check = prospect.flatMap { prospect in
                cell.estimate(prospect.metric).map { prospect.check($0.value, isBySearch: !isCheck) }
            }
            played.matrix[allocation] = cell
            played.order.append(allocation)
            if played.order.count > 200 { break }
        }
        played.matrix = try driver.filled(played.matrix)
        let evidence = try Evidence(played.matrix, goal: goal, sla: sla, search)
        played.answer = evidence.candidate(goal, budget: search.budget).map { played.matrix.cells[$0] }
        return played
    }

    private struct Played {
        var matrix: ResultMatrix
        var order: [Allocation] = []
        var conclusion: Conclusion?
        var answer: Cell?
    }

    private static let axis = (1...12).map { Double($0) / 10 }
    private static let line = ResultMatrix(axes: [Axis(.cpu, axis)])

    private func cpu(_ allocation: Allocation) -> Double { allocation[.cpu]?.number ?? 0 }

    /// Wherever the true border lies, it is found, with few experiments; a step is the worst that there is.
    @Test(arguments: 0...12)
    func theCheapestIsFoundWhereverItIs(_ border: Int) throws {
        let played = try play(Self.line) { Int((self.cpu($0) * 10).rounded()) > border ? 0.03 : 0.08 }
        #expect(played.answer.map { cpu($0.allocation) } == (border == 12 ? nil : Self.axis[border]))
        #expect(played.order.count <= 7, "\(played.order)")
        #expect(try #require(played.conclusion).confidence >= 0.95)
    }

    /// An experiment that others spoilt is no failure of its cell: it is not tried again in this search, those below it are not
    /// given up for it, and that it is no better answer is not said as if it were known.
    @Test func whatWasSpoiltIsNeitherFailedNorKnown() throws {
        let surface = { (allocation: Allocation) in 0.02 / (self.cpu(allocation) - 0.05) }
        var matrix = Self.line
        for cpu in [0.1, 0.3, 0.6, 1.2] {
            matrix[Allocation([.cpu: .number(cpu)])] = Surface.cell(cpu, p95: surface(Allocation([.cpu: .number(cpu)])))
        }
        // Where the limit is met for the first time.
        let spoilt = Allocation([.cpu: 0.5])
        matrix[spoilt] = Cell(spoilt, spoilt: nil, reasons: ["3 requests lost"])
        let played = try play(matrix) { surface($0) }
        #expect(!played.order.contains(spoilt) && played.matrix[spoilt]?.isSpoilt == true)
        let conclusion = try #require(played.conclusion)
        #expect(played.answer.map { cpu($0.allocation) } == 0.6 && conclusion.confidence < 0.5, "\(conclusion)")
        matrix[spoilt] = Cell(spoilt, .invalid(nil, reasons: ["it does not boot"]))
        let unfit = try play(matrix) { surface($0) }
        #expect(try #require(unfit.conclusion).confidence >= 0.95)
    }

    /// With `best`, too; and what lacks the metric that is asked about is not measured for ever.
    @Test func theBestIsNotSureOfWhatWasSpoilt() throws {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])])
        for cpu in [0.2, 0.4] { matrix[Allocation([.cpu: .number(cpu)])] = Surface.cell(cpu, p95: 0.02 / cpu) }
        let spoilt = Allocation([.cpu: 0.6])
        matrix[spoilt] = Cell(spoilt, spoilt: nil, reasons: ["3 requests lost"])
        let played = try play(matrix, goal: .best) { 0.02 / self.cpu($0) }
        #expect(played.order.isEmpty && played.conclusion?.confidence == 0)
        var search = SearchSpecification()
        search.metric = .energy
        let unknown = try play(Self.line, goal: .best, search) { 0.02 / self.cpu($0) }
        #expect(unknown.order.count == Set(unknown.order).count)
    }

    /// A curve as of a queue, with the control measured.
    @Test func aSmoothCurveTakesFewerThanHalving() throws {
        var matrix = Self.line
        matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.02 / 0.1)
        let played = try play(matrix) { 0.02 / max(self.cpu($0) - 0.1, 0.01) }
        #expect(played.answer.map { cpu($0.allocation) } == 0.6)
        #expect(played.order.count <= 4, "\(played.order)")
    }

    @Test func theTimeBoundEndsTheSearch() throws {
        let played = try play(Self.line, bound: 2) { self.cpu($0) > 0.55 ? 0.03 : 0.08 }
        #expect(played.order.count == 2)
        #expect(try #require(played.conclusion).why == "the time bound is reached")
        #expect(try #require(played.conclusion).confidence < 0.95)
    }

    /// With several sandboxes, none is asked for twice, and what cannot change the answer any more is known.
    @Test func severalAtOnce() throws {
        let driver = try Driver(Self.line, goal: .cheapest, sla: sla)
        var pending: [Allocation] = []
        while pending.count < 3,
            case .measure(let allocation, _, isCheck: false) = try driver.next(
                Self.line, pending: pending, timeLeft: .seconds(10), duration: .seconds(1))
        { pending.append(allocation) }
        #expect(Set(pending).count == 3)
        let sorted = pending.sorted { cpu($0) < cpu($1) }
        var matrix = Self.line
        #expect(pending.allSatisfy { driver.canMatter($0, matrix) })
        matrix[sorted[1]] = Surface.cell(cpu(sorted[1]), p95: 0.03)
        #expect(driver.canMatter(sorted[0], matrix) && !driver.canMatter(sorted[2], matrix))
        var two = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])])
        two[Allocation([.cpu: 0.4])] = Surface.cell(0.4, p95: 0.03)
        let step = try Driver(two, goal: .cheapest, sla: sla).next(
            two, pending: [Allocation([.cpu: 0.2])], timeLeft: .seconds(10), duration: .seconds(1))
        #expect(step == .wait)
    }

    @Test func exhaustiveMeasuresEveryCell() throws {
        let played = try play(Self.line, goal: .exhaustive) { _ in 0.03 }
        #expect(played.order.count == 12 && played.matrix.measuredCount == 12)
    }

    /// Runs that contradict "more is not worse" differ by more than they say themselves: the lesser is not trusted.
    @Test func aViolationAboveAMeetingCellMovesTheAnswerUp() throws {
        var matrix = Self.line
        for (cpu, p95) in [(0.3, 0.03), (0.5, 0.09), (1.2, 0.02)] {
            matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: p95)
        }
        let evidence = try Evidence(matrix, goal: .cheapest, sla: sla, SearchSpecification())
        #expect(evidence.isContradicted(2) && !evidence.meets(2))
        #expect(evidence.candidate(.cheapest, budget: nil) == 11)
    }

    @Test func whatCannotServeIsNotTriedAgainAndIsNoAnswer() throws {
        let played = try play(ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])])) { self.cpu($0) < 0.5 ? nil : 0.03 }
        #expect(played.answer.map { cpu($0.allocation) } == 0.6)
        let none = try play(ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])])) { _ in nil }
        #expect(none.answer == nil && none.order.count == 2)
    }

    // MARK: Several axes

    private static let axes = [
        Axis(.cpu, [0.2, 0.4, 0.6]), Axis(.memory, [1e8, 2e8]), Axis(.software, [.name("tuned"), .asIs]),
    ]

    /// The order of cost is that of the axes when nobody says what they cost.
    @Test(arguments: 0...11)
    func theFirstThatMeetsIsFound(_ first: Int) throws {
        let matrix = ResultMatrix(axes: Self.axes)
        let bound = matrix.cells[first].allocation
        let played = try play(matrix) { allocation in
            // More of what helps, at the same release, keeps it.
            let isEnough =
                self.cpu(allocation) >= self.cpu(bound)
                && (allocation[.memory]?.number ?? 0) >= (bound[.memory]?.number ?? 0)
                && allocation[.software] == bound[.software]
            return isEnough ? 0.03 : 0.08
        }
        #expect(played.answer?.allocation == bound)
        #expect(played.order.count <= 11)
    }

    /// With prices, the cheapest is what costs least: here more processors of less memory.
    @Test func pricesDecideWhatIsCheap() throws {
        var search = SearchSpecification()
        search.prices.byResource = [.cpu: .each(1), .memory: .each(100)]
        let matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6]), Axis(.memory, [1, 2, 4].map { $0 * 1e9 })])
        let p95 = { (allocation: Allocation) in
            0.008 / (allocation[.cpu]?.number ?? 1) / ((allocation[.memory]?.number ?? 1) / 1e9)
        }
        let played = try play(matrix, search, p95)
        #expect(played.answer?.allocation == Allocation([.cpu: 0.2, .memory: 1e9]))
        search.prices.byResource = [.cpu: .each(100), .memory: .each(1)]
        let other = try play(matrix, search) { p95($0) * 2 }
        #expect(other.answer?.allocation == Allocation([.cpu: 0.2, .memory: 2e9]))
    }

    @Test func forbiddenCombinationsAreNotTried() throws {
        let forbidden = [Combinations([.cpu: [.number(0.2)], .software: [.asIs, .name("tuned")]])]
        let matrix = ResultMatrix(axes: Self.axes, forbidden: forbidden)
        #expect(matrix.cells.count == 8)
        let played = try play(matrix, goal: .exhaustive) { _ in 0.03 }
        #expect(played.order.count == 8 && played.order.allSatisfy { cpu($0) > 0.3 })
    }

    // MARK: Other goals

    @Test func theBestWithinABudgetIsFound() throws {
        var search = SearchSpecification()
        search.prices.byResource = [.cpu: .each(10)]
        search.budget = 8
        search.metric = .throughput
        // Throughput is the same in all of these; so is the p95 below.
        let played = try play(Self.line, goal: .best, search) { 0.01 + 0.01 / self.cpu($0) }
        #expect(played.order.allSatisfy { cpu($0) <= 0.8 })
        search.metric = nil
        let p95 = try play(Self.line, goal: .best, search) { 0.01 + 0.01 / self.cpu($0) }
        #expect(p95.answer.map { cpu($0.allocation) } == 0.8)
    }

    /// A matrix that is filled rests on interpolated cells: the one that the answer takes is measured.
    @Test(arguments: [Goal.fill, .justRunIt])
    func whatAFilledMatrixAnswersIsChecked(_ goal: Goal) throws {
        var search = SearchSpecification()
        search.gain = 0.5
        search.width = 0.3
        let played = try play(Self.line, goal: goal, search) { 0.01 + 0.016 / self.cpu($0) }
        let answer = try #require(played.answer)
        #expect(answer.measurement != nil)
        #expect(cpu(answer.allocation) <= 0.6)
        #expect(played.matrix.cells.contains { $0.state == "interpolated" })
        #expect(played.matrix.cells.allSatisfy { $0.estimate(.p95) != nil })
    }

    /// Only what is named, in the matrix's order; the answer may rest on another cell, which is then checked.
    @Test func whatIsNamedIsMeasured() throws {
        var search = SearchSpecification()
        search.named = [Combinations([.cpu: [.number(1.2), .number(0.1)]]), Combinations([.cpu: [.number(0.6)]])]
        let slow = try play(Self.line, goal: .measure, search) { _ in 0.08 }
        #expect(slow.order.map(cpu) == [0.1, 0.6, 1.2] && slow.answer == nil)
        #expect(slow.matrix.cells.count { $0.state == "interpolated" } == 9)
        #expect(try #require(slow.conclusion).why == "every cell that was named is measured")
        search.named = [Combinations([.cpu: Self.axis.filter { $0 != 0.7 }.map { .number($0) }])]
        let quick = try play(Self.line, goal: .measure, search) { 0.1 - 0.08 * self.cpu($0) }
        #expect(quick.order.map(cpu).last == 0.7 && quick.order.count == 12)
        #expect(try #require(quick.answer).measurement != nil && quick.answer.map { cpu($0.allocation) } == 0.7)
    }

    /// An answer that is checked afterwards is given without it.
    @Test func checkingAfterwardsLeavesTheAnswerInterpolated() throws {
        var search = SearchSpecification()
        search.check.time = .after
        search.width = 0.5
        let surface = { (allocation: Allocation) in 0.01 + 0.012 / (allocation[.cpu]?.number ?? 1) }
        let after = try play(Self.line, goal: .fill, search, surface)
        #expect(try #require(after.answer).state == "interpolated")
        let driver = try Driver(after.matrix, goal: .fill, sla: sla, search)
        guard case .measure(let allocation, _, isCheck: true)? = try driver.check(after.matrix) else {
            Issue.record("there is something to check")
            return
        }
        #expect(allocation == after.answer?.allocation)
        search.check.time = .before
        let before = try play(Self.line, goal: .fill, search, surface)
        #expect(try #require(before.answer).state == "checked")
    }

    /// What was predicted before it was measured makes intervals wider when it was far off.
    @Test func checksRecalibrate() throws {
        var matrix = Self.line
        for cpu in [0.1, 0.4, 0.7, 1.0, 1.2] {
            matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: 0.03 / cpu)
        }
        let driver = try Driver(matrix, goal: .fill, sla: sla)
        let place = Allocation([.cpu: 0.8])
        let width = { (matrix: ResultMatrix) in
            try #require(try driver.filled(matrix)[place]?.estimate(.p95)).upper
        }
        let narrow = try width(matrix)
        for cpu in [0.1, 0.4, 0.7] {
            let allocation = Allocation([.cpu: cpu])
            var cell = try #require(matrix[allocation])
            cell.check = Check(
                metric: .p95, predicted: Estimate(1, lower: 1, upper: 1), measured: 2, threshold: 0.1, standardized: 12)
            matrix[allocation] = cell
        }
        #expect(try width(matrix) > narrow)
    }
}
