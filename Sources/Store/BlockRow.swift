/// The least and the greatest of each column over neighbouring cells: a row of the table `block`, and of `span`.
struct BlockRow {
    private(set) var cells: Int64 = 0
    private var least: [Database.Value]
    private var greatest: [Database.Value]
    /// Bits of the columns that the first cell has.
    private var columns: UInt64 = 0
    /// Whether all cells have figures in the same columns.
    private(set) var isWhole = true

    init() {
        least = Array(repeating: .null, count: CellColumns.summarized.count)
        greatest = least
    }

    mutating func add(_ row: CellRow) {
        var columns: UInt64 = 0
        for (index, column) in CellColumns.summarized.enumerated() {
            let value = row.values[column]
            // What is no number is null in a file.
            if case .null = value { continue }
            if case .real(let number) = value, number.isNaN { continue }
            columns |= 1 << UInt64(index)
            if case .null = least[index] {
                (least[index], greatest[index]) = (value, value)
                continue
            }
            if value.precedes(least[index]) { least[index] = value }
            if greatest[index].precedes(value) { greatest[index] = value }
        }
        if cells == 0 { self.columns = columns } else if columns != self.columns { isWhole = false }
        cells += 1
    }

    /// By `names`; `first` is the key of the first cell that can be in it.
    func values(first: Int64) -> [Database.Value] {
        [.integer(first), .integer(cells), .integer(isWhole ? 1 : 0)] + zip(least, greatest).flatMap { [$0, $1] }
    }

    static let names: [String] =
        ["first_cell", "cells", "whole"]
        + CellColumns.summarized.flatMap { ["\(CellColumns.names[$0])_min", "\(CellColumns.names[$0])_max"] }
}

extension BlockRow {
    /// A row of these cells as they are in the file, in SQL: from `?1`, where the first of them can be, to `?2`. No row when
    /// there are none.
    static let ofCells: String = {
        let columns = CellColumns.summarized.map { CellColumns.names[$0] }
        let isWhole = columns.map { "count(\($0)) IN (0, count(*))" }.joined(separator: " AND ")
        let bounds = columns.flatMap { ["min(\($0))", "max(\($0))"] }.joined(separator: ", ")
        return "SELECT ?1, ?2 - ?1 + 1, \(isWhole), \(bounds) FROM cell WHERE id BETWEEN ?1 AND ?2 HAVING count(*) > 0"
    }()

    /// The same of the blocks of these cells.
    static let ofBlocks: String = {
        let columns = CellColumns.summarized.map { CellColumns.names[$0] }
        let isWhole = columns.map { "count(\($0)_min) IN (0, count(*))" }.joined(separator: " AND ")
        let bounds = columns.flatMap { ["min(\($0)_min)", "max(\($0)_max)"] }.joined(separator: ", ")
        return "SELECT ?1, max(first_cell + cells) - ?1, min(whole) AND \(isWhole), \(bounds) FROM block "
            + "WHERE first_cell BETWEEN ?1 AND ?2 HAVING count(*) > 0"
    }()
}

extension Database.Value {
    /// SQLite's own order: numbers before texts, texts by their bytes.
    func precedes(_ other: Database.Value) -> Bool {
        switch (self, other) {
        case (.text(let a), .text(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
        case (.text, _): false
        case (_, .text): true
        default: (number ?? -.infinity) < (other.number ?? -.infinity)
        }
    }
}
