import Model
import OperatingSystem
import Proxies
import Synchronization

/// One experiment on a thread of its own, so that several sandboxes can be used at once and any of them be given up.
final class ExperimentThread: Sendable {
    struct Progress: Sendable {
        var phase: Experiment.Phase
        var sent = 0
        var answered = 0
    }

    private let progressNow = Mutex<Progress?>(nil)
    private let result = Mutex<Result<Experiment.Result, any Error>?>(nil)
    private let abandonment: Abandonment
    private let thread: Mutex<WorkerThread?> = Mutex(nil)

    /// `ended` is signalled when it has. Nobody else uses the bench until then.
    init(_ bench: Workbench, _ allocation: Allocation, isControl: Bool, ended: WakeUp) throws {
        abandonment = bench.abandonment
        abandonment.isAsked = false
        nonisolated(unsafe) let bench = bench
        let worker = try WorkerThread("experiment") { [self] in
            let outcome = Result {
                let experiment = unsafe Experiment(bench: bench, allocation: allocation, isControl: isControl) {
                    [self] phase, progress in
                    let now = Progress(phase: phase, sent: progress?.sent ?? 0, answered: progress?.answered ?? 0)
                    progressNow.withLock { $0 = now }
                }
                return try experiment.run()
            }
            result.withLock { $0 = outcome }
            ended.signal()
        }
        thread.withLock { $0 = worker }
    }

    var progress: Progress? { progressNow.withLock { $0 } }

    var hasEnded: Bool { result.withLock { $0 != nil } }

    var isAbandoned: Bool { abandonment.isAsked }

    /// It ends soon, by removing what it made, with `Abandoned`.
    func abandon() { abandonment.isAsked = true }

    /// Waits for the end.
    func outcome() throws -> Experiment.Result {
        try thread.withLock { $0 }?.join()
        guard let result = result.withLock({ $0 }) else { throw Abandoned() }
        return try result.get()
    }
}
