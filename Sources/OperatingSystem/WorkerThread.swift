import CLinux
import Glibc
import Synchronization

/// A thread of its own for a loop that blocks in the kernel (capture, replay), with its result to wait for.
///
/// The body ends by itself when it is told to stop; `join` waits for that and rethrows what it threw.
package final class WorkerThread: Sendable {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () throws -> Void
        let failure = Mutex<(any Error)?>(nil)

        init(_ name: String, _ run: @escaping @Sendable () throws -> Void) {
            self.name = name
            self.run = run
        }
    }

    private let body: Body
    private let thread: Mutex<pthread_t?>

    /// Signals stay with the threads that were there before: the new one blocks them all.
    package init(_ name: String, _ run: @escaping @Sendable () throws -> Void) throws(SystemError) {
        body = Body(name, run)
        var handle = pthread_t()
        var everything = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&everything)
        unsafe pthread_sigmask(SIG_BLOCK, &everything, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        let code = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                unsafe pthread_setname_np(pthread_self(), String(body.name.prefix(15)))
                do { try body.run() } catch { body.failure.withLock { $0 = error } }
                return nil
            }, Unmanaged.passRetained(body).toOpaque())
        guard code == 0 else { throw SystemError("start a thread", code: code) }
        thread = Mutex(handle)
    }

    /// Throws what ended the body early, without waiting.
    package func throwFailure() throws {
        if let error = body.failure.withLock({ $0 }) { throw error }
    }

    /// Waits for the end; a second call returns at once.
    package func join() throws {
        let handle = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let handle { pthread_join(handle, nil) }
        try throwFailure()
    }

    /// Lets everybody else go before the calling thread where processors are short (setpriority(2): on Linux a thread's own).
    package static func giveWay() { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }

    /// Lets everybody else go at once: the calling thread runs while a processor has nothing else to do (SCHED_IDLE of
    /// sched(7)), and comes to nothing where all are busy.
    package static func runWhenIdle() throws(SystemError) {
        var parameter = sched_param()
        try check("run only when the processors are idle") {
            unsafe sched_setscheduler(0, CInt(WHATIF_SCHED_IDLE), &parameter)
        }
    }

    /// Lets the calling thread's timers fire when they are due; else the kernel may gather them over 50 µs.
    package static func wakePrecisely() { whatif_set_timer_slack(1) }
}
