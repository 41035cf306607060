import CSQLite

/// SQLite's refusal, with its own code and words.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    package let path: String
    package let doing: String
    package let reason: String
    package let code: Int32

    package var description: String { "cannot \(doing) in \(path): \(reason)" }
}

/// One connection to an SQLite file, used by one thread at a time. Values are bound, never pasted.
@safe final class Database {
    enum Value {
        case text(String)
        case integer(Int64)
        case real(Double)
        case null
    }

    struct Row {
        fileprivate(set) var values: [Value] = []

        func text(_ index: Int) -> String? { if case .text(let value) = values[index] { value } else { nil } }
        func integer(_ index: Int) -> Int64? { if case .integer(let value) = values[index] { value } else { nil } }
    }

    private let handle: OpaquePointer
    let path: String

    init(_ path: String) throws(StoreError) {
        self.path = path
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX
        let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            let reason = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close(handle)
            throw StoreError(path: path, doing: "open the store", reason: reason, code: code)
        }
        unsafe self.handle = handle
        unsafe sqlite3_busy_timeout(handle, 10_000)
    }

    deinit { unsafe sqlite3_close(handle) }

    private func failure(_ doing: String) -> StoreError {
        unsafe StoreError(
            path: path, doing: doing, reason: String(cString: sqlite3_errmsg(handle)), code: sqlite3_errcode(handle))
    }

    /// Runs one statement and takes its rows.
    @discardableResult
    func run(_ sql: String, _ values: [Value] = []) throws(StoreError) -> [Row] {
        var statement: OpaquePointer?
        guard unsafe sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
            throw failure("prepare '\(sql)'")
        }
        defer { unsafe sqlite3_finalize(statement) }
        // SQLITE_TRANSIENT: SQLite copies the text; the macro is a cast that Swift does not import.
        let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            switch value {
            case .text(let text): unsafe sqlite3_bind_text(statement, place, text, -1, transient)
            case .integer(let number): unsafe sqlite3_bind_int64(statement, place, number)
            case .real(let number): unsafe sqlite3_bind_double(statement, place, number)
            case .null: unsafe sqlite3_bind_null(statement, place)
            }
        }
        var rows: [Row] = []
        while true {
            switch unsafe sqlite3_step(statement) {
            case SQLITE_ROW:
                var row = Row()
                for column in 0..<(unsafe sqlite3_column_count(statement)) {
                    row.values.append(unsafe value(of: statement, column))
                }
                rows.append(row)
            case SQLITE_DONE:
                return rows
            default:
                throw failure("run '\(sql)'")
            }
        }
    }

    private func value(of statement: OpaquePointer?, _ column: Int32) -> Value {
        switch unsafe sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: unsafe .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: unsafe .real(sqlite3_column_double(statement, column))
        case SQLITE_TEXT: unsafe .text(String(cString: sqlite3_column_text(statement, column)))
        default: .null
        }
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

    /// Brings the schema up to date: each migration runs once, in order, and is remembered in `user_version`.
    func migrate(_ migrations: [[String]]) throws(StoreError) {
        try transaction { () throws(StoreError) in
            let version = Int(try run("PRAGMA user_version").first?.integer(0) ?? 0)
            guard version <= migrations.count else {
                throw StoreError(
                    path: path, doing: "use the store",
                    reason: "it was written by a newer version (schema \(version), known up to \(migrations.count))",
                    code: 0)
            }
            for statement in migrations.dropFirst(version).joined() { try run(statement) }
            try run("PRAGMA user_version = \(migrations.count)")
        }
    }
}
