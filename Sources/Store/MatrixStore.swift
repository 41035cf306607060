import Foundation
package import Model

/// Campaigns and their matrices in SQLite.
///
/// Table `campaign` keeps the whole record as JSON; table `cell` repeats the figures in columns, so that an operator can
/// ask by hand: `SELECT cpu, state, p95 FROM cell WHERE p95 < 0.05 ORDER BY cpu`. Times are in seconds, sizes in bytes;
/// columns of resources that are no axis of a campaign are null in its cells.
package final class MatrixStore {
    private let database: Database

    package init(_ path: String) throws(StoreError) {
        database = try Database(path)
        try database.run("PRAGMA journal_mode = WAL")
        try database.migrate([
            [
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
            ],
            [
                "shares REAL", "vcpus REAL", "cpu_set TEXT", "memory REAL", "disk_read REAL", "disk_write REAL",
                "network REAL", "frequency REAL", "node TEXT", "variant TEXT", "software TEXT",
            ].map { "ALTER TABLE cell ADD COLUMN \($0)" },
            ["load REAL", "mix TEXT"].map { "ALTER TABLE cell ADD COLUMN \($0)" },
        ])
    }

    /// Writes the record as it stands now: all of it, or nothing.
    package func save(_ record: CampaignRecord) throws(StoreError) {
        let json = try encode(record)
        try database.transaction { () throws(StoreError) in
            try database.run(
                """
                INSERT INTO campaign (id, service, tier, domain, started, state, record) VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, record = excluded.record
                """,
                [
                    .text(record.id), .text(record.service), .text(record.tier), .text(record.domain),
                    .integer(record.started.nanoseconds), .text(record.state.rawValue), .text(json),
                ])
            for (number, cell) in record.matrix.cells.enumerated() { try save(cell, number, of: record.id) }
        }
    }

    private func save(_ cell: Cell, _ number: Int, of campaign: String) throws(StoreError) {
        let value = { (metric: Metric) -> Database.Value in cell.estimate(metric).map { .real($0.value) } ?? .null }
        let p95 = cell.estimate(.p95)
        try database.run(
            """
            INSERT OR REPLACE INTO cell (campaign, number, state, throughput, mean, p50, p95, p95_lower, p95_upper,
                p99, cpu_used, energy, cpu, shares, vcpus, cpu_set, memory, disk_read, disk_write, network, frequency,
                node, variant, software, load, mix)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(campaign), .integer(Int64(number)), .text(cell.state), value(.throughput), value(.mean),
                value(.p50), value(.p95), p95.map { .real($0.lower) } ?? .null, p95.map { .real($0.upper) } ?? .null,
                value(.p99), value(.cpuUsed), value(.energy),
            ] + Resource.allCases.map { Self.value(cell.allocation[$0]) })
    }

    private static func value(_ setting: Setting?) -> Database.Value {
        switch setting {
        case .number(let number): .real(number)
        case .name(let name): .text(name)
        case nil: .null
        }
    }

    private func encode(_ record: CampaignRecord) throws(StoreError) -> String {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return String(decoding: try encoder.encode(record), as: UTF8.self)
        } catch {
            throw StoreError(path: database.path, doing: "write campaign \(record.id)", reason: "\(error)", code: 0)
        }
    }

    private func decode(_ text: String, _ id: String) throws(StoreError) -> CampaignRecord {
        do { return try JSONDecoder().decode(CampaignRecord.self, from: Data(text.utf8)) } catch {
            throw StoreError(
                path: database.path, doing: "read campaign \(id)", reason: "its record is damaged (\(error))", code: 0)
        }
    }

    /// The campaign of that id, or the latest one; nil when there is none.
    package func campaign(_ id: String?) throws(StoreError) -> CampaignRecord? {
        let rows =
            if let id {
                try database.run("SELECT record, id FROM campaign WHERE id = ?", [.text(id)])
            } else {
                try database.run("SELECT record, id FROM campaign ORDER BY started DESC LIMIT 1")
            }
        guard let row = rows.first, let text = row.text(0) else { return nil }
        return try decode(text, row.text(1) ?? "?")
    }

    /// The latest campaign of a tier that has come to its end; nil when there is none.
    package func latestDone(service: String, tier: String) throws(StoreError) -> CampaignRecord? {
        try latest(service: service, tier: tier, state: .done)
    }

    /// The latest campaign of a tier, in that state if one is given.
    package func latest(
        service: String, tier: String, state: CampaignRecord.State? = nil
    ) throws(StoreError) -> CampaignRecord? {
        let rows = try database.run(
            """
            SELECT record, id FROM campaign WHERE service = ? AND tier = ? AND (?3 IS NULL OR state = ?3)
            ORDER BY started DESC LIMIT 1
            """, [.text(service), .text(tier), state.map { .text($0.rawValue) } ?? .null])
        guard let row = rows.first, let text = row.text(0) else { return nil }
        return try decode(text, row.text(1) ?? "?")
    }

    /// All campaigns, latest first; those that cannot be read are said beside the others.
    package func campaigns() throws(StoreError) -> (records: [CampaignRecord], damaged: [StoreError]) {
        var (records, damaged): ([CampaignRecord], [StoreError]) = ([], [])
        for row in try database.run("SELECT record, id FROM campaign ORDER BY started DESC") {
            do throws(StoreError) {
                records.append(try decode(row.text(0) ?? "", row.text(1) ?? "?"))
            } catch {
                damaged.append(error)
            }
        }
        return (records, damaged)
    }
}
