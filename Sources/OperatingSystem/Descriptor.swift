import CLinux
import Glibc

/// The only owner of a file descriptor; closes it when it goes.
package final class Descriptor: Sendable {
    package let raw: Int32

    package init(owning raw: CInt) { self.raw = raw }

    deinit { close(raw) }

    package static func open(
        _ path: String, _ flags: Int32, mode: UInt32 = 0o600
    ) throws(SystemError) -> Descriptor {
        Descriptor(owning: try check("open \(path)") { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// A pipe whose reading end does not block.
    package static func pipe() throws(SystemError) -> (reading: Descriptor, writing: Descriptor) {
        var ends: [CInt] = [-1, -1]
        try check("make a pipe") { unsafe Glibc.pipe(&ends) }
        let pipe = (reading: Descriptor(owning: ends[0]), writing: Descriptor(owning: ends[1]))
        for end in ends { try check("make a pipe") { fcntl(end, F_SETFD, FD_CLOEXEC) } }
        try check("make a pipe") { fcntl(pipe.reading.raw, F_SETFL, O_NONBLOCK) }
        return pipe
    }

    /// Reads what is there, at most `limit` bytes; empty at the end of the file or when nothing is there yet.
    package func readSome(limit: Int = 65_536) throws(SystemError) -> [UInt8] {
        do {
            return try unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                let result = unsafe Glibc.read(raw, buffer.baseAddress, limit)
                if result < 0 && errno != EAGAIN && errno != EINTR { throw SystemError("read") }
                count = max(0, result)
            }
        } catch let error as SystemError {
            throw error
        } catch {
            throw SystemError("read")
        }
    }

    package func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            done += try check("write") {
                unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(raw, $0.baseAddress?.advanced(by: done), $0.count - done)
                }
            }
        }
    }
}

/// A counter in the kernel that wakes a poll: how one thread tells another that there is something to take.
package final class WakeUp: Sendable {
    package let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = Descriptor(
            owning: try check("make an eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    package func signal() { _ = eventfd_write(descriptor.raw, 1) }

    /// Waits until it is signalled, at most so long; -1 is for ever.
    package func wait(milliseconds: CInt) {
        var polled = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&polled, 1, milliseconds)
    }

    package func clear() {
        var value: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor.raw, &value)
    }
}
