import Foundation
import Model
import OperatingSystem
@testable import Store
import TestSupport
import Testing

/// What SQLite's store promises beyond the contract. The oracle is the sqlite3 shell.
@Suite struct MatrixStoreTests {
    private func shell(_ path: String, _ sql: String) throws -> String {
        try ChildProcess.succeed(["sqlite3", path], input: sql)
    }

    /// The schema's promise to operators.
    @Test func cellsCanBeAskedByHand() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let store = try MatrixStore(path)
        try store.save(Sample.record("a", started: 1))
        #expect(
            try shell(path, "SELECT cpu, state, p95_lower FROM cell WHERE p95 < 0.09 ORDER BY cpu;")
                == "0.4|interpolated|0.04\n")
        var several = Sample.record("b", started: 2)
        several.matrix = ResultMatrix(axes: [
            Axis(.memory, [1e8, 2e8]), Axis(.software, [.asIs, .name("tuned")]),
            Axis(.processors, [.name("0"), .name("0-1")]),
        ])
        several.finished = Timestamp(nanoseconds: 7)
        try store.save(several)
        let rows = try shell(
            path, "SELECT cpu, cpu_set, memory, software, disk_read FROM result WHERE campaign = 'b' AND number < 3;")
        #expect(rows == "|0|100000000.0|as-is|\n|0-1|100000000.0|as-is|\n|0|100000000.0|tuned|\n")
        #expect(
            try shell(path, "SELECT id, cells, blank, finished, connect, node, clone FROM campaign ORDER BY started;")
                == "a|3|1||lxc:///system|lab|\nb|8|8|7|lxc:///system|lab|\n")
        #expect(try shell(path, "SELECT json_extract(cell, '$.content.measured._0.window') FROM detail;") == "20\n")
    }

    /// What this version's files have. Whoever adds a resource or a metric adds a version, and the way there.
    @Test func theColumnsAreThoseOfThisVersion() throws {
        let folder = try TemporaryFolder()
        _ = try MatrixStore(folder.path + "/m.db")
        let columns = try shell(
            folder.path + "/m.db", "PRAGMA user_version; SELECT group_concat(name, ' ') FROM pragma_table_info('cell');"
        )
        #expect(
            columns == """
                6
                id state cpu shares vcpus cpu_set memory disk_read disk_write network frequency node variant software \
                load mix with_cpu throughput mean p50 p95 p99 cpu_used energy errors differing throughput_lower \
                throughput_upper mean_lower mean_upper p50_lower p50_upper p95_lower p95_upper p99_lower p99_upper \
                cpu_used_lower cpu_used_upper energy_lower energy_upper errors_lower errors_upper differing_lower \
                differing_upper hash

                """)
    }

    /// Whoever asks for one campaign by hand reads its cells only.
    @Test func aCampaignsCellsAreFoundByKey() throws {
        let folder = try TemporaryFolder()
        try MatrixStore(folder.path + "/m.db").save(Sample.record("a", started: 1))
        let plan = try shell(
            folder.path + "/m.db", "EXPLAIN QUERY PLAN SELECT p95 FROM result WHERE campaign = 'a' AND p95 < 0.05;")
        #expect(plan.contains("SEARCH cell USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)") && !plan.contains("SCAN"))
    }

    /// An experiment changes one cell of many, and nothing else is written.
    @Test func onlyWhatHasChangedIsWritten() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        var record = Sample.record("a", started: 1)
        record.matrix = Sample.wide(1000)
        let store = try MatrixStore(path)
        try store.save(record)
        _ = try shell(
            path,
            """
            CREATE TABLE written (what TEXT, id INTEGER);
            CREATE TRIGGER cells AFTER INSERT ON cell BEGIN INSERT INTO written VALUES ('cell', NEW.id & 16777215); END;
            CREATE TRIGGER blocks AFTER INSERT ON block BEGIN INSERT INTO written VALUES ('block', NEW.cells); END;
            CREATE TRIGGER spans AFTER INSERT ON span BEGIN INSERT INTO written VALUES ('span', NEW.cells); END;
            """)
        let written = { try shell(path, "SELECT what, id FROM written ORDER BY rowid; DELETE FROM written;") }
        var random = SeededGenerator(1)
        let change = { (index: Int) in
            let allocation = record.matrix.cells[index].allocation
            record.matrix[allocation] = Cell(
                allocation,
                .interpolated([.p95: Estimate(Double.random(in: 0...1, using: &random), lower: 0, upper: 1)]))
        }
        change(700)
        try store.save(record)
        #expect(try written() == "cell|700\nblock|256\nspan|1000\n")
        record.state = .done
        try store.save(record)
        #expect(try written().isEmpty)
        // Nor when it was another who saved before.
        change(3)
        change(999)
        try MatrixStore(path).save(record)
        #expect(try written() == "cell|3\nblock|256\ncell|999\nblock|232\nspan|1000\n")
        change(1)
        try store.save(record)
        #expect(try written() == "cell|1\nblock|256\nspan|1000\n")
        #expect(try store.campaign("a") == record)
    }

    @Test(arguments: 1...5) func aFileOfAnEarlierVersionIsBroughtUpToDate(_ version: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let records = [Sample.record("a", started: 1), Sample.record("b's", started: 2)]
        try Earlier.write(records, version: version, path)
        let store = try MatrixStore(path)
        #expect(try store.campaigns().records == [records[1], records[0]])
        #expect(try shell(path, "PRAGMA user_version; PRAGMA integrity_check;") == "6\nok\n")
        #expect(try shell(path, "SELECT count(*) FROM pragma_table_xinfo('cell') WHERE hidden <> 0;") == "0\n")
        let fresh = folder.path + "/fresh.db"
        for record in records { try MatrixStore(fresh).save(record) }
        for question in [
            "SELECT type, name FROM sqlite_schema ORDER BY 1, 2;",
            "SELECT first_cell, cells, whole, p95_min, p95_max FROM block;",
            "SELECT first_cell, cells, whole, p95_min, p95_max FROM span;",
        ] {
            #expect(try shell(path, question) == shell(fresh, question))
        }
        #expect(try shell(path, "SELECT count(*) FROM result WHERE with_cpu IS NULL;") == "6\n")
        #expect(
            try shell(path, "SELECT count(*) FROM result WHERE errors IS NULL AND differing_upper IS NULL;") == "6\n")
        #expect(try shell(path, "SELECT id, measured, interpolated, blank FROM campaign;") == "a|1|1|1\nb's|1|1|1\n")
        #expect(try shell(path, "SELECT number FROM result WHERE p95 < 0.09 AND campaign = 'a';") == "1\n")
        #expect(try store.cells(MatrixQuery(where: "p95 < 90 ms")).map(\.number) == [1, 1])
        var next = records[0]
        next.state = .done
        try store.save(next)
        #expect(try MatrixStore(path).campaign("a") == next)
    }

    /// By SQL, as they are made from the cells themselves.
    @Test func blocksOfAnEarlierSizeAreMadeAnew() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        var wide = Sample.record("b", started: 2)
        wide.matrix = Sample.wide(5000)
        let store = try MatrixStore(path)
        for record in [Sample.record("a", started: 1), wide] { try store.save(record) }
        let blocks = {
            try shell(path, "SELECT * FROM block ORDER BY first_cell; SELECT * FROM span ORDER BY first_cell;")
        }
        let made = try blocks()
        #expect(made.split(separator: "\n").count == 1 + 20 + 1 + 2)
        let spoil = "SET cells = 2, p95_min = 9, whole = 1 - whole;"
        _ = try shell(path, "UPDATE block \(spoil) UPDATE span \(spoil) PRAGMA user_version = 5;")
        _ = try MatrixStore(path)
        #expect(try blocks() == made)
        // Where a cell was lost, those behind it are still found.
        _ = try shell(path, "DELETE FROM cell WHERE id = (2 << 24) + 5; PRAGMA user_version = 5;")
        let found = try MatrixStore(path).cells(MatrixQuery(where: "campaign = b and memory >= 250 MiB"))
        #expect(found.map(\.number) == Array(249..<5000))
    }

    /// Whatever was changed, blocks and spans are those that are made of the cells as they are.
    @Test func blocksAndSpansAreThoseOfTheirCells() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let store = try MatrixStore(path)
        var random = SeededGenerator(5)
        let axes = Sample.wide(9000).axes
        var cells = Array(Sample.wide(9000).cells.prefix(100))
        var record = Sample.record("a", started: 1)
        // Within a block, up to the ends of blocks and spans, beyond them, and back.
        for count in [100, 4096, 4097, 9000, 8192, 8191, 4352, 256, 5000] {
            let known = ResultMatrix(axes: axes).cells
            cells = Array(cells.prefix(count)) + known[min(cells.count, count)..<count]
            for _ in 0..<3 {
                let index = Int.random(in: 0..<count, using: &random)
                cells[index] = Sample.cell(cells[index].allocation, &random)
            }
            // What is no number has no place in a column.
            cells[0] = Cell(cells[0].allocation, .interpolated([.mean: Estimate(.nan, lower: .nan, upper: .nan)]))
            record.matrix = ResultMatrix(axes: axes, cells: cells)
            try (random.once(in: 2) ? store : MatrixStore(path)).save(record)
            let summaries = {
                try shell(path, "SELECT * FROM block ORDER BY first_cell; SELECT * FROM span ORDER BY first_cell;")
            }
            let kept = try summaries()
            let copy = folder.path + "/copy.db"
            _ = try shell(path, "VACUUM INTO '\(copy)';")
            _ = try shell(copy, "PRAGMA user_version = 5;")
            _ = try MatrixStore(copy)
            let made = try shell(
                copy, "SELECT * FROM block ORDER BY first_cell; SELECT * FROM span ORDER BY first_cell;")
            #expect(kept == made, "\(count) cells")
            try FileManager.default.removeItem(atPath: copy)
        }
    }

    /// Who has a store open may be older than who has brought it up to date since.
    @Test func aStoreThatHasBecomeNewerIsNotWrittenTo() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let store = try MatrixStore(path)
        try store.save(Sample.record("a", started: 1))
        _ = try shell(path, "PRAGMA user_version = 99;")
        #expect(throws: StoreError.self) { try store.save(Sample.record("b", started: 2)) }
        #expect(try shell(path, "SELECT id FROM campaign;") == "a\n")
    }

    /// Of one that has had it open since before, and knows of no spans, SQLite takes no cells.
    @Test func whatAnOlderProgramWritesIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        try Earlier.write([Sample.record("a", started: 1)], version: 5, path)
        let addition = "INSERT INTO block (first, cells, whole) VALUES (1, 1, 1);"
        _ = try shell(path, "BEGIN; \(addition) ROLLBACK;")
        _ = try MatrixStore(path)
        #expect(throws: (any Error).self) { try shell(path, addition) }
    }

    /// What somebody has added by hand is not broken, and is named.
    @Test func aViewOfSomebodysOwnIsNamed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        try Earlier.write([Sample.record("a", started: 1)], version: 5, path)
        _ = try shell(path, "CREATE VIEW mine AS SELECT number FROM cell;")
        let error = #expect(throws: StoreError.self) { _ = try MatrixStore(path) }
        #expect(error?.description.contains("mine") == true && error?.wayOut?.contains("the view result") == true)
        _ = try shell(path, "DROP VIEW mine; CREATE VIEW mine AS SELECT campaign, number FROM result;")
        #expect(try MatrixStore(path).campaigns().records.count == 1)
        #expect(try shell(path, "SELECT * FROM mine;") == "a|0\na|1\na|2\n")
    }

    @Test func aLargeMatrixIsWrittenWholeOrNotAtAll() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        var record = Sample.record("a", started: 1)
        record.matrix = Sample.wide(3000)
        let measurement = try #require(Surface.cell(0.2, p95: 0.1).measurement)
        for index in [0, 700, 2999] {
            let allocation = record.matrix.cells[index].allocation
            record.matrix[allocation] = Cell(allocation, .measured(measurement))
        }
        let store = try MatrixStore(path)
        _ = try shell(
            path,
            "CREATE TRIGGER full BEFORE INSERT ON cell WHEN NEW.id & 16777215 = 1500 BEGIN SELECT RAISE(ABORT, 'full'); END;"
        )
        #expect(throws: StoreError.self) { try store.save(record) }
        #expect(
            try shell(
                path, "SELECT (SELECT count(*) FROM cell) + (SELECT count(*) FROM block) + (SELECT count(*) FROM span);"
            ) == "0\n")
        _ = try shell(path, "DROP TRIGGER full;")
        try store.save(record)
        #expect(try MatrixStore(path).campaign("a") == record)
        #expect(try shell(path, "SELECT count(*), sum(cells) FROM block;") == "12|3000\n")
    }

    /// What was measured before there were columns for it is found by them; what is damaged is not made to look sound.
    @Test func whatWasMeasuredBeforeIsFoundByNewColumns() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        var record = Sample.record("a", started: 1)
        for (place, cpu) in [0.2, 0.6].enumerated() {
            guard case .measured(var measurement) = Surface.cell(cpu, p95: 0.1).content else { continue }
            (measurement.requests.sent, measurement.requests.failed) = (400, 4 + place)
            record.matrix[Allocation([.cpu: .number(cpu)])] = Cell(
                Allocation([.cpu: .number(cpu)]), .measured(measurement))
        }
        try Earlier.write([record], version: 4, path)
        // As that version hashed it; the other one is as if a disk had changed it.
        var row = CellRow()
        try row.fill(CellColumns.id(1, 0), record.matrix.cells[0])
        var values = row.values
        for (place, name) in CellColumns.names.enumerated() where name.hasPrefix("errors") { values[place] = .null }
        let hash = CellRow(values, detail: row.detail).hash
        _ = try shell(path, "UPDATE cell SET hash = \(hash) WHERE id & 16777215 = 0;")
        let store = try MatrixStore(path)
        #expect(try store.campaigns().damaged.count == 1)
        #expect(try shell(path, "SELECT number, errors FROM result WHERE errors IS NOT NULL;") == "0|0.01\n")
        #expect(try shell(path, "SELECT whole, errors_min, errors_max, differing_min FROM block;") == "0|0.01|0.01|\n")
        #expect(try store.cells(MatrixQuery(where: "errors > 0.9%")).map(\.number) == [0])
    }

    /// What was damaged before is not lost from sight by a new schema.
    @Test func aDamagedRecordOfAnEarlierVersionIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        try Earlier.write([Sample.record("a", started: 1), Sample.record("b", started: 2)], version: 2, path)
        _ = try shell(path, "UPDATE campaign SET record = '{\"id\":' WHERE id = 'a';")
        let store = try MatrixStore(path)
        let (records, damaged) = try store.campaigns()
        #expect(records.map(\.id) == ["b"] && damaged.count == 1)
        #expect(damaged.first?.description.contains("read campaign a") == true)
        #expect(throws: StoreError.self) { try store.campaign("a") }
        try store.remove(["a"])
        #expect(try store.campaigns().damaged.isEmpty)
    }
}

