import Model
import TestSupport

/// Conditions and orders of a command line: up to a line feed the condition, behind it the order.
enum MatrixQueryEntry {
    private static let matrix: ResultMatrix = {
        var matrix = ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6, 0.8])])
        matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.120)
        matrix[Allocation([.cpu: 0.4])] = Cell(
            Allocation([.cpu: 0.4]), .interpolated([.p95: Estimate(0.08, lower: 0.04, upper: 0.12)]))
        matrix[Allocation([.cpu: 0.6])] = Surface.cell(0.6, p95: 0.040)
        return matrix
    }()

    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let parts = bytes.split(separator: 0x0a, maxSplits: 1, omittingEmptySubsequences: false)
        let condition = String(decoding: parts.first ?? [], as: UTF8.self)
        let order = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : nil
        let cells: [Cell]
        do throws(QueryError) {
            cells = try MatrixQuery(where: condition, order: order).select(from: matrix)
        } catch {
            if error.description.isEmpty { throw BrokenInvariant("an error says nothing") }
            return
        }
        let allocations = Set(cells.map(\.allocation))
        try BrokenInvariant.unless(
            allocations.count == cells.count && cells.count <= matrix.cells.count, "a cell comes twice")
        try BrokenInvariant.unless(
            !condition.allSatisfy(\.isWhitespace) || cells.count == matrix.cells.count, "no condition leaves cells out")
    }
}
