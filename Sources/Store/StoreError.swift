import CSQLite

/// What a store could not do, why, and the way out; with SQLite's own code where it is SQLite's refusal.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    package let path: String
    package let doing: String
    package let reason: String
    /// SQLite's, possibly extended; 0 where it was not SQLite that refused.
    package let code: Int32
    package let wayOut: String?

    init(path: String, doing: String, reason: String, code: Int32 = 0, wayOut: String? = nil) {
        self.path = path
        self.doing = doing
        self.reason = reason
        self.code = code
        self.wayOut = wayOut
    }

    package var description: String { "cannot \(doing) in \(path): \(reason)" + (wayOut.map { "; \($0)" } ?? "") }

    /// Whether the file itself is at fault, not the moment or the machine.
    package var isDamage: Bool { [SQLITE_CORRUPT, SQLITE_NOTADB].contains(code & 0xff) }
}

extension StoreError {
    static let putBack = "put a copy back, or move the file away (the next command makes a new one)"

    /// SQLite's refusal in words of the one who has to do something about it. `findings` is what looking through the file
    /// has brought to light.
    static func sqlite(
        _ code: Int32, _ message: String, path: String, doing: String, findings: [String] = []
    ) -> StoreError {
        let (reason, wayOut): (String, String?) =
            switch code & 0xff {
            case SQLITE_NOTADB: ("it is no SQLite database", putBack)
            case SQLITE_CORRUPT:
                (
                    "it is damaged (\((findings.isEmpty ? [message] : findings).joined(separator: "; ")))",
                    "put a copy back, or save what can be read: sqlite3 '\(path)' .recover | sqlite3 NEW.db"
                )
            case SQLITE_BUSY: ("another process is writing to it", "run this again when that has ended")
            case SQLITE_FULL: (message, "make room on its file system")
            case SQLITE_READONLY: (message, "make the file and its folder writable, or run this as their owner")
            case SQLITE_CANTOPEN: (message, "see that its folder is there and can be written")
            default: (message, nil)
            }
        return StoreError(path: path, doing: doing, reason: reason, code: code, wayOut: wayOut)
    }
}
