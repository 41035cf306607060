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
        #expect(space.costs == [1, 2, 3, 4, 5, 6])
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
        #expect(matrix.trials(.p95).count == 5 && matrix.trials(.p95)[1].outcome == .failed)
    }
}
