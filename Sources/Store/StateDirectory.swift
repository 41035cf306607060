import Glibc
package import OperatingSystem

/// Where this machine's What-if keeps what lasts: the matrices, the journal and the locks of running campaigns.
package struct StateDirectory: Sendable {
    package let path: String

    package static let standardPath = "/var/lib/whatif"

    /// `WHATIF_STATE`, or /var/lib/whatif. Made on first use, readable by root alone.
    package static func standard() throws(SystemError) -> StateDirectory {
        let path = unsafe getenv("WHATIF_STATE").map { unsafe String(cString: $0) } ?? Self.standardPath
        return try StateDirectory(path)
    }

    package init(_ path: String) throws(SystemError) {
        self.path = path
        for folder in [path, locks] {
            if unsafe mkdir(folder, 0o700) == -1 && errno != EEXIST { throw SystemError("make the folder \(folder)") }
        }
    }

    package var matrices: String { path + "/matrices.db" }
    package var journal: String { path + "/journal.db" }
    package var decisions: String { path + "/decisions.db" }
    package var locks: String { path + "/locks" }
    package func lock(_ owner: String) -> String { "\(locks)/\(owner)" }
}
