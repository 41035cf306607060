import Foundation
import Model
import OperatingSystem
import Store
import TestSupport
import Testing

/// Queries beside the same query over the cells in memory, and beside the sqlite3 shell.
@Suite struct StoreQueryTests {
    /// Campaigns with other axes, each cell of another kind.
    private func records() -> [CampaignRecord] {
        var random = SeededGenerator(21)
        let axes: [[Axis]] = [
            [Axis(.cpu, (1...30).map { Double($0) / 20 }), Axis(.memory, (1...20).map { Double($0) * 67_108_864 })],
            [Axis(.cpu, [0.25, 0.5, 1]), Axis(.software, [.name("tuned"), .asIs, .name("other")])],
            [Axis(.diskRead, [.number(1_048_576), .unlimited]), Axis(.vcpus, [1, 2, 4])],
            [Axis(.cpu, (1...700).map { Double($0) / 100 })],
        ]
        return axes.enumerated().map { number, axes in
            var record = Sample.record("c\(number)", started: Int64(number))
            record.service = ["auction", "O'Brien", "auction", "shop"][number]
            record.matrix = ResultMatrix(axes: axes)
            for (index, cell) in record.matrix.cells.enumerated() {
                // Mostly as a surface is, so that blocks differ.
                let estimate = Estimate(0.2 / Double(index % 300 + 1), lower: 0.1 / Double(index % 300 + 1), upper: 0.3)
                record.matrix[cell.allocation] =
                    random.once(in: 5)
                    ? Sample.cell(cell.allocation, &random)
                    : Cell(cell.allocation, .interpolated([.p95: estimate, .energy: estimate]))
            }
            return record
        }
    }

    private static let conditions = [
        "", "p95 < 2 ms", "p95 < 50 ms and cpu <= 60%", "cpu = 50%", "cpu != 50% and p95 >= 20 ms",
        "not (cpu > 40% or p95 > 10 ms)", "p95 < 1 ms or p95 > 150 ms", "software = tuned", "software != tuned",
        "service = \"O'Brien\"", "disk-read = unlimited", "disk-read > 1 MiB", "disk-read <= 1 MiB",
        "state in (measured, checked) and p95 < 100 ms", "not state = interpolated", "campaign = c1",
        "campaign = c0 and cpu < 20%",
        "service = shop and p95 < 1 ms", "campaign in (c1, c2) and not p95 < 5 ms", "p95.upper < 25 ms",
        "p95.lower > 60 ms",
        "energy > 100 mJ and energy < 120 mJ", "throughput > 1/s", "errors < 0.8%",
        "errors.upper > 3% and differing = 0%", "frequency > 1 GHz",
        "vcpus >= 2 and disk-read = 1 MiB",
        "p95 < 50 ms and (cpu = 25% or software = as-is)", "mean < 20 ms and cpu > 1%", "campaign = nothing",
    ]

    private static let orders: [(order: String?, limit: Int?)] = [
        (nil, nil), ("p95", nil), ("-p95", 7), ("p95", 1), ("cpu,-p95", 40), ("-energy", 3), ("software", nil),
        ("-disk-read", 5),
        (nil, 9), ("campaign,-memory", 12), ("state,-p95", 11), ("throughput", 4), ("p95", 0), ("-cpu", 2),
        ("-errors,p95", 6), ("differing", 3),
    ]

    @Test(arguments: conditions) func answersAreThoseOfTheCellsInMemory(_ condition: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let store = try MatrixStore(path)
        let records = records()
        for record in records { try store.save(record) }
        let cells = records.flatMap { record in record.matrix.cells.indices.map { FoundCell(record, $0) } }
        let axes = records.reversed().flatMap(\.matrix.axes)
        for near in [nil, "cpu = 52%, software = tuned"] {
            for (order, limit) in Self.orders {
                var query = try MatrixQuery(where: condition, order: order)
                query.limit = limit
                query.near = try near.map { text in try QueryParser.allocation(text) }
                let found = try store.cells(query)
                let expected = query.select(from: cells, axes: axes)
                #expect(found == expected, "\(condition), \(order ?? "as stored"), \(limit ?? -1), \(near ?? "")")

                guard near == nil else { continue }
                let sql = try store.sql(query)
                let shown = try ChildProcess.succeed(
                    ["sqlite3", "-readonly", path], input: "\(sql)\nSELECT 'plan'; EXPLAIN QUERY PLAN \(sql)")
                let parts = shown.split(separator: "plan\n", maxSplits: 1, omittingEmptySubsequences: false)
                let places = parts[0].split(separator: "\n").map {
                    $0.split(separator: "|").prefix(2).joined(separator: "|")
                }
                #expect(places == expected.map { "\($0.campaign)|\($0.number)" }, "\(sql)")
                #expect(parts[1].contains("SEARCH cell USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"))
                #expect(!parts[1].contains("SCAN cell"), "\(parts[1])")
            }
        }
    }