/// Files as the versions before wrote them.
enum Earlier {
    /// What this version writes, without what the versions 3 to 5 did not have.
    private static func writeLater(_ records: [CampaignRecord], version: Int, _ path: String) throws {
        let store = try MatrixStore(path)
        for record in records { try store.save(record) }
        let metrics = version < 5 ? ["errors", "differing"] : []
        let further = version == 3 ? ["with_cpu"] : []
        let columns = metrics.flatMap { [$0, "\($0)_lower", "\($0)_upper"] } + further
        let bounds = (metrics + further).flatMap { ["\($0)_min", "\($0)_max"] }
        let sql =
            [
                "DROP VIEW result", "DROP TABLE span", "DELETE FROM block",
                "ALTER TABLE block RENAME first_cell TO first",
            ]
            + ["campaign INTEGER AS (id >> 24)", "number INTEGER AS (id & 16777215)"].map {
                "ALTER TABLE cell ADD COLUMN \($0)"
            }
            + bounds.map { "ALTER TABLE block DROP COLUMN \($0)" }
            + BlockRow.names.dropFirst(3).filter { !bounds.contains($0) }.map {
                "CREATE INDEX block_\($0) ON block (\($0)) WHERE \($0) IS NOT NULL"
            }
            + columns.map { "ALTER TABLE cell DROP COLUMN \($0)" }
            + [
                "CREATE VIEW result AS SELECT id, 'a' AS campaign, number FROM cell",
                "PRAGMA user_version = \(version)",
            ]
        try ChildProcess.succeed(["sqlite3", path], input: sql.map { $0 + ";\n" }.joined())
    }

