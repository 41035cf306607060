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
    private let identity: SandboxIdentity
    private let neighbours: [IPAddress]

    /// `neighbours` are the addresses of the tiers before and behind the sandbox, none of them a clone's; the first is the
    /// one that asks.
    init(_ identity: SandboxIdentity, neighbours: [IPAddress], loop: ReplayLoop) throws {
        self.identity = identity
        self.neighbours = neighbours
        self.loop = loop
        changed = try WakeUp()
    }

    /// Starts the thread and waits until its leg is there: `identity.port`, in the calling process's network namespace.
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
        var lines = [
            "link set dev lo up",
            "link add name \(identity.leg) type veth peer name \(identity.port) netns \(ProcessIdentity.current)",
            "link set dev \(identity.leg) addrgenmode none",
        ]
        for address in neighbours { lines.append("address add \(address)/32 dev \(identity.leg)") }
        lines.append("link set dev \(identity.leg) up")
        let source = neighbours.first.map { " src \($0)" } ?? ""
        lines.append("route add \(CloneIdentity.outsideNetwork) dev \(identity.leg)\(source)")
        return lines.joined(separator: "\n") + "\n"
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
