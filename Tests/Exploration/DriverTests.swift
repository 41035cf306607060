import Exploration
import Model
import TestSupport
import Testing

@Suite struct DriverTests {
    private let sla = SLA(.p95, below: .milliseconds(50), over: .seconds(60))

    /// Plays a campaign on a known surface; the control at `onLine` comes first when it is a cell.
    private func play(
        _ axis: [Double], goal: Goal = .cheapest, onLine: Double? = nil, bound: Int = 100, _ p95: (Double) -> Double
    ) -> (matrix: ResultMatrix, experiments: Int) {
        var matrix = ResultMatrix(axes: [Axis(.cpu, axis)])
        var experiments = 0
        if let onLine { matrix[Allocation([.cpu: onLine])] = Surface.cell(onLine, p95: p95(onLine)) }
        let driver = Driver(goal: goal, sla: sla)
        while case .measure(let allocation, _) = driver.next(
            matrix, timeLeft: .seconds(bound - experiments), duration: .seconds(1))
        {
            experiments += 1
            let cpu = allocation[.cpu]?.number ?? 0
            var cell = Surface.cell(cpu, p95: p95(cpu))
            if let predicted = Interpolator.fill(matrix)[allocation]?.estimate(.p95) {
                cell.check = Check(metric: .p95, predicted: predicted, measured: p95(cpu), threshold: 0.1)
            }
            #expect(matrix[allocation]?.measurement == nil, "a cell is measured once")
            matrix[allocation] = cell
            if experiments > 200 { break }
        }
        return (matrix, experiments)
    }

    private static let axis = (1...12).map { Double($0) / 10 }

    /// Wherever the true border lies, it is found, with few experiments.
    @Test(arguments: 0...12)
    func theCheapestIsFoundWhereverItIs(_ border: Int) {
        let p95 = { (cpu: Double) in Int((cpu * 10).rounded()) > border ? 0.03 : 0.08 }
        let (matrix, experiments) = play(Self.axis, p95)
        let bracket = Bracket(matrix, sla)
        if border == 12 {
            #expect(bracket.lowestMeeting == nil)
            #expect(experiments == 1)
        } else {
            #expect(bracket.lowestMeeting == border)
            #expect(bracket.highestViolating == (border == 0 ? nil : border - 1))
            // The largest, four halvings of eleven, and perhaps one check.
            #expect(experiments <= 6)
        }
    }

    @Test func atMostHalfIsMeasuredAndOneInterpolatedCellIsChecked() {
        let (matrix, experiments) = play(Self.axis, onLine: 0.1) { 0.02 + 0.006 / $0 }
        #expect(experiments + 1 <= 6)
        #expect(matrix.cells.contains { $0.check != nil })
    }

    @Test func theTimeBoundEndsTheSearch() {
        let (_, experiments) = play(Self.axis, bound: 2) { $0 > 0.55 ? 0.03 : 0.08 }
        #expect(experiments == 2)
    }

    @Test func exhaustiveMeasuresEveryCell() {
        let (matrix, experiments) = play(Self.axis, goal: .exhaustive) { _ in 0.03 }
        #expect(experiments == 12)
        #expect(matrix.measuredCount == 12)
    }

    /// Noise that contradicts "more is not worse": only what lies above every violating cell is trusted.
    @Test func aViolationAboveAMeetingCellMovesTheAnswerUp() {
        var matrix = ResultMatrix(axes: [Axis(.cpu, Self.axis)])
        for (cpu, p95) in [(0.3, 0.03), (0.5, 0.09), (1.2, 0.02)] {
            matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: p95)
        }
        let bracket = Bracket(matrix, sla)
        #expect(bracket.highestViolating == 4)
        #expect(bracket.lowestMeeting == 11)
    }

    @Test func invalidCellsAreNotTriedAgain() {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])])
        let top = Allocation([.cpu: 0.6])
        matrix[top] = Cell(top, .invalid(nil, reasons: ["loss"]))
        let step = Driver(goal: .cheapest, sla: sla).next(matrix, timeLeft: .seconds(100), duration: .seconds(1))
        guard case .finish = step else {
            Issue.record("\(step)")
            return
        }
    }
}

