import Foundation
import Model
import TestSupport
import Testing

@Suite struct ResultMatrixTests {
    private func measured(_ values: [Resource: Setting]) -> Cell {
        Cell(Allocation(values), Surface.cell(0, p95: 0.05).content)
    }

    /// What was measured once stays, under more values and more axes; where the other has no such value, too.
    @Test func aMatrixIsExtended() throws {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])])
        for cpu in [0.2, 0.6] {
            let cell = measured([.cpu: .number(cpu)])
            matrix[cell.allocation] = cell
        }
        let onLine = Allocation([.cpu: .number(0.4), .memory: .number(2e9)])
        let more = ResultMatrix(axes: [Axis(.cpu, [0.4, 0.6, 0.8])])
        let values = try #require(matrix.extended(by: more, onLine: onLine))
        #expect(values.axes.first?.numbers == [0.2, 0.4, 0.6, 0.8])
        #expect(values.cells.map(\.state) == ["measured", "blank", "measured", "blank"])
        // The lesser value is kept for what was measured there only.
        let wider = ResultMatrix(axes: [Axis(.memory, [1e9, 2e9]), Axis(.cpu, [0.4, 0.6, 0.8])])
        let axes = try #require(matrix.extended(by: wider, onLine: onLine))
        #expect(axes.cells.count == 7 && axes.measuredCount == 2)
        for cpu in [0.2, 0.6] {
            #expect(axes[Allocation([.cpu: .number(cpu), .memory: .number(2e9)])]?.measurement != nil)
        }
        #expect(axes[Allocation([.cpu: .number(0.2), .memory: .number(1e9)])] == nil)
        #expect(matrix.extended(by: ResultMatrix(axes: [Axis(.memory, [1e9, 2e9])]), onLine: onLine) == nil)
        #expect(try #require(matrix.extended(by: matrix, onLine: onLine)) == matrix)
    }

    /// What came to nothing by the doing of others is open again when a campaign goes on; what is unfit stays so.
    @Test func whatWasSpoiltIsOpenAgain() throws {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])])
        let (unfit, spoilt) = (matrix.cells[0].allocation, matrix.cells[1].allocation)
        matrix[unfit] = Cell(unfit, .invalid(nil, reasons: ["it does not boot"]))
        matrix[spoilt] = Cell(spoilt, spoilt: nil, reasons: ["3 requests lost"])
        #expect(matrix.cells.map(\.isTried) == [true, false] && matrix.cells.map(\.state) == ["invalid", "invalid"])
        let next = try #require(matrix.extended(by: ResultMatrix(axes: matrix.axes), onLine: Allocation()))
        #expect(next.cells.map(\.state) == ["invalid", "blank"])
        let kept = try JSONDecoder().decode(ResultMatrix.self, from: JSONEncoder().encode(matrix))
        #expect(kept == matrix && kept.cells[1].isSpoilt)
    }

    @Test func allocationsAreReadAsTheyAreWritten() throws {
        let allocation = Allocation([.cpu: .number(0.45), .memory: .number(134_217_728), .software: .asIs])
        #expect(try Allocation(parsing: allocation.description) == allocation)
        for text in ["cpu", "cpu 45", "ram 45%", "cpu 45%, cpu 50%", "memory 1 GiB cpu 45%"] {
            #expect(throws: UnitError.self) { try Allocation(parsing: text) }
        }
    }
}
