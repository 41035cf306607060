import CSQLite
import Foundation
import Glibc
package import Model

/// Campaigns and their matrices in SQLite, for one thread; other processes may have the same file open.
///
/// `campaign` keeps each record without its cells as JSON, `cell` their figures in columns, `detail` what the columns do not
/// hold, and `block` and `span` the least and the greatest of some hundred and some thousand neighbours, by which queries pass
/// over what they need not read.
/// Times are in seconds, sizes in bytes; columns of resources that are no axis of a campaign are null in its cells.
package final class MatrixStore: CampaignStore {
    let database: Database
    private let writer: CampaignWriter

    /// What this store has saved last, and SQLite's number of the moment: it changes with what others write.
    private struct Saved {
        let campaign: String
        let axes: [Axis]
        let cells: [Cell]
        let moment: Int64?
    }
    private var saved: Saved?

    /// Opens the store, or makes it. A write waits for others at most for `patience`.
    ///
    /// - Throws: `StoreError` for a file that is damaged, of something else, or of a newer version.
    package init(_ path: String, patience: Duration = .seconds(10)) throws(StoreError) {
        try StoreFile.check(path)
        database = try Database(path, patience: patience)
        try MatrixSchema.recognize(database)
        try database.run("PRAGMA page_size = \(MatrixSchema.pageSize)")
        try Self.useLog(database)
        try database.run("PRAGMA cache_size = -\(Self.cacheToWrite)")
        // Every way through the tables is laid out, and none is worth an index of its own for one question.
        try database.run("PRAGMA automatic_index = OFF")
        // Figures are no secrets; overwriting what is removed would cost.
        try database.run("PRAGMA secure_delete = OFF")
        try MatrixSchema.migrate(database)
        try database.run("PRAGMA cache_size = -\(Self.cacheToRead)")
        writer = CampaignWriter(database)
    }

    /// Of pages, in KiB. A question reads few of them twice, and new memory costs more than reading again what the kernel has.
    private static let cacheToRead = 1_024
    /// The indexes of ten million cells, which every campaign adds to all over, stay in it.
    private static let cacheToWrite = 16_384

    /// A write-ahead log lets others read while one writes. The change of mode itself waits for nobody.
    private static func useLog(_ database: Database) throws(StoreError) {
        for remaining in (0..<100).reversed() {
            do throws(StoreError) {
                if try database.run("PRAGMA journal_mode").first?.text(0) == "wal" { return }
                try database.run("PRAGMA journal_mode = WAL")
                return
            } catch  where error.code & 0xff == SQLITE_BUSY && remaining > 0 {
                usleep(50_000)
            }
        }
    }

    package func save(_ record: CampaignRecord) throws(StoreError) {
        do throws(StoreError) {
            try database.run("PRAGMA cache_size = -\(Self.cacheToWrite)")
            let moment = try database.transaction { () throws(StoreError) in
                // A newer program may have brought the file up to date since it was opened.
                try database.version(known: MatrixSchema.version)
                let moment = try database.run("PRAGMA data_version").first?.integer(0)
                try writer.write(record, before: try before(record, moment))
                return moment
            }
            saved = Saved(campaign: record.id, axes: record.matrix.axes, cells: record.matrix.cells, moment: moment)
        } catch {
            saved = nil
            throw error
        }
    }

    /// What the store holds of that campaign's cells; nil when that cannot be told, or is of other axes.
    private func before(_ record: CampaignRecord, _ moment: Int64?) throws(StoreError) -> [Cell]? {
        if let saved, saved.campaign == record.id, saved.moment == moment {
            return saved.axes == record.matrix.axes ? saved.cells : nil
        }
        let rows = try database.run("\(HeadRow.selection) WHERE id = ?", [.text(record.id)])
        guard let row = rows.first else { return [] }
        // What is damaged is written anew.
        guard let (head, key) = try? head(row), head.record.matrix.axes == record.matrix.axes else { return nil }
        return try? cells(of: record.id, key: key, count: Int64(head.cells))
    }

    package func campaign(_ id: String?) throws(StoreError) -> CampaignRecord? {
        if let id { return try read("WHERE id = ?", [.text(id)]) }
        return try read("ORDER BY started DESC LIMIT 1", [])
    }

    package func latestDone(service: String, tier: String) throws(StoreError) -> CampaignRecord? {
        try latest(service: service, tier: tier, state: .done)
    }

    package func latest(
        service: String, tier: String, state: CampaignRecord.State?
    ) throws(StoreError) -> CampaignRecord? {
        try read(
            "WHERE service = ? AND tier = ? AND (?3 IS NULL OR state = ?3) ORDER BY started DESC LIMIT 1",
            [.text(service), .text(tier), state.map { .text($0.rawValue) } ?? .null])
    }

    package func campaigns() throws(StoreError) -> (records: [CampaignRecord], damaged: [StoreError]) {
        var (records, damaged): ([CampaignRecord], [StoreError]) = ([], [])
        for row in try database.run("SELECT id FROM campaign ORDER BY started DESC") {
            do throws(StoreError) {
                if let record = try read("WHERE id = ?", [row.values[0]]) { records.append(record) }
            } catch {
                damaged.append(error)
            }
        }
        return (records, damaged)
    }

    package func heads() throws(StoreError) -> (heads: [CampaignHead], damaged: [StoreError]) {
        var (heads, damaged): ([CampaignHead], [StoreError]) = ([], [])
        for row in try database.run("\(HeadRow.selection) ORDER BY started DESC") {
            do throws(StoreError) { heads.append(try head(row).head) } catch { damaged.append(error) }
        }
        return (heads, damaged)
    }

    package func head(_ id: String?) throws(StoreError) -> CampaignHead? {
        let condition = id == nil ? "ORDER BY started DESC LIMIT 1" : "WHERE id = ?"
        let rows = try database.run("\(HeadRow.selection) \(condition)", id.map { [.text($0)] } ?? [])
        return try rows.first.map { row throws(StoreError) in try head(row).head }
    }

    /// The latest campaign of a service; nil when there is none.
    package func latest(service: String) throws(StoreError) -> CampaignRecord? {
        try read("WHERE service = ? ORDER BY started DESC LIMIT 1", [.text(service)])
    }

    package func remove(_ ids: [String]) throws(StoreError) {
        saved = nil
        try database.run("PRAGMA cache_size = -\(Self.cacheToWrite)")
        try database.transaction { () throws(StoreError) in
            try database.version(known: MatrixSchema.version)
            for id in ids {
                for row in try database.run("DELETE FROM campaign WHERE id = ? RETURNING key", [.text(id)]) {
                    try CampaignWriter.removeCells(row.integer(0) ?? 0, from: 0, in: database)
                }
            }
        }
    }

    /// Whether the whole file is sound: what is not, in words. Reads all of it.
    package func findings() throws(StoreError) -> [String] {
        let found = try StoreFile.findings(database.path)
        if !found.isEmpty { return found }
        var findings: [String] = []
        for row in try database.run("SELECT id, key FROM campaign ORDER BY started DESC") {
            do throws(StoreError) {
                guard let record = try read("WHERE id = ?", [row.values[0]]), let key = row.integer(1) else { continue }
                try checkSummaries(record.id, key: key, cells: record.matrix.cells.count)
            } catch  where error.isDamage {
                findings.append(error.description)
            }
        }
        return findings
    }
}

