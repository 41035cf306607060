import CSQLite
import Foundation
import Model

/// The tables of `matrices.db`, and the way there from each earlier version. README has them for those who ask by hand.
enum MatrixSchema {
    /// SQLite's field for what a file is: `WhIf` in ASCII. Files of the versions 1 and 2 have none.
    static let application: Int64 = 0x5768_4966

    /// Larger than SQLite's usual pages: a block of cells is read with few calls.
    static let pageSize = 16_384

    static let version = 6

    static func migrate(_ database: Database) throws(StoreError) {
        try database.migrate(to: version) { version throws(StoreError) in
            switch version {
            case 1: for statement in firstStatements { try database.run(statement) }
            case 2: for column in secondColumns { try database.run("ALTER TABLE cell ADD COLUMN \(column)") }
            case 3: try separateCells(database)
            case 4: try add([definition(.withCPU)], of: Resource.withCPU.column, to: database)
            case 5:
                for metric in [Metric.errors, .differing] {
                    try add(definitions(metric), of: metric.column, to: database)
                }
                try fillMeasured(database)
            default:
                try dropGeneratedColumns(database)
                try makeBlocks(database)
            }
        }
    }

    private static let firstStatements = [
        """
        CREATE TABLE campaign (
            id TEXT PRIMARY KEY, service TEXT NOT NULL, tier TEXT NOT NULL, domain TEXT NOT NULL,
            started INTEGER NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL)
        """,
        """
        CREATE TABLE cell (
            campaign TEXT NOT NULL REFERENCES campaign(id) ON DELETE CASCADE, number INTEGER NOT NULL,
            cpu REAL, state TEXT NOT NULL, throughput REAL, mean REAL, p50 REAL, p95 REAL, p95_lower REAL,
            p95_upper REAL, p99 REAL, cpu_used REAL, energy REAL, PRIMARY KEY (campaign, number))
        """,
    ]

    private static let secondColumns = [
        "shares REAL", "vcpus REAL", "cpu_set TEXT", "memory REAL", "disk_read REAL", "disk_write REAL",
        "network REAL", "frequency REAL", "node TEXT", "variant TEXT", "software TEXT",
    ]

    /// Of a resource or a metric that files of the version before do not have, unless they were made in a step before.
    private static func add(_ definitions: [String], of column: String, to database: Database) throws(StoreError) {
        let columns = try database.run("SELECT name FROM pragma_table_info('cell')").compactMap { $0.text(0) }
        if columns.contains(column) { return }
        try database.run("DROP VIEW IF EXISTS result")
        for definition in definitions { try database.run("ALTER TABLE cell ADD COLUMN \(definition)") }
        try database.run(view)
    }

    /// The columns of what was measured, from its own JSON. What is damaged stays as it is.
    private static func fillMeasured(_ database: Database) throws(StoreError) {
        let columns = CellColumns.names.map { "cell.\($0)" }.joined(separator: ", ")
        let statement = try database.prepare("SELECT \(columns), detail.cell FROM cell JOIN detail USING (id)")
        var rows: [CellRow] = []
        while try statement.step() { rows.append(CellRow(of: statement)) }
        let cells = RowWriter(database, "cell", CellColumns.names)
        var filled = CellRow()
        for row in rows {
            guard let id = row.values[CellColumns.id].integer, let cell = try? row.cell(),
                (try? filled.fill(id, cell)) != nil
            else { continue }
            try cells.write(filled.values, replacing: true)
        }
    }

    /// Those that only repeated the key: for them, SQLite checked the types of every row of a strict table twice.
    private static func dropGeneratedColumns(_ database: Database) throws(StoreError) {
        // First: somebody's own view of it must go on making sense.
        try database.run("DROP VIEW IF EXISTS result")
        try database.run(view)
        for row in try database.run("SELECT name FROM pragma_table_xinfo('cell') WHERE hidden = 2") {
            let column = row.text(0) ?? ""
            do throws(StoreError) { try database.run("ALTER TABLE cell DROP COLUMN \(column)") } catch {
                throw StoreError(
                    path: error.path, doing: "drop cell.\(column)", reason: error.reason, code: error.code,
                    wayOut: "drop what was added by hand and uses it, and use the view result there, which has both")
            }
        }
    }

