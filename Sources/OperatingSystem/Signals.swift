import CLinux
import Glibc

/// SIGINT, SIGTERM and SIGHUP as something to wait on, so that an interrupted run ends in order.
///
/// Made once, early: the signals are blocked in the calling thread and in every thread it starts later.
package final class InterruptSignal: Sendable {
    package let descriptor: Descriptor

    package init() throws(SystemError) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            unsafe sigaddset(&set, number)
            // A shell starts background programs with SIGINT ignored, and an ignored signal would never arrive.
            signal(number, SIG_DFL)
        }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        // A reader that goes away must be an error at the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        descriptor = Descriptor(
            owning: try check("make a signalfd") {
                unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
            })
    }

    /// Comes when this is signalled, which whoever ends a part of a run does; nobody may clear it.
    package init(_ wakeUp: WakeUp) { descriptor = wakeUp.descriptor }

    /// True once a signal has come; it stays true.
    package var hasCome: Bool { wait(for: [], until: nil, timeout: 0) == .interrupted }

    package enum Outcome: Sendable { case interrupted, woken, timedOut }

    /// Waits for a signal, for one of `wakeUps`, or for `seconds` to pass.
    package func wait(seconds: Double, or wakeUps: [WakeUp] = []) -> Outcome {
        wait(for: wakeUps, until: seconds, timeout: Int64((max(0, seconds) * 1e9).rounded()))
    }

    /// Waits until a descriptor can be read, or a signal has come.
    package func wait(forInputOf descriptor: CInt) -> Outcome {
        var polled = [self.descriptor.raw, descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while unsafe poll(&polled, nfds_t(polled.count), -1) == -1, errno == EINTR {}
        return polled[0].revents != 0 ? .interrupted : .woken
    }

    private func wait(for wakeUps: [WakeUp], until: Double?, timeout: Int64) -> Outcome {
        let clock = SteadyClock()
        let deadline = clock.now + timeout
        while true {
            var polled = [pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)]
            polled += wakeUps.map { pollfd(fd: $0.descriptor.raw, events: Int16(POLLIN), revents: 0) }
            let left = max(0, deadline - clock.now)
            var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
            let ready = unsafe ppoll(&polled, nfds_t(polled.count), &time, nil)
            if ready > 0 { return polled[0].revents != 0 ? .interrupted : .woken }
            if ready == 0 { return .timedOut }
        }
    }
}