extension MatrixStore {
    /// One campaign with its cells, as of one moment.
    private func read(_ condition: String, _ values: [Database.Value]) throws(StoreError) -> CampaignRecord? {
        try database.run("BEGIN")
        defer { _ = try? database.run("COMMIT") }
        guard let row = try database.run("\(HeadRow.selection) \(condition)", values).first else { return nil }
        let (head, key) = try head(row)
        var record = head.record
        let cells = try cells(of: record.id, key: key, count: Int64(head.cells))
        record.matrix = ResultMatrix(axes: record.matrix.axes, cells: cells)
        return record
    }

    /// A campaign without its cells, and its key.
    private func head(_ row: Database.Row) throws(StoreError) -> (head: CampaignHead, key: Int64) {
        let values = HeadRow(Array(row.values.prefix(HeadRow.columns.count)))
        do throws(RowError) {
            let head = try values.head(hash: row.integer(HeadRow.columns.count))
            guard Int64(head.cells) == values.cellCount, let key = row.integer(HeadRow.columns.count + 1) else {
                throw RowError(description: "its record is damaged: its cells are miscounted")
            }
            return (head, key)
        } catch {
            throw damage(values.campaign, error.description)
        }
    }

    private func cells(of campaign: String, key: Int64, count: Int64) throws(StoreError) -> [Cell] {
        let statement = try database.prepare(
            """
            SELECT \(CellColumns.names.map { "cell.\($0)" }.joined(separator: ", ")), detail.cell
            FROM cell LEFT JOIN detail USING (id) WHERE cell.id BETWEEN ? AND ? ORDER BY cell.id
            """)
        statement.bind(.integer(CellColumns.id(key, 0)), at: 1)
        statement.bind(.integer(CellColumns.id(key, Int(CellColumns.largestNumber))), at: 2)
        var cells: [Cell] = []
        cells.reserveCapacity(Int(max(0, min(count, CellColumns.largestNumber))))
        while try statement.step() {
            let row = CellRow(of: statement)
            guard row.values[CellColumns.id] == .integer(CellColumns.id(key, cells.count)) else { break }
            do throws(RowError) { cells.append(try row.cell()) } catch {
                throw damage(campaign, "its cell number \(cells.count) is damaged: \(error)")
            }
        }
        guard cells.count == count else {
            throw damage(campaign, "its cell number \(cells.count) is missing, of \(count)")
        }
        return cells
    }

    func damage(_ campaign: String, _ reason: String) -> StoreError {
        StoreError(
            path: database.path, doing: "read campaign \(campaign)", reason: reason, code: SQLITE_CORRUPT,
            wayOut: "put a copy of the file back, or run the campaign again")
    }
}

extension CellRow {
    /// The row that was stepped to: the columns in their order, then the detail.
    init(of statement: Statement) {
        self.init((0..<CellColumns.count).map { statement.value($0) }, detail: statement.value(CellColumns.count).text)
    }
}