    /// Blocks and spans of the sizes that `CellColumns` says, from the columns of their cells. The tables are new: what a
    /// program that has had the file open since before writes to the old one, which has no spans, is refused by SQLite.
    private static func makeBlocks(_ database: Database) throws(StoreError) {
        for table in ["block", "span"] { try database.run("DROP TABLE IF EXISTS \(table)") }
        for statement in blockStatements { try database.run(statement) }
        let levels = [
            (
                RowWriter(database, "block", BlockRow.names), try database.prepare(BlockRow.ofCells),
                CellColumns.blockSize
            ),
            (
                RowWriter(database, "span", BlockRow.names), try database.prepare(BlockRow.ofBlocks),
                CellColumns.spanSize
            ),
        ]
        for row in try database.run("SELECT key FROM campaign") {
            let key = row.integer(0) ?? 0
            let record = try database.run("SELECT record FROM campaign WHERE key = ?", [.integer(key)]).first?.text(0)
            // Of a damaged one, whose cells are written anew when it is, any size will do.
            let axes = (try? CellRow.decoder.decode(CampaignRecord.self, from: Data((record ?? "").utf8)))?.matrix.axes
            let (first, end) = (CellColumns.id(key, 0), CellColumns.id(key, Int(CellColumns.largestNumber)))
            let found = try database.run(
                "SELECT max(id) FROM cell WHERE id BETWEEN ? AND ?", [.integer(first), .integer(end)])
            guard let last = found.first?.integer(0) else { continue }
            for (writer, query, size) in levels {
                let size = size(axes ?? [])
                for start in stride(from: first, through: last, by: size) {
                    let end = min(start + Int64(size) - 1, last)
                    guard let row = try query.row([.integer(start), .integer(end)]) else { continue }
                    try writer.write(row, replacing: false)
                }
            }
        }
    }

    /// Cells in rows of their own, which a record used to hold as well.
    private static func separateCells(_ database: Database) throws(StoreError) {
        try database.run("ALTER TABLE campaign RENAME TO campaign_2")
        // It only repeated what the records hold.
        try database.run("DROP TABLE cell")
        for statement in statements { try database.run(statement) }
        try copyRecords(in: database)
        try database.run("DROP TABLE campaign_2")
    }

    /// Records whose text is damaged come along as they are: they are said when they are read.
    private static func copyRecords(in database: Database) throws(StoreError) {
        let writer = CampaignWriter(database)
        for row in try database.run("SELECT id FROM campaign_2 ORDER BY rowid") {
            guard let id = row.text(0) else { continue }
            let rows = try database.run(
                "SELECT record, service, tier, domain, started, state FROM campaign_2 WHERE id = ?", [.text(id)])
            guard let old = rows.first else { continue }
            let text = old.text(0) ?? ""
            if let record = try? CellRow.decoder.decode(CampaignRecord.self, from: Data(text.utf8)), record.id == id {
                try writer.write(record, before: nil)
            } else {
                let head = HeadRow(
                    [
                        .text(id), .text(old.text(1) ?? ""), .text(old.text(2) ?? ""), .text(old.text(3) ?? ""),
                        .integer(old.integer(4) ?? 0), .text(old.text(5) ?? ""), .text(text), .integer(0),
                    ] + Cell.states.map { _ in .integer(0) })
                try database.run(HeadRow.insertion, head.values + [.integer(head.hash)])
            }
        }
    }

    /// A field of the record that need not be there; a damaged record has none.
    private static func field(_ name: String, _ path: String) -> String {
        "\(name) ANY AS (CASE WHEN json_valid(record) THEN json_extract(record, '$.\(path)') END)"
    }

    private static let counts = Cell.states.map { "\($0) INTEGER NOT NULL" }

    private static func definition(_ resource: Resource) -> String {
        "\(resource.column) \(resource.isNumeric ? "ANY" : "TEXT")"
    }
    /// Its value, then the ends of its interval.
    private static func definitions(_ metric: Metric) -> [String] {
        ["", "_lower", "_upper"].map { "\(metric.column)\($0) REAL" }
    }
    private static let resources = Resource.allCases.map(definition)
    private static let metrics = Metric.allCases.map { definitions($0)[0] }
    private static let bounds = Metric.allCases.flatMap { definitions($0)[1...] }

