import Model
import TestSupport
import Testing

@testable import Exploration

@Suite struct MatrixSpaceTests {
    @Test func cellsKeepTheirPlaceAndTheirCostIsTheMatrixsOrder() throws {
        let matrix = ResultMatrix(axes: [
            Axis(.node, [.name("small"), .name("large")]), Axis(.cpu, [0.2, 0.4, 0.8]),
        ])
        let space = try ConfigurationSpace(matrix)
        #expect(space.configurations.map(\.levels) == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]])
        let costs = try #require(space.costs)
        // Each dearer than the one before by more than what counts as equal.
        #expect(zip(costs, costs.dropFirst()).allSatisfy { $1 > 1.05 * $0 })
        #expect(space.dominates(2, 0) && !space.dominates(3, 0))
    }

    /// Where nothing failed, so many requests say that little does, and nothing is below none or above all.
    @Test func sharesAreFilledAsSharesAre() throws {
        var matrix = ResultMatrix(axes: [Axis(.cpu, (1...8).map { Double($0) / 10 })])
        for (cpu, failed) in [(0.1, 30), (0.4, 0), (0.8, 0)] {
            let cell = Surface.cell(cpu, p95: 0.02 / cpu)
            guard case .measured(var measurement) = cell.content else {
                throw ObservationError.outside(cell: 0, cells: 0)
            }
            (measurement.requests.sent, measurement.requests.failed) = (600, failed)
            matrix[cell.allocation] = Cell(cell.allocation, .measured(measurement))
        }
        let filled = try matrix.filled(ConfigurationSpace(matrix))
        let errors = try filled.cells.map { try #require($0.estimate(.errors)) }
        #expect(errors[0].value == 0.05 && errors[3].value == 0 && errors[7].value == 0)
        #expect(errors.allSatisfy { 0 <= $0.lower && $0.value <= $0.upper && $0.upper <= 1 })
        #expect(errors[1].value > errors[5].value && errors[5].value < 0.01)
        #expect(filled.cells.allSatisfy { $0.estimate(.differing) == nil })
    }

    @Test func everyBlankIsFilledWithIntervals() throws {
        let axis = (1...10).map { Double($0) / 10 }
        var matrix = ResultMatrix(axes: [Axis(.cpu, axis)])
        for cpu in [0.1, 0.3, 0.6, 1.0] { matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: 0.02 / cpu) }
        let failed = Allocation([.cpu: 0.2])
        matrix[failed] = Cell(failed, .invalid(nil, reasons: ["loss"]))
        let space = try ConfigurationSpace(matrix)
        let filled = try matrix.filled(space)
        for cell in filled.cells where cell.state == "interpolated" {
            let cpu = try #require(cell.allocation[.cpu]?.number)
            let estimate = try #require(cell.estimate(.p95))
            #expect((estimate.lower...estimate.upper).contains(0.02 / cpu))
            #expect(cell.estimate(.throughput) != nil)
        }
        #expect(filled.cells.count { $0.state == "interpolated" } == 5)
        #expect(try filled.filled(space) == filled)
        let sla = SLA(.p95, below: .milliseconds(50), over: .seconds(60))
        let trials = try Evidence(matrix, goal: .cheapest, sla: sla, SearchSpecification()).trials()
        #expect(trials.count == 5 && trials[1].outcome == .failed)
    }

    /// Intervals are longer upwards. The search and the answer mean the same by a cell that meets its limit, and how probable it is
    /// rests on the side that the limit is on.
    @Test func theSideOfTheLimitCounts() throws {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])])
        var cell = Surface.cell(0.4, p95: 0.05)
        guard case .measured(var measurement) = cell.content else { throw ObservationError.outside(cell: 0, cells: 0) }
        measurement.clone.p95 = Estimate(0.05, lower: 0.04, upper: 0.075)
        cell.content = .measured(measurement)
        matrix[cell.allocation] = cell
        for (limit, meets) in [(70, false), (80, true)] {
            let sla = SLA(.p95, below: .milliseconds(limit), over: .seconds(60))
            let evidence = try Evidence(matrix, goal: .cheapest, sla: sla, SearchSpecification())
            let search = Search(evidence.space, goal: .cheapest(limit: sla.limit.seconds), better: .lower)
            #expect(evidence.meets(1) == meets)
            #expect(
                (search.cheapestMeeting(sla.limit.seconds, TrialBook(SearchState(trials: evidence.trials()))) == 1)
                    == meets)
        }
        let near = try Evidence(
            matrix, goal: .cheapest, sla: SLA(.p95, below: .milliseconds(75), over: .seconds(60)), SearchSpecification()
        )
        // Its upper end is that of 95 %.
        #expect(abs(try #require(near.probabilityOfMeeting(1)) - 0.975) < 0.001)
    }
}
