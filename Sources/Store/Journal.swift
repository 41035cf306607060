import Glibc
package import Model
package import OperatingSystem

/// One thing that exists, or may exist, on a node because of us: enough to remove it without any other knowledge.
package struct JournalEntry: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        case subvolume, capture, overlay, file, snapshot, export, namespace, bridge, rules, interface, domain, frequency
    }

    package let id: Int64
    package let kind: Kind
    /// Path of the subvolume, of a clone's disk over the original's, or of another file of its own; the files of a machine's capture, a line each; the
    /// snapshot of a logical volume, and the export of one, each with a line that says how its machine is reached; name of
    /// the network namespace, of the bridge, of the nft table, of the domain's interface, of the domain; what cores'
    /// frequencies were, a line each.
    package let identifier: String
    /// The clone it is part of.
    package let clone: String
    /// Who made it, such as a campaign; while it runs it holds the lock of that name.
    package let owner: String
    /// The private host it is on (`lab`); nil is this machine.
    package let node: String?
    package let connect: String
    /// The domain that was cloned.
    package let original: String
    package let created: Timestamp
}

/// For whom things are made.
package struct JournalOwner: Sendable, Hashable {
    /// What its entries and its lock are named.
    package let name: String
    /// Who asked, and what for.
    package let requester: String
    package let purpose: String
    /// Until when its things are wanted although nobody holds its lock; nil while it is not done making them.
    package let keptUntil: Timestamp?

    package init(name: String, requester: String, purpose: String, keptUntil: Timestamp? = nil) {
        self.name = name
        self.requester = requester
        self.purpose = purpose
        self.keptUntil = keptUntil
    }

    /// A name sortable by time, and unlike any other: 20261121-083000-a1b2.
    package static func newName(at time: Timestamp) -> String {
        var seconds = time_t(time.nanoseconds / 1_000_000_000)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        let two = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
        let date = unsafe "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
        let clock = unsafe "\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
        return "\(date)-\(clock)-\(String(UInt16.random(in: 0x1000...0xffff), radix: 16))"
    }
}

/// Everything made is in the journal before it exists, and leaves it after it is gone (DESIGN, invariant 3).
///
/// SQLite with full synchronisation: an entry is on the disk when `record` returns.
package final class Journal {
    private let database: Database

    /// By version, from 1 on.
    private static let schema = [
        """
        CREATE TABLE entry (
            id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, identifier TEXT NOT NULL,
            clone TEXT NOT NULL, owner TEXT NOT NULL, node TEXT, connect TEXT NOT NULL,
            original TEXT NOT NULL, created INTEGER NOT NULL)
        """,
        """
        CREATE TABLE owner (
            name TEXT PRIMARY KEY, requester TEXT NOT NULL, purpose TEXT NOT NULL, kept INTEGER)
        """,
    ]

    package init(_ path: String) throws(StoreError) {
        database = try Database(path)
        try database.run("PRAGMA journal_mode = DELETE")
        try database.run("PRAGMA synchronous = EXTRA")
        try database.migrate(to: Self.schema.count) { version throws(StoreError) in
            try database.run(Self.schema[version - 1])
        }
    }

    /// Writes who makes things under the name of `owner`, before the first of them.
    package func register(_ owner: JournalOwner) throws(StoreError) {
        try database.run(
            "INSERT OR REPLACE INTO owner (name, requester, purpose, kept) VALUES (?, ?, ?, ?)",
            [
                .text(owner.name), .text(owner.requester), .text(owner.purpose),
                owner.keptUntil.map { .integer($0.nanoseconds) } ?? .null,
            ])
    }

    /// Writes that the things of `owner` are complete and wanted until `time`, whoever ends meanwhile.
    package func keep(_ owner: String, until time: Timestamp) throws(StoreError) {
        FaultPoint.pass()
        let rows = try database.run(
            "UPDATE owner SET kept = ? WHERE name = ? RETURNING name", [.integer(time.nanoseconds), .text(owner)])
        guard !rows.isEmpty else {
            throw StoreError(path: database.path, doing: "keep", reason: "there is no owner \(owner)", code: 0)
        }
        FaultPoint.pass()
    }

    /// Writes that the things of `owner` are not wanted any more: what remains of them when this process ends is abandoned.
    package func release(_ owner: String) throws(StoreError) {
        FaultPoint.pass()
        try database.run("UPDATE owner SET kept = NULL WHERE name = ?", [.text(owner)])
        FaultPoint.pass()
    }

    /// By name.
    package func owners() throws(StoreError) -> [String: JournalOwner] {
        let owners = try database.run("SELECT name, requester, purpose, kept FROM owner").compactMap { row in
            row.text(0).map { name in
                JournalOwner(
                    name: name, requester: row.text(1) ?? "", purpose: row.text(2) ?? "",
                    keptUntil: row.integer(3).map { Timestamp(nanoseconds: $0) })
            }
        }
        return Dictionary(uniqueKeysWithValues: owners.map { ($0.name, $0) })
    }

    /// The lock of an on-line domain, for as long as the result lives: whoever turns its disks or ends that holds it. Waits
    /// for others, but not for long.
    package func lock(domain: String) throws -> FileLock {
        let name = String(
            domain.unicodeScalars.map {
                $0.properties.isAlphabetic || $0.value < 58 && $0.value > 47 ? Character($0) : "_"
            })
        let folder = database.path.prefix(through: database.path.lastIndex(of: "/") ?? database.path.startIndex)
        for _ in 0..<400 {
            if let lock = try FileLock.take("\(folder)locks/\(Self.domainLock)\(name)") { return lock }
            usleep(50_000)
        }
        throw StoreError(
            path: database.path, doing: "lock the domain \(domain)",
            reason: "another command is at work on it; run this again when that is over", code: 0)
    }

    /// What the names of such locks begin with, unlike any owner's.
    package static let domainLock = "domain-"

    /// Forgets one of whom nothing is left.
    package func forget(_ owner: String) throws(StoreError) {
        try database.run(
            "DELETE FROM owner WHERE name = ? AND NOT EXISTS (SELECT 1 FROM entry WHERE owner = ?)",
            [.text(owner), .text(owner)])
    }

    /// Writes that a thing is about to be made.
    package func record(
        _ kind: JournalEntry.Kind, _ identifier: String, clone: String, owner: String, node: String?, connect: String,
        original: String, at time: Timestamp
    ) throws(StoreError) -> JournalEntry {
        FaultPoint.pass()
        defer { FaultPoint.pass() }
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
        FaultPoint.pass()
        defer { FaultPoint.pass() }
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