@Suite struct InterpolatorTests {
    @Test func blanksBetweenMeasuredCellsLieOnTheLine() throws {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.5, 0.6, 0.8])])
        matrix[Allocation([.cpu: 0.4])] = Surface.cell(0.4, p95: 0.100)
        matrix[Allocation([.cpu: 0.6])] = Surface.cell(0.6, p95: 0.040)
        let filled = Interpolator.fill(matrix)
        let estimate = try #require(filled[Allocation([.cpu: 0.5])]?.estimate(.p95))
        let neighbours = try [0.4, 0.6].map { try #require(matrix[Allocation([.cpu: $0])]?.estimate(.p95)) }
        #expect(abs(estimate.value - (neighbours[0].value + neighbours[1].value) / 2) < 1e-9)
        #expect(estimate.lower == neighbours[1].lower && estimate.upper == neighbours[0].upper)
        // Nothing is said beyond the measured range.
        #expect(filled[Allocation([.cpu: 0.2])]?.state == "blank")
        #expect(filled[Allocation([.cpu: 0.8])]?.state == "blank")
    }

    /// The interval's promise: whatever the monotone curve between the neighbours, it is inside.
    @Test(arguments: [0.0, 0.1, 0.5, 0.9, 1.0])
    func anyMonotoneCurveIsInsideTheInterval(_ share: Double) {
        let a = Estimate(0.2, lower: 0.18, upper: 0.22)
        let b = Estimate(0.05, lower: 0.04, upper: 0.06)
        let between = Interpolator.between(a, b, at: share)
        for truth in [0.05, 0.06, 0.1, 0.2] { #expect((between.lower...between.upper).contains(truth)) }
    }

    @Test func fillingTwiceIsFillingOnce() {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])])
        matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.1)
        matrix[Allocation([.cpu: 0.6])] = Surface.cell(0.6, p95: 0.05)
        let once = Interpolator.fill(matrix)
        #expect(Interpolator.fill(once) == once)
    }
}

/// Several axes: nothing is assumed but what was measured.
@Suite struct SeveralAxesTests {
    private let sla = SLA(.p95, below: .milliseconds(50), over: .seconds(60))
    private static let axes = [
        Axis(.cpu, [0.2, 0.4, 0.6]), Axis(.memory, [1e8, 2e8]), Axis(.software, [.name("tuned"), .asIs]),
    ]

    private func measured(_ cell: Cell, p95: Double) -> Cell {
        Cell(cell.allocation, Surface.cell(0, p95: p95).content)
    }

    private func play(_ matrix: ResultMatrix, goal: Goal, _ p95: (Int) -> Double) -> (ResultMatrix, order: [Int]) {
        var (matrix, order): (ResultMatrix, [Int]) = (matrix, [])
        let driver = Driver(goal: goal, sla: sla)
        while case .measure(let allocation, _) = driver.next(
            matrix, timeLeft: .seconds(100), duration: .seconds(1)), order.count < 100
        {
            guard let index = matrix.cells.firstIndex(where: { $0.allocation == allocation }) else { break }
            order.append(index)
            matrix[allocation] = measured(matrix.cells[index], p95: p95(index))
        }
        return (matrix, order)
    }

    /// In the order of cost, up to the first that meets the SLA, whatever lies between or beyond.
    @Test(arguments: [0, 3, 11, 12])
    func theFirstThatMeetsIsFound(_ first: Int) {
        let (matrix, order) = play(ResultMatrix(axes: Self.axes), goal: .cheapest) { index in
            index >= first && index % 2 == first % 2 ? 0.03 : 0.08
        }
        #expect(order == Array(0...min(first, 11)))
        #expect(Bracket(matrix, sla).lowestMeeting == (first == 12 ? nil : first))
    }

    /// A control that meets is one of the cells, and may be dear: the cheaper ones are tried all the same.
    @Test func aCellThatIsKnownEndsTheSearch() {
        var matrix = ResultMatrix(axes: Self.axes)
        let known = matrix.cells[4]
        matrix[known.allocation] = measured(known, p95: 0.03)
        let (_, order) = play(matrix, goal: .cheapest) { _ in 0.08 }
        #expect(order == [0, 1, 2, 3])
    }

    @Test func namesHaveNoOrderOfTheirOwn() {
        let axes = [Axis(.software, [.asIs, .name("a"), .name("b")])]
        let (_, order) = play(ResultMatrix(axes: axes), goal: .cheapest) { $0 == 1 ? 0.03 : 0.08 }
        #expect(order == [0, 1])
    }

    @Test func exhaustiveMeasuresEveryCell() {
        #expect(play(ResultMatrix(axes: Self.axes), goal: .exhaustive) { _ in 0.03 }.order == Array(0..<12))
    }

    /// Between two cells that differ in one number only; never between names.
    @Test func linesRunAlongNumbers() throws {
        var matrix = ResultMatrix(axes: Self.axes)
        let allocation = { (cpu: Double, memory: Double, software: Setting) in
            Allocation([.cpu: .number(cpu), .memory: .number(memory), .software: software])
        }
        for (place, p95) in [
            (allocation(0.2, 1e8, .asIs), 0.1), (allocation(0.6, 1e8, .asIs), 0.04),
            (allocation(0.6, 2e8, .asIs), 0.02), (allocation(0.2, 2e8, .name("tuned")), 0.03),
        ] {
            matrix[place] = measured(Cell(place), p95: p95)
        }
        let filled = Interpolator.fill(matrix)
        let between = try #require(filled[allocation(0.4, 1e8, .asIs)]?.estimate(.p95))
        let ends = try [0.2, 0.6].map { try #require(matrix[allocation($0, 1e8, .asIs)]?.estimate(.p95)) }
        #expect(abs(between.value - (ends[0].value + ends[1].value) / 2) < 1e-9)
        #expect(filled.cells.count { $0.state == "interpolated" } == 1)
        #expect(filled.cells.count { $0.state == "blank" } == 7)
        #expect(Interpolator.fill(filled) == filled)
    }
}