    static func write(_ records: [CampaignRecord], version: Int, _ path: String) throws {
        if version >= 3 { return try writeLater(records, version: version, path) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let quoted = { (text: String) in "'" + text.replacing("'", with: "''") + "'" }
        var sql = """
            PRAGMA journal_mode = WAL;
            CREATE TABLE campaign (
                id TEXT PRIMARY KEY, service TEXT NOT NULL, tier TEXT NOT NULL, domain TEXT NOT NULL,
                started INTEGER NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL);
            CREATE TABLE cell (
                campaign TEXT NOT NULL REFERENCES campaign(id) ON DELETE CASCADE, number INTEGER NOT NULL,
                cpu REAL, state TEXT NOT NULL, throughput REAL, mean REAL, p50 REAL, p95 REAL, p95_lower REAL,
                p95_upper REAL, p99 REAL, cpu_used REAL, energy REAL, PRIMARY KEY (campaign, number));

            """
        if version == 2 {
            for column in [
                "shares REAL", "vcpus REAL", "cpu_set TEXT", "memory REAL", "disk_read REAL", "disk_write REAL",
                "network REAL", "frequency REAL", "node TEXT", "variant TEXT", "software TEXT",
            ] { sql += "ALTER TABLE cell ADD COLUMN \(column);\n" }
        }
        for record in records {
            let text = String(decoding: try encoder.encode(record), as: UTF8.self)
            sql += """
                INSERT INTO campaign VALUES (\(quoted(record.id)), \(quoted(record.service)), \(quoted(record.tier)),
                    \(quoted(record.domain)), \(record.started.nanoseconds), \(quoted(record.state.rawValue)),
                    \(quoted(text)));

                """
            for (number, cell) in record.matrix.cells.enumerated() {
                sql +=
                    "INSERT INTO cell (campaign, number, state) VALUES (\(quoted(record.id)), \(number), '\(cell.state)');\n"
            }
        }
        try ChildProcess.succeed(["sqlite3", path], input: sql + "PRAGMA user_version = \(version);\n")
    }
}
