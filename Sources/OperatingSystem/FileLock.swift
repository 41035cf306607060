import Glibc

/// A lock that the kernel gives back when its holder ends, however it ends.
package final class FileLock: Sendable {
    private let descriptor: Descriptor

    private init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// Nil when another process holds it. The file stays until its owner, or the collector, removes it.
    package static func take(_ path: String) throws(SystemError) -> FileLock? {
        while true {
            let descriptor = try Descriptor.open(path, O_RDWR | O_CREAT)
            if flock(descriptor.raw, LOCK_EX | LOCK_NB) != 0 {
                if errno == EWOULDBLOCK { return nil }
                throw SystemError("lock \(path)")
            }
            // Removed between: a lock on a file without a name would be nobody's.
            var (held, named) = (stat(), stat())
            if unsafe fstat(descriptor.raw, &held) == 0, unsafe stat(path, &named) == 0, held.st_ino == named.st_ino {
                return FileLock(descriptor)
            }
        }
    }
}
