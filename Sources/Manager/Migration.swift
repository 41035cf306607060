package import Hypervisor
import Experimenter
import Model
package import OperatingSystem
import Synchronization

/// Why a domain did not get to another node.
package enum MigrationError: Error, Sendable, CustomStringConvertible {
    case notRunning(String, node: String)
    case paused(String, node: String)
    case busy(String, node: String)
    case cloned(String, file: String)
    case thereAlready(String, node: String)
    case tooLong(String, Duration)
    /// Where it runs now, as far as is known.
    case notVerified(String, reason: String)

    package var description: String {
        switch self {
        case .notRunning(let name, let node): "there is no running domain '\(name)' at \(node)"
        case .paused(let name, let node):
            "\(name) stands at \(node); let it go on first (virsh resume), or find out who stopped it (virsh domstate --reason)"
        case .busy(let name, let node):
            "something is under way with \(name) at \(node) (virsh domjobinfo says what); wait until that is over"
        case .cloned(let name, let file):
            "\(name) writes to \(file) while clones of it live; end these first (whatif sandbox list)"
        case .thereAlready(let name, let node): "\(node) has a domain '\(name)' already; nothing was moved"
        case .tooLong(let name, let limit):
            "\(name) was not there within \(Format.duration(limit)) and goes on where it was: it writes its memory faster than "
                + "it can be sent, or the way is narrow; allow a longer --pause or --within, or more --bandwidth"
        case .notVerified(let name, let reason): "\(name) was migrated, and \(reason)"
        }
    }
}

/// One live migration: checked before, watched, ended in time, and verified.
package struct Migration {
    package struct Report: Sendable, Hashable {
        package var duration: Duration
        /// For how long the domain stood; nil where the hypervisor does not tell.
        package var pause: Duration?
        /// Bytes of memory.
        package var sent: Double?
    }

    private let source: Node
    private let target: Node
    private let interrupt: InterruptSignal

    package init(from source: Node, to target: Node, interrupt: InterruptSignal) {
        (self.source, self.target, self.interrupt) = (source, target, interrupt)
    }

    /// What would be in the way, before anything is done.
    package func check(_ name: String) throws {
        guard let domain = try source.domain(name) else { throw MigrationError.notRunning(name, node: source.uri) }
        switch try domain.state() {
        case .running: break
        case .paused: throw MigrationError.paused(name, node: source.uri)
        case .off, .other: throw MigrationError.notRunning(name, node: source.uri)
        }
        // Somebody else's: neither its terms nor its end are ours.
        if try domain.isBusy() { throw MigrationError.busy(name, node: source.uri) }
        // Where it is then, nobody could bring back to its own disks what it writes meanwhile.
        if let overlay = try domain.overlays().values.min() { throw MigrationError.cloned(name, file: overlay) }
        if try target.domain(name) != nil { throw MigrationError.thereAlready(name, node: target.uri) }
    }

    /// The domain runs on the target then, and nowhere else; or on the source as before, and this throws. An interrupt gives the
    /// migration up.
    package func run(
        _ name: String, _ terms: MigrationTerms, within limit: Duration, report: (MigrationProgress) -> Void
    ) throws -> Report {
        try check(name)
        guard let domain = try source.domain(name) else { throw MigrationError.notRunning(name, node: source.uri) }
        let clock = SteadyClock()
        let begun = clock.now
        let ended = try WakeUp()
        let outcome = Outcome()
        let target = target
        let thread = try WorkerThread("migration") {
            defer { ended.signal() }
            do { _ = try domain.migrate(to: target, terms) } catch {
                outcome.failure.withLock { $0 = error }
            }
            outcome.isOver.withLock { $0 = true }
        }
        var isInterrupted = false
        var isLate = false
        while !outcome.isOver.withLock({ $0 }) {
            let hasCome = interrupt.wait(seconds: Self.look, or: [ended]) == .interrupted
            isInterrupted = isInterrupted || hasCome
            isLate = isLate || Duration.nanoseconds(clock.now - begun) > limit
            // Once more each time: one that came before there was anything to abort had no effect.
            if isInterrupted || isLate { domain.abortMigration() }
            if hasCome { ended.wait(milliseconds: CInt(Self.look * 1000)) }
            if let progress = domain.migrationProgress() { report(progress) }
        }
        try thread.join()
        if let error = outcome.failure.withLock({ $0 }) {
            if isInterrupted { throw Interrupted() }
            throw isLate ? MigrationError.tooLong(name, limit) : error
        }
        let duration = Duration.nanoseconds(clock.now - begun)
        guard let moved = try target.domain(name), try moved.state() == .running else {
            throw MigrationError.notVerified(name, reason: "does not run at \(target.uri); look at both nodes")
        }
        if try source.activeDomains().contains(where: { $0.name == name }) {
            throw MigrationError.notVerified(name, reason: "runs at \(source.uri), too; look at both nodes")
        }
        let last = moved.lastMigration()
        return Report(duration: duration, pause: last?.pause, sent: last?.sent)
    }

    private static let look = 0.2

    private final class Outcome: Sendable {
        let failure = Mutex<(any Error)?>(nil)
        let isOver = Mutex(false)
    }
}
