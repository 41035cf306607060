import Foundation
package import Model
import OperatingSystem

/// What the manager decided, in SQLite: a row a decision, whole as JSON, with the columns that people ask for. On the disk when
/// `save` returns, so that a manager that was killed knows what it had begun.
package final class DecisionStore {
    private let database: Database

    /// By version, from 1 on.
    private static let schema = [
        """
        CREATE TABLE decision (
            id TEXT PRIMARY KEY, service TEXT NOT NULL, tier TEXT NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL,
            begun INTEGER NOT NULL, campaign TEXT, body TEXT NOT NULL)
        """,
        """
        CREATE TABLE move (
            centre TEXT NOT NULL, domain TEXT NOT NULL, node TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (centre, domain))
        """,
    ]

    package init(_ path: String) throws(StoreError) {
        try StoreFile.check(path)
        database = try Database(path)
        try database.run("PRAGMA journal_mode = DELETE")
        try database.run("PRAGMA synchronous = EXTRA")
        try database.migrate(to: Self.schema.count) { version throws(StoreError) in
            try database.run(Self.schema[version - 1])
        }
    }

    package func save(_ decision: ManagedDecision) throws(StoreError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let body = try? encoder.encode(decision) else {
            throw StoreError(
                path: database.path, doing: "save decision \(decision.id)", reason: "it holds no finite number", code: 0
            )
        }
        FaultPoint.pass()
        try database.run(
            """
            INSERT OR REPLACE INTO decision (id, service, tier, cause, state, begun, campaign, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(decision.id), .text(decision.service), .text(decision.tier), .text(decision.cause.rawValue),
                .text(decision.state.rawValue), .integer(decision.begun.nanoseconds),
                decision.hasCampaign ? .text(decision.id) : .null, .text(String(decoding: body, as: UTF8.self)),
            ])
        FaultPoint.pass()
    }

    /// That a domain of a data centre is sent to another node. It may not get there.
    package func record(
        moveOf domain: String, to node: String, in centre: String, at time: Timestamp
    ) throws(StoreError) {
        try database.run(
            "INSERT OR REPLACE INTO move (centre, domain, node, at) VALUES (?, ?, ?, ?)",
            [.text(centre), .text(domain), .text(node), .integer(time.nanoseconds)])
    }

    /// Where domains of a data centre were last sent from here, and when.
    package func moves(in centre: String) throws(StoreError) -> [String: (node: String, at: Timestamp)] {
        var moves: [String: (node: String, at: Timestamp)] = [:]
        for row in try database.run("SELECT domain, node, at FROM move WHERE centre = ?", [.text(centre)]) {
            guard let domain = row.text(0), let node = row.text(1), let at = row.integer(2) else { continue }
            moves[domain] = (node, Timestamp(nanoseconds: at))
        }
        return moves
    }

    /// Nil where there is none of that name.
    package func decision(_ id: String) throws(StoreError) -> ManagedDecision? {
        try decisions("WHERE id = ?1", .text(id)).first
    }

    /// By when they were saved last; of one service, or of all. A clock that was set back does not disturb that.
    package func decisions(of service: String? = nil) throws(StoreError) -> [ManagedDecision] {
        try decisions("WHERE ?1 IS NULL OR service = ?1 ORDER BY rowid", service.map { .text($0) } ?? .null)
    }

    private func decisions(
        _ condition: String, _ value: Database.Value
    ) throws(StoreError) -> [ManagedDecision] {
        let rows = try database.run("SELECT id, body FROM decision \(condition)", [value])
        var decisions: [ManagedDecision] = []
        for row in rows {
            guard let body = row.text(1),
                let decision = try? JSONDecoder().decode(ManagedDecision.self, from: Data(body.utf8))
            else {
                throw StoreError(
                    path: database.path, doing: "read decision \(row.text(0) ?? "")", reason: "its record is damaged",
                    code: 0, wayOut: "put a copy of the file back, or move it away")
            }
            decisions.append(decision)
        }
        return decisions
    }
}
