import Glibc

/// A lock that the kernel gives back when its holder ends, however it ends.
package final class FileLock: Sendable {
    private let descriptor: Descriptor

    private init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// Nil when another process holds it. The file stays: removing it would let two holders in.
    package static func take(_ path: String) throws(SystemError) -> FileLock? {
        let descriptor = try Descriptor.open(path, O_RDWR | O_CREAT)
        if flock(descriptor.raw, LOCK_EX | LOCK_NB) == 0 { return FileLock(descriptor) }
        if errno == EWOULDBLOCK { return nil }
        throw SystemError("lock \(path)")
    }
}
