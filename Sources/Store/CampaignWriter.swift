import Foundation
import Model

/// Writes campaigns within somebody's transaction. Its statements are prepared once.
final class CampaignWriter {
    private let database: Database
    private var cellStatement: Statement?
    private var detailStatement: Statement?
    private var forgetStatement: Statement?
    private var blockStatement: Statement?
    /// Used again from cell to cell.
    private var row = CellRow()

    init(_ database: Database) { self.database = database }

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
        if before == nil { try Self.removeCells(key, from: 0, in: database) }
        let before = before ?? []
        if before.count > cells.count { try Self.removeCells(key, from: cells.count, in: database) }
        let size = CellColumns.blockSize(record.matrix.axes)
        for start in stride(from: 0, to: cells.count, by: size) {
            let numbers = start..<min(start + size, cells.count)
            let written = numbers.clamped(to: 0..<before.count)
            // That a block has lost cells changes it, too.
            let isSame =
                written == numbers && (before.count == numbers.upperBound || numbers.upperBound < cells.count)
                && numbers.allSatisfy { before[$0] == cells[$0] }
            if !isSame { try write(cells, numbers, before: before, of: key, record.id) }
        }
    }

    private func writeHead(_ record: CampaignRecord) throws(StoreError) -> Int64 {
        var plain = record
        plain.matrix = ResultMatrix(axes: record.matrix.axes, cells: [])
        let text = try whole(record.id) { String(decoding: try CellRow.encoder.encode(plain), as: UTF8.self) }
        var counts: [String: Int] = [:]
        for cell in record.matrix.cells { counts[cell.state, default: 0] += 1 }
        let head = HeadRow(
            [
                .text(record.id), .text(record.service), .text(record.tier), .text(record.domain),
                .integer(record.started.nanoseconds), .text(record.state.rawValue), .text(text),
                .integer(Int64(record.matrix.cells.count)),
            ] + Cell.states.map { .integer(Int64(counts[$0] ?? 0)) })
        let rows = try database.run(HeadRow.insertion, head.values + [.integer(head.hash)])
        guard let key = rows.first?.integer(0) else {
            throw StoreError(path: database.path, doing: "write campaign \(record.id)", reason: "it got no key")
        }
        return key
    }

    /// The changed ones of these cells, and their block.
    private func write(
        _ cells: [Cell], _ numbers: Range<Int>, before: [Cell], of key: Int64, _ campaign: String
    ) throws(StoreError) {
        var block = BlockRow()
        for number in numbers {
            let id = CellColumns.id(key, number)
            if number < before.count, before[number] == cells[number] {
                row.fillColumns(id, cells[number])
            } else {
                try whole(campaign) { try row.fill(id, cells[number]) }
                try statement(&cellStatement, "cell", CellColumns.names).run(row.values)
                if let detail = row.detail {
                    try statement(&detailStatement, "detail", ["id", "cell"]).run([.integer(id), .text(detail)])
                } else if number < before.count {
                    try database.prepare("DELETE FROM detail WHERE id = ?", kept: &forgetStatement).run([.integer(id)])
                }
            }
            block.add(row)
        }
        try statement(&blockStatement, "block", BlockRow.names).run(
            block.values(first: CellColumns.id(key, numbers.lowerBound)))
    }

    private func statement(
        _ statement: inout Statement?, _ table: String, _ columns: [String]
    ) throws(StoreError) -> Statement {
        if let statement { return statement }
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        return try database.prepare(
            "INSERT OR REPLACE INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))", kept: &statement)
    }

    /// Of the campaign with that key, all cells from a number on.
    static func removeCells(_ key: Int64, from number: Int, in database: Database) throws(StoreError) {
        let range: [Database.Value] = [
            .integer(CellColumns.id(key, number)), .integer(CellColumns.id(key, Int(CellColumns.largestNumber))),
        ]
        for (table, column) in [("cell", "id"), ("detail", "id"), ("block", "first")] {
            try database.run("DELETE FROM \(table) WHERE \(column) BETWEEN ? AND ?", range)
        }
    }

    private func whole<Result>(_ campaign: String, _ body: () throws -> Result) throws(StoreError) -> Result {
        do { return try body() } catch {
            throw StoreError(path: database.path, doing: "write campaign \(campaign)", reason: "\(error)")
        }
    }
}

extension Database {
    fileprivate func prepare(_ sql: String, kept statement: inout Statement?) throws(StoreError) -> Statement {
        if let statement { return statement }
        let prepared = try prepare(sql)
        statement = prepared
        return prepared
    }
}
