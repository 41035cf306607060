import CLinux
import Glibc

/// epoll: readiness of many descriptors, each known by a number of the caller's choosing.
package final class Poller: Sendable {
    package struct Event: Sendable {
        package let token: UInt64
        package let readable: Bool
        package let writable: Bool
    }

    private let descriptor: Descriptor

    package init() throws(SystemError) {
        descriptor = Descriptor(owning: try check("make an epoll") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    }

    package func add(_ watched: CInt, token: UInt64, writable: Bool = false) throws(SystemError) {
        try control(EPOLL_CTL_ADD, watched, token, writable)
    }

    package func change(_ watched: CInt, token: UInt64, writable: Bool) throws(SystemError) {
        try control(EPOLL_CTL_MOD, watched, token, writable)
    }

    private func control(
        _ operation: CInt, _ watched: CInt, _ token: UInt64, _ writable: Bool
    ) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | (writable ? EPOLLOUT.rawValue : 0)
        unsafe event.data.u64 = token
        try check("watch a descriptor") { unsafe epoll_ctl(descriptor.raw, operation, watched, &event) }
    }

    /// Waits until something is ready or `nanoseconds` have passed; nil waits for ever.
    package func wait(nanoseconds: Int64?) throws(SystemError) -> [Event] {
        var ready: [Event] = []
        try wait(nanoseconds: nanoseconds, into: &ready)
        return ready
    }

    /// The same for those who wait often: `ready` is emptied first and keeps its room.
    package func wait(nanoseconds: Int64?, into ready: inout [Event]) throws(SystemError) {
        ready.removeAll(keepingCapacity: true)
        var time = timespec()
        if let nanoseconds {
            time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        }
        let count = unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.batch) { events in
            let count =
                nanoseconds == nil
                ? unsafe epoll_pwait2(descriptor.raw, events.baseAddress, CInt(Self.batch), nil, nil)
                : unsafe epoll_pwait2(descriptor.raw, events.baseAddress, CInt(Self.batch), &time, nil)
            for place in 0..<Int(max(0, count)) {
                let event = unsafe events[place]
                let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
                unsafe ready.append(
                    Event(
                        token: event.data.u64, readable: event.events & (EPOLLIN.rawValue | failed) != 0,
                        writable: event.events & (EPOLLOUT.rawValue | failed) != 0))
            }
            return count
        }
        if count < 0, errno != EINTR { throw SystemError("wait for events") }
    }

    private static let batch = 256
}