    private static var statements: [String] {
        [
            "PRAGMA application_id = \(application)",
            """
            CREATE TABLE campaign (
                key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL, tier TEXT NOT NULL,
                domain TEXT NOT NULL, started INTEGER NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL,
                cells INTEGER NOT NULL, \(counts.joined(separator: ", ")), hash INTEGER NOT NULL,
                \([
                    field("finished", "finished.nanoseconds"), field("connect", "connect"), field("node", "node"),
                    field("clone", "clone"), field("trace", "trace"), field("version", "version"),
                    field("seed", "search.seed"),
                ].joined(separator: ",\n    "))) STRICT
            """,
            "CREATE INDEX campaign_started ON campaign (started)",
            "CREATE INDEX campaign_tier ON campaign (service, tier, state, started)",
            """
            CREATE TABLE cell (
                id INTEGER PRIMARY KEY, state TEXT NOT NULL, \((resources + metrics + bounds).joined(separator: ", ")),
                hash INTEGER NOT NULL) STRICT
            """,
            "CREATE TABLE detail (id INTEGER PRIMARY KEY, cell TEXT NOT NULL) STRICT",
        ] + blockStatements + [view]
    }

    private static var blockStatements: [String] {
        let bounds = BlockRow.names.dropFirst(3)
        return ["block", "span"].map { table in
            """
            CREATE TABLE \(table) (
                first_cell INTEGER PRIMARY KEY, cells INTEGER NOT NULL, whole INTEGER NOT NULL,
                \(bounds.map { "\($0) ANY" }.joined(separator: ", "))) STRICT
            """
        } + bounds.map { "CREATE INDEX span_\($0) ON span (\($0)) WHERE \($0) IS NOT NULL" }
    }

    private static let view = """
        CREATE VIEW result AS SELECT campaign.id AS campaign, service, tier, domain, started,
            \(CellColumns.number) AS number, cell.state AS state, \(figures.map { "cell.\($0) AS \($0)" }.joined(separator: ", "))
        FROM campaign JOIN cell ON cell.id BETWEEN key << \(CellColumns.numberBits)
            AND key << \(CellColumns.numberBits) | \(CellColumns.largestNumber)
        """

    /// For people: the bounds beside their metric.
    private static let figures =
        Resource.allCases.map(\.column)
        + Metric.allCases.flatMap { ["\($0.column)", "\($0.column)_lower", "\($0.column)_upper"] }

    /// Whether the file is a store of matrices at all, before it is brought up to date.
    static func recognize(_ database: Database) throws(StoreError) {
        // Of one moment: another process may be making it.
        try database.run("BEGIN")
        defer { _ = try? database.run("COMMIT") }
        let tables = Set(
            try database.run("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
                .compactMap { $0.text(0) })
        let application = try database.run("PRAGMA application_id").first?.integer(0)
        let version = try database.run("PRAGMA user_version").first?.integer(0) ?? 0
        if tables.isEmpty, application == 0, version == 0 { return }
        if application == Self.application {
            let missing = Set(["campaign", "cell", "detail", "block"] + (version < 6 ? [] : ["span"])).subtracting(
                tables)
            if missing.isEmpty, version >= 3 { return }
            let reason =
                missing.isEmpty
                ? "it says that it is of version \(version)" : "it lacks \(missing.sorted().joined(separator: ", "))"
            throw StoreError.sqlite(SQLITE_CORRUPT, reason, path: database.path, doing: "use the store")
        }
        if application == 0, tables == ["campaign", "cell"], version > 0 { return }
        let found = tables.isEmpty ? "no tables" : "the tables " + tables.sorted().prefix(5).joined(separator: ", ")
        throw StoreError(
            path: database.path, doing: "use the store",
            reason: "it is a database of something else (\(found))",
            wayOut: "name another state directory (WHATIF_STATE), or move the file away")
    }
}
