import Foundation
import Model

/// Writes campaigns within somebody's transaction.
final class CampaignWriter {
    private let database: Database
    private let cells: RowWriter
    private let details: RowWriter
    private let blocks: RowWriter
    private let spans: RowWriter
    private var ofBlocks: Statement?

    init(_ database: Database) {
        self.database = database
        cells = RowWriter(database, "cell", CellColumns.names)
        details = RowWriter(database, "detail", ["id", "cell"])
        blocks = RowWriter(database, "block", BlockRow.names)
        spans = RowWriter(database, "span", BlockRow.names)
    }

    /// Writes the record, and of its cells those that are not as in `before`: what the store holds of this campaign, with the
    /// same axes. Nil is not known, or of other axes: whatever it holds of it is replaced.
    func write(_ record: CampaignRecord, before: [Cell]?) throws(StoreError) {
        let cells = record.matrix.cells
        guard cells.count <= Int(CellColumns.largestNumber) else {
            throw StoreError(
                path: database.path, doing: "write campaign \(record.id)",
                reason: "its matrix has \(cells.count) cells, of which a store takes \(CellColumns.largestNumber)",
                wayOut: "give the axes fewer values")
        }
        let key = try writeHead(record)
        let before = before ?? []
        // Behind what is known to be there, or is to stay, there is nothing then, whatever the file held.
        try Self.removeCells(key, from: min(before.count, cells.count), in: database)
        let blocks = CellColumns.blockSize(record.matrix.axes)
        let spans = CellColumns.spanSize(record.matrix.axes)
        for span in stride(from: 0, to: cells.count, by: spans) {
            let end = min(span + spans, cells.count)
            var isChanged = false
            for start in stride(from: span, to: end, by: blocks) {
                let numbers = start..<min(start + blocks, end)
                let written = numbers.clamped(to: 0..<before.count)
                // That a block has lost cells changes it, too.
                let isSame =
                    written == numbers && (before.count == numbers.upperBound || numbers.upperBound < cells.count)
                    && numbers.allSatisfy { before[$0] == cells[$0] }
                if isSame { continue }
                try write(cells, numbers, before: before, of: key, record.id)
                isChanged = true
            }
            if isChanged {
                let range = CellColumns.id(key, span)...CellColumns.id(key, end - 1)
                try writeSpan(range, replacing: span < before.count)
            }
        }
    }

    private func writeHead(_ record: CampaignRecord) throws(StoreError) -> Int64 {
        var plain = record
        plain.matrix = ResultMatrix(axes: record.matrix.axes, cells: [])
        let text = try whole(record.id) { String(decoding: try CellRow.encoder.encode(plain), as: UTF8.self) }
        let counts = Self.counts(record.matrix.cells)
        let head = HeadRow(
            [
                .text(record.id), .text(record.service), .text(record.tier), .text(record.domain),
                .integer(record.started.nanoseconds), .text(record.state.rawValue), .text(text),
                .integer(Int64(record.matrix.cells.count)),
            ] + Cell.states.map { .integer(counts[$0] ?? 0) })
        let rows = try database.run(HeadRow.insertion, head.values + [.integer(head.hash)])
        guard let key = rows.first?.integer(0) else {
            throw StoreError(path: database.path, doing: "write campaign \(record.id)", reason: "it got no key")
        }
        return key
    }

    /// How many cells are in each state. Neighbours are alike, so that looking a state up is rare.
    private static func counts(_ cells: [Cell]) -> [String: Int64] {
        var counts: [String: Int64] = [:]
        var (state, length) = ("", Int64(0))
        for index in cells.indices {
            let next = cells[index].state
            if next != state {
                counts[state, default: 0] += length
                (state, length) = (next, 0)
            }
            length += 1
        }
        counts[state, default: 0] += length
        return counts
    }

    /// The changed ones of these cells, and their block.
    private func write(
        _ cells: [Cell], _ numbers: Range<Int>, before: [Cell], of key: Int64, _ campaign: String
    ) throws(StoreError) {
        var block = BlockRow()
        // Used again from cell to cell.
        var row = CellRow()
        for number in numbers {
            let id = CellColumns.id(key, number)
            if number < before.count, before[number] == cells[number] {
                row.fillColumns(id, cells[number])
            } else {
                try whole(campaign) { try row.fill(id, cells[number]) }
                let isThere = number < before.count
                try self.cells.write(row.values, replacing: isThere)
                if let detail = row.detail {
                    try details.write([.integer(id), .text(detail)], replacing: isThere)
                } else if isThere {
                    try details.remove(id)
                }
            }
            block.add(row)
        }
        try blocks.write(
            block.values(first: CellColumns.id(key, numbers.lowerBound)), replacing: numbers.lowerBound < before.count)
    }

    private func writeSpan(_ cells: ClosedRange<Int64>, replacing: Bool) throws(StoreError) {
        if ofBlocks == nil { ofBlocks = try database.prepare(BlockRow.ofBlocks) }
        guard let row = try ofBlocks?.row([.integer(cells.lowerBound), .integer(cells.upperBound)]) else { return }
        try spans.write(row, replacing: replacing)
    }

    /// Of the campaign with that key, all cells from a number on.
    static func removeCells(_ key: Int64, from number: Int, in database: Database) throws(StoreError) {
        let range: [Database.Value] = [
            .integer(CellColumns.id(key, number)), .integer(CellColumns.id(key, Int(CellColumns.largestNumber))),
        ]
        for (table, column) in [("cell", "id"), ("detail", "id"), ("block", "first_cell"), ("span", "first_cell")] {
            try database.run("DELETE FROM \(table) WHERE \(column) BETWEEN ? AND ?", range)
        }
    }

    private func whole<Result>(_ campaign: String, _ body: () throws -> Result) throws(StoreError) -> Result {
        do { return try body() } catch {
            throw StoreError(path: database.path, doing: "write campaign \(campaign)", reason: "\(error)")
        }
    }
}