    /// Of matrices of several spans, in each of which other cells answer.
    @Test(arguments: ["", "p95 < 50 ms and cpu <= 2000%", "p95 < 3 ms", "cpu > 8000% or p95 > 400 ms", "cpu = 4500%"])
    func answersOfLargeMatricesAreThoseOfTheCellsInMemory(_ condition: String) throws {
        let folder = try TemporaryFolder()
        let store = try MatrixStore(folder.path + "/m.db")
        var random = SeededGenerator(8)
        let records = (0..<3).map { number in
            var record = Sample.record("c\(number)", started: Int64(number))
            let axes = [Axis(.cpu, (1...9000).map { Double($0) / 100 })]
            let cells = ResultMatrix(axes: axes).cells.enumerated().map { index, cell in
                // The last campaign has blocks whose cells have figures in other columns.
                if number == 2, random.once(in: 500) { return Cell(cell.allocation) }
                let p95 = 0.5 / Double(index % 4000 + 1) + Double.random(in: 0...0.002, using: &random)
                return Cell(cell.allocation, .interpolated([.p95: Estimate(p95, lower: p95 / 2, upper: p95 * 2)]))
            }
            record.matrix = ResultMatrix(axes: axes, cells: cells)
            return record
        }
        for record in records { try store.save(record) }
        let cells = records.flatMap { record in record.matrix.cells.indices.map { FoundCell(record, $0) } }
        for (order, limit) in [
            ("p95", 20), ("-p95", 7), ("-cpu,p95", 30), ("cpu", 5), ("p95", 400), (nil, 40), (nil, nil),
        ] {
            var query = try MatrixQuery(where: condition, order: order)
            query.limit = limit
            let expected = query.select(from: cells, axes: records.flatMap(\.matrix.axes))
            #expect(try store.cells(query) == expected, "\(order ?? "as stored"), \(limit ?? -1)")
        }
    }

    @Test(arguments: conditions) func groupsAreThoseOfTheCellsInMemory(_ condition: String) throws {
        let folder = try TemporaryFolder()
        let store = try MatrixStore(folder.path + "/m.db")
        let records = records()
        for record in records { try store.save(record) }
        let query = try MatrixQuery(where: condition)
        let cells = records.flatMap { record in record.matrix.cells.indices.map { FoundCell(record, $0) } }
            .filter { query.condition?.holds(for: $0) ?? true }
        for by in ["cpu", "state", "campaign,software", "service,vcpus"] {
            let subjects = try QueryParser.subjects(by)
            let found = try store.groups(query, by: subjects, of: [.p95, .mean])
            let expected = Dictionary(grouping: cells) { cell in subjects.map { cell[$0] } }
            #expect(found.count == expected.count)
            for group in found {
                let cells = try #require(expected[group.values])
                #expect(group.count == cells.count)
                #expect(group.states == Dictionary(grouping: cells, by: \.cell.state).mapValues(\.count))
                for metric in [Metric.p95, .mean] {
                    let values = cells.compactMap { $0.cell.estimate(metric)?.value }
                    #expect(
                        group.figures[metric]?.least == values.min() && group.figures[metric]?.greatest == values.max())
                    let mean = values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
                    #expect(abs((group.figures[metric]?.mean ?? 0) - (mean ?? 0)) < 1e-12)
                }
            }
            let sql = try store.sql(query, by: subjects, of: [.p95])
            let shown = try ChildProcess.succeed(["sqlite3", "-readonly", folder.path + "/m.db"], input: sql)
            #expect(shown.split(separator: "\n").count == found.count)
        }
    }

    /// A few of many cells are found by reading some blocks: SQLite's own count of its steps says so.
    @Test func aSelectiveQueryReadsFewCells() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let store = try MatrixStore(path)
        var record = Sample.record("a", started: 1)
        record.matrix = ResultMatrix(axes: [
            Axis(.cpu, (1...100).map { Double($0) / 10 }), Axis(.memory, (1...500).map { Double($0) * 1e6 }),
        ])
        let cells = record.matrix.cells.enumerated().map { number, cell in
            let p95 = 1 / Double(number + 1)
            return Cell(cell.allocation, .interpolated([.p95: Estimate(p95, lower: p95, upper: p95)]))
        }
        record.matrix = ResultMatrix(axes: record.matrix.axes, cells: cells)
        try store.save(record)
        var query = try MatrixQuery(where: "p95 < 25 us and cpu <= 810%", order: "p95")
        query.limit = 10
        for query in [query, try MatrixQuery(where: "p95 < 25 us and cpu <= 810%")] {
            let steps = { (sql: String) in
                let output = try ChildProcess.succeed(["sqlite3", "-readonly", path], input: ".stats vmstep\n" + sql)
                return try #require(
                    output.split(separator: "\n").compactMap { line in
                        line.hasPrefix("VM-steps: ") ? Int(line.dropFirst(10)) : nil
                    }.first)
            }
            #expect(!(try store.cells(query)).isEmpty)
            let plain = try steps("SELECT * FROM cell WHERE p95 < 25e-6 AND cpu <= 8.1;")
            let ours = try steps(try store.sql(query))
            #expect(plain > 100_000 && ours < plain / 3, "\(ours) of \(plain)")
        }
    }
}
