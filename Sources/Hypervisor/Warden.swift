import CLibvirt
import Model
import OperatingSystem
import Synchronization

/// Breaks off libvirt's work on a domain when the guest stands too long, or when all takes too long. A thread of its own:
/// the one that asked for the work waits for it.
final class Warden: Sendable {
    private let isOver = Mutex(false)
    private let ended: WakeUp
    private let verdict = Mutex<HypervisorError?>(nil)
    private let thread = Mutex<WorkerThread?>(nil)

    /// How far behind the limit it may notice.
    private static let stepMilliseconds: CInt = 5

    init(_ domain: Domain, _ watch: PauseWatch, pauseLimit: Duration, timeLimit: Duration) throws(HypervisorError) {
        let clock = SteadyClock()
        let deadline = clock.now + timeLimit.nanoseconds
        let doing = "capture \(domain.name)"
        do throws(SystemError) {
            ended = try WakeUp()
            let thread = try WorkerThread("warden") { [self] in
                while !isOver.withLock(\.self) {
                    if watch.pause > pauseLimit {
                        breakOff(domain, HypervisorError(doing, stoodFor: watch.pause, limit: pauseLimit))
                    } else if clock.now > deadline {
                        breakOff(domain, HypervisorError(doing, longerThan: timeLimit))
                    }
                    ended.wait(milliseconds: Self.stepMilliseconds)
                }
            }
            self.thread.withLock { $0 = thread }
        } catch {
            throw HypervisorError(doing, error)
        }
    }

    private func breakOff(_ domain: Domain, _ reason: HypervisorError) {
        verdict.withLock { $0 = $0 ?? reason }
        // Refused where it cannot be broken off any more: then it is nearly over.
        unsafe virDomainAbortJob(domain.handle)
    }

    /// Why it was broken off.
    var reason: HypervisorError? { verdict.withLock(\.self) }

    func end() {
        isOver.withLock { $0 = true }
        ended.signal()
        try? thread.withLock(\.self)?.join()
    }
}

extension HypervisorError {
    init(_ doing: String, stoodFor pause: Duration, limit: Duration) {
        self.init(
            doing, message: "it stood for \(Format.duration(pause)), longer than the \(Format.duration(limit)) it may",
            cause: .pauseTooLong)
    }

    init(_ doing: String, longerThan limit: Duration) {
        self.init(doing, message: "it takes longer than \(Format.duration(limit))", cause: .other)
    }
}
