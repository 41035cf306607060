package import Hypervisor
import Experimenter
import Model
package import OperatingSystem
import Synchronization

/// Why a domain did not get to another node.
package enum MigrationError: Error, Sendable, CustomStringConvertible {
    case notRunning(String, node: String)
    case thereAlready(String, node: String)
    case tooLong(String, Duration)
    /// Where it runs now, as far as is known.
    case notVerified(String, reason: String)

    package var description: String {
        switch self {
        case .notRunning(let name, let node): "there is no running domain '\(name)' at \(node)"
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
        guard try source.domain(name)?.isActive == true else { throw MigrationError.notRunning(name, node: source.uri) }
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
            if hasCome, !isInterrupted {
                isInterrupted = true
                domain.abortMigration()
            }
            if Duration.nanoseconds(clock.now - begun) > limit, !isLate {
                isLate = true
                domain.abortMigration()
            }
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
        if let left = try source.domain(name), left.isActive {
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
