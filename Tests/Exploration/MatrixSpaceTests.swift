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
}
