import Foundation
import Model

/// A campaign as a row of the table `campaign`: its record without cells, and how many of these there are.
struct HeadRow {
    static let columns =
        ["id", "service", "tier", "domain", "started", "state", "record", "cells"] + Cell.states
    private static let id = 0
    private static let record = 6
    private static let cells = 7

    /// By `columns`.
    let values: [Database.Value]

    init(_ values: [Database.Value]) { self.values = values }

    /// Takes the values, then the hash, and gives the key.
    static let insertion: String = {
        let all = columns + ["hash"]
        return """
            INSERT INTO campaign (\(all.joined(separator: ", ")))
            VALUES (\(all.map { _ in "?" }.joined(separator: ", ")))
            ON CONFLICT (id) DO UPDATE SET \(all.dropFirst().map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
            RETURNING key
            """
    }()

    /// Gives the values, then the hash, then the key.
    static let selection = "SELECT \(columns.joined(separator: ", ")), hash, key FROM campaign"

    private static let columnHashes = columns.map { RowHash.of($0) }

    var hash: Int64 {
        var hash = RowHash()
        for (column, value) in zip(Self.columnHashes, values) { hash.add(value, column) }
        return hash.value
    }

    var campaign: String { values[Self.id].text ?? "?" }
    var cellCount: Int64 { values[Self.cells].integer ?? 0 }

    /// The record, with axes and no cells.
    ///
    /// - Throws: `RowError` when it cannot be what was written.
    func head(hash: Int64?) throws(RowError) -> CampaignHead {
        let record: CampaignRecord
        do {
            record = try CellRow.decoder.decode(CampaignRecord.self, from: Data((values[Self.record].text ?? "").utf8))
        } catch {
            throw RowError(description: "its record is damaged (\(error))")
        }
        guard hash == self.hash, record.matrix.cells.isEmpty else {
            throw RowError(description: "its record is damaged: it is not what was written")
        }
        var counts: [String: Int] = [:]
        for (state, value) in zip(Cell.states, values[(Self.cells + 1)...]) {
            if let count = value.integer, count > 0 { counts[state] = Int(count) }
        }
        return CampaignHead(record, counts: counts)
    }
}

/// Why a row is not what was written.
struct RowError: Error, CustomStringConvertible {
    let description: String
}
