import CSQLite
import Model

/// One connection to an SQLite file, used by one thread at a time. Values are bound, never pasted.
@safe final class Database {
    enum Value: Hashable {
        case text(String)
        case integer(Int64)
        case real(Double)
        case null
    }

    struct Row {
        fileprivate(set) var values: [Value] = []

        func text(_ index: Int) -> String? { values[index].text }
        func integer(_ index: Int) -> Int64? { values[index].integer }
    }

    private let handle: OpaquePointer
    let path: String

    /// A writer waits for another one at most for `patience`.
    init(_ path: String, patience: Duration = .seconds(10)) throws(StoreError) {
        self.path = path
        var handle: OpaquePointer?
        // One thread at a time: no mutex of SQLite's is needed.
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            let reason = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close(handle)
            throw StoreError.sqlite(code, reason, path: path, doing: "open the store")
        }
        unsafe self.handle = handle
        unsafe sqlite3_busy_timeout(handle, Int32(patience.milliseconds))
        unsafe sqlite3_extended_result_codes(handle, 1)
    }

    deinit { unsafe sqlite3_close_v2(handle) }

    /// The last refusal. That of a damaged file says what looking through it finds.
    func failure(_ doing: String) -> StoreError {
        let code = unsafe sqlite3_extended_errcode(handle)
        let message = unsafe String(cString: sqlite3_errmsg(handle))
        let findings = code & 0xff == SQLITE_CORRUPT ? (try? StoreFile.findings(path)) ?? [] : []
        return .sqlite(code, message, path: path, doing: doing, findings: findings)
    }

    func prepare(_ sql: String) throws(StoreError) -> Statement {
        var statement: OpaquePointer?
        guard
            unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil) == SQLITE_OK,
            let statement = unsafe statement
        else { throw failure("prepare '\(sql)'") }
        return unsafe Statement(statement, of: self)
    }

    /// Runs one statement and takes its rows.
    @discardableResult
    func run(_ sql: String, _ values: [Value] = []) throws(StoreError) -> [Row] {
        let statement = try prepare(sql)
        statement.bind(all: values)
        var rows: [Row] = []
        while try statement.step() {
            rows.append(Row(values: (0..<statement.columnCount).map { statement.value($0) }))
        }
        return rows
    }

    /// All of `body`, or nothing of it.
    func transaction<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        try run("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            _ = try? run("ROLLBACK")
            throw error
        }
    }

    /// Brings the schema up to `last`: `step` is called once for each version that the file is behind, in order, with the
    /// version that it leads to; how far it got is remembered in `user_version`.
    ///
    /// A file that is up to date is not written to, so that readers need not wait for a writer.
    func migrate(to last: Int, _ step: (_ version: Int) throws(StoreError) -> Void) throws(StoreError) {
        if try version(known: last) == last { return }
        try transaction { () throws(StoreError) in
            // Another process may have been faster.
            for version in try version(known: last)..<last { try step(version + 1) }
            try run("PRAGMA user_version = \(last)")
        }
    }

    /// - Throws: `StoreError` for a file of a newer version.
    @discardableResult
    func version(known: Int) throws(StoreError) -> Int {
        let version = Int(try run("PRAGMA user_version").first?.integer(0) ?? 0)
        guard 0...known ~= version else {
            throw StoreError(
                path: path, doing: "use the store",
                reason: "it was written by a newer version (schema \(version), known up to \(known))",
                wayOut: "use that version, or move the file away")
        }
        return version
    }
}

extension Database.Value {
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// A number as SQL sees it: whole ones may have been stored as integers.
    var number: Double? {
        switch self {
        case .real(let value): value
        case .integer(let value): Double(value)
        case .text, .null: nil
        }
    }
}
