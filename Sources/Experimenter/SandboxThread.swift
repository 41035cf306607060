import Cloning
import Model
import OperatingSystem
import Proxies
import Synchronization

/// The proxies' thread and its network namespace: it stands for every neighbour of the sandbox's clones, at their own
/// addresses.
final class SandboxThread: Sendable {
    private enum Stage: Sendable { case starting, attached, failed(any Error) }

    let loop: ReplayLoop
    private let stage = Mutex(Stage.starting)
    private let changed: WakeUp
    private let thread = Mutex<WorkerThread?>(nil)
    private let legs: [ProxyLeg]

    init(_ legs: [ProxyLeg], loop: ReplayLoop) throws {
        self.legs = legs
        self.loop = loop
        changed = try WakeUp()
    }

    /// Starts the thread and waits until its legs are there: each `identity.port`, in the calling process's network namespace.
    func attach(_ interrupt: InterruptSignal) throws {
        let worker = try WorkerThread("sandbox") { [self] in
            do {
                try Namespaces.leaveNetwork()
                try ChildProcess.succeed(["ip", "-batch", "-"], input: setUp)
                enter(.attached)
                try loop.run()
            } catch {
                enter(.failed(error))
                throw error
            }
        }
        thread.withLock { $0 = worker }
        while true {
            switch stage.withLock({ $0 }) {
            case .attached: return
            case .failed(let error): throw error
            case .starting:
                if interrupt.wait(seconds: 10, or: [changed]) == .interrupted { throw Interrupted() }
                changed.clear()
            }
        }
    }

    private func enter(_ next: Stage) {
        stage.withLock { $0 = next }
        changed.signal()
    }

    /// Throws what ended the thread early.
    func throwFailure() throws {
        if case .failed(let error) = stage.withLock({ $0 }) { throw error }
    }

    private var setUp: String {
        let lines = legs.flatMap { [$0.link(outer: "\(ProcessIdentity.current)")] + $0.setUp }
        return (["link set dev lo up"] + lines).joined(separator: "\n") + "\n"
    }

    func stop() throws {
        loop.stop()
        try thread.withLock { $0 }?.join()
    }
}

/// The run was told to end (SIGINT, SIGTERM or SIGHUP).
package struct Interrupted: Error, Sendable, CustomStringConvertible {
    package init() {}
    package var description: String { "interrupted" }
}
