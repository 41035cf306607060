package import Model
import OperatingSystem

/// One thing that exists, or may exist, on a node because of us: enough to remove it without any other knowledge.
package struct JournalEntry: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        case subvolume, bridge, rules, interface, domain
    }

    package let id: Int64
    package let kind: Kind
    /// Path of the subvolume; name of the bridge, of the nft table, of the domain's interface, of the domain.
    package let identifier: String
    /// The clone it is part of.
    package let clone: String
    /// The campaign that made it; while it runs it holds the lock of that name.
    package let owner: String
    /// The private host it is on (`lab`); nil is this machine.
    package let node: String?
    package let connect: String
    /// The domain that was cloned.
    package let original: String
    package let created: Timestamp
}

/// Everything made is in the journal before it exists, and leaves it after it is gone (DESIGN, invariant 3).
///
/// SQLite with full synchronisation: an entry is on the disk when `record` returns.
package final class Journal {
    private let database: Database

    package init(_ path: String) throws(StoreError) {
        database = try Database(path)
        try database.run("PRAGMA journal_mode = DELETE")
        try database.run("PRAGMA synchronous = EXTRA")
        try database.migrate([
            [
                """
                CREATE TABLE entry (
                    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, identifier TEXT NOT NULL,
                    clone TEXT NOT NULL, owner TEXT NOT NULL, node TEXT, connect TEXT NOT NULL,
                    original TEXT NOT NULL, created INTEGER NOT NULL)
                """
            ]
        ])
    }

    /// Writes that a thing is about to be made.
    package func record(
        _ kind: JournalEntry.Kind, _ identifier: String, clone: String, owner: String, node: String?, connect: String,
        original: String, at time: Timestamp
    ) throws(StoreError) -> JournalEntry {
        let rows = try database.run(
            """
            INSERT INTO entry (kind, identifier, clone, owner, node, connect, original, created)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
            """,
            [
                .text(kind.rawValue), .text(identifier), .text(clone), .text(owner),
                node.map { .text($0) } ?? .null, .text(connect), .text(original), .integer(time.nanoseconds),
            ])
        return JournalEntry(
            id: rows.first?.integer(0) ?? 0, kind: kind, identifier: identifier, clone: clone, owner: owner, node: node,
            connect: connect, original: original, created: time)
    }

    /// Writes that a thing is gone.
    package func close(_ entry: JournalEntry) throws(StoreError) {
        try database.run("DELETE FROM entry WHERE id = ?", [.integer(entry.id)])
    }

    /// What there is, oldest first.
    package func entries() throws(StoreError) -> [JournalEntry] {
        try database.run(
            "SELECT id, kind, identifier, clone, owner, node, connect, original, created FROM entry ORDER BY id"
        ).compactMap { row in
            guard let id = row.integer(0), let kind = row.text(1).flatMap({ JournalEntry.Kind(rawValue: $0) }),
                let identifier = row.text(2), let clone = row.text(3), let owner = row.text(4),
                let connect = row.text(6), let original = row.text(7), let created = row.integer(8)
            else { return nil }
            return JournalEntry(
                id: id, kind: kind, identifier: identifier, clone: clone, owner: owner, node: row.text(5),
                connect: connect, original: original, created: Timestamp(nanoseconds: created))
        }
    }
}
