import Glibc
package import OperatingSystem

/// A trace that cannot be read or written: which file, what is wrong, what to do.
package struct TraceError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        case notATrace, newer, damaged, exists, busy, refused
        /// The kernel's reason, by its number.
        case system(Int32)
    }

    package let path: String
    package let kind: Kind
    package let reason: String

    package init(_ path: String, _ kind: Kind, _ reason: String) {
        self.path = path
        self.kind = kind
        self.reason = reason
    }

    package init(_ path: String, _ error: SystemError) {
        self.init(path, .system(error.code), error.description)
    }

    init(_ path: String, _ refusal: TraceHeader.Refusal) {
        switch refusal {
        case .notATrace: self.init(path, .notATrace, "it is not a trace ('whatif capture' makes one)")
        case .newer(let major):
            self.init(
                path, .newer,
                "it is of version \(major), and this program reads up to version \(TraceFormat.major): "
                    + "read it with the program that wrote it, or a newer one")
        case .damaged: self.init(path, .damaged, "its header is damaged, so nothing behind it can be trusted")
        }
    }

    package var isMissing: Bool { kind == .system(ENOENT) }

    package var description: String { "trace \(path): \(reason)" }
}

/// Runs calls of the system on behalf of one file.
func onFile<Value>(_ path: String, _ call: () throws(SystemError) -> Value) throws(TraceError) -> Value {
    do { return try call() } catch { throw TraceError(path, error) }
}
