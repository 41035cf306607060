import CSQLite
import Glibc

/// A file that is to be a store, looked at before anything is written to it: what is found wrong is said, never worked
/// around.
enum StoreFile {
    /// Files up to this size are read as a whole whenever they are opened: some tens of milliseconds. Larger ones are when
    /// somebody asks, or when SQLite stumbles.
    static let readWhole: Int64 = 8 << 20

    /// How many findings are told: the first one matters, the rest says how bad it is.
    private static let told = 3

    /// - Throws: `StoreError` when the file cannot be what was left behind by the store that last wrote to it.
    static func check(_ path: String) throws(StoreError) {
        guard let size = try size(path), size > 0 else { return }
        if isLogLost(path) {
            throw StoreError(
                path: path, doing: "open the store",
                reason: "its write-ahead log \(path)-wal is missing, and with it what was written last",
                code: SQLITE_CORRUPT, wayOut: "put the log back, or remove \(path)-shm to go on without what it held")
        }
        if size <= readWhole {
            let findings = try findings(path)
            if !findings.isEmpty {
                throw StoreError.sqlite(
                    SQLITE_CORRUPT, "", path: path, doing: "open the store", findings: findings)
            }
        }
    }

    /// What `PRAGMA integrity_check` says of a file that is a database; nothing when it is sound.
    static func findings(_ path: String) throws(StoreError) -> [String] {
        var handle: OpaquePointer?
        let code = unsafe sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
        defer { unsafe sqlite3_close(handle) }
        guard code == SQLITE_OK, let handle = unsafe handle else {
            throw StoreError.sqlite(
                code, unsafe String(cString: sqlite3_errstr(code)), path: path, doing: "open the store")
        }
        unsafe sqlite3_busy_timeout(handle, 10_000)
        var statement: OpaquePointer?
        defer { unsafe sqlite3_finalize(statement) }
        let doing = "look through the store"
        var result = unsafe sqlite3_prepare_v2(handle, "PRAGMA integrity_check(\(told))", -1, &statement, nil)
        var findings: [String] = []
        while result == SQLITE_OK || result == SQLITE_ROW {
            result = unsafe sqlite3_step(statement)
            guard result == SQLITE_ROW, let text = unsafe sqlite3_column_text(statement, 0) else { break }
            // Several lines, of which the first may only name the database.
            findings += unsafe String(cString: text).split(separator: "\n").map(String.init)
                .filter { $0 != "ok" && !$0.hasPrefix("*** in database") }
        }
        if result & 0xff == SQLITE_CORRUPT {
            // So bad that it could not be looked through.
            return [unsafe String(cString: sqlite3_errmsg(handle))] + findings.prefix(told)
        }
        guard result == SQLITE_DONE else {
            throw StoreError.sqlite(result, unsafe String(cString: sqlite3_errmsg(handle)), path: path, doing: doing)
        }
        return Array(findings.prefix(told))
    }

    /// SQLite removes the index of a log before the log itself, and makes it after: the index of one that is missing, and
    /// stays so, is what a crash left whose log was lost.
    private static func isLogLost(_ path: String) -> Bool {
        for _ in 0..<2 {
            guard let before = inode("\(path)-shm"), inode("\(path)-wal") == nil, inode("\(path)-shm") == before else {
                return false
            }
        }
        return true
    }

    private static func inode(_ path: String) -> UInt64? {
        var information = stat()
        return unsafe stat(path, &information) == 0 ? UInt64(information.st_ino) : nil
    }

    /// Nil when there is no such file.
    private static func size(_ path: String) throws(StoreError) -> Int64? {
        var information = stat()
        if unsafe stat(path, &information) != 0 { return nil }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(
                path: path, doing: "open the store", reason: "it is no file", code: SQLITE_CANTOPEN,
                wayOut: "move it away (the next command makes a new one)")
        }
        return Int64(information.st_size)
    }
}
