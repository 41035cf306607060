import Arguments
import Cloning
import Experimenter
import Foundation
import Glibc
import Hypervisor
import Lab
import Model
import OperatingSystem
import Store

/// `whatif sandbox remove ID...`
enum SandboxRemoveCommand: Command {
    static let schema = CommandSchema(
        "sandbox remove", "Remove clones, with everything that was made for them.",
        discussion: "What belongs to a campaign that runs is refused: interrupt the campaign. Needs root.",
        operands: [.init("ID", "A clone, as 'whatif sandbox list' names it.", isRepeated: true)])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("removing clones")
        let holdings = try Holdings(try StateDirectory.standard())
        // Those that were made with one command from one moment of a machine go together.
        let owners = try arguments.operands.flatMap { try holdings.entries(of: $0).map(\.owner) }.uniqued()
        let entries = holdings.entries.filter { owners.contains($0.owner) }
        let locks = try owners.map { owner in
            guard let lock = try FileLock.take(holdings.state.lock(owner)) else { throw CampaignError.busy(owner) }
            return lock
        }
        defer { withExtendedLifetime(locks) { for owner in owners { _ = unsafe unlink(holdings.state.lock(owner)) } } }
        // If this is killed, the collector goes on with it.
        for owner in owners { try holdings.journal.release(owner) }
        try Removal.remove(entries, holdings.state, holdings.journal)
        for owner in owners { try holdings.journal.forget(owner) }
        Terminal.print("removed \(Removal.summary(entries))")
        return .done
    }
}

/// `whatif sandbox gc`
enum SandboxCollectCommand: Command {
    static let schema = CommandSchema(
        "sandbox gc", "Remove what ended campaigns have left behind; running ones are not touched.",
        discussion: "Safe to run twice, and beside a running campaign. Needs root.")

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("removing clones")
        let state = try StateDirectory.standard()
        try closeRecords(state)
        let holdings = try Holdings(state)
        let entries = holdings.entries.filter { holdings.state(of: $0) == .abandoned }
        defer { removeLocks(holdings) }
        if entries.isEmpty {
            let others = holdings.entries.isEmpty ? "" : "; \(holdings.entries.count) things are in use or kept"
            Terminal.print("nothing to remove" + others)
            return .done
        }
        try Removal.remove(entries, state, holdings.journal)
        Terminal.print("removed \(Removal.summary(entries))")
        return .done
    }

    /// A killed campaign could not write that it had ended.
    private static func closeRecords(_ state: StateDirectory) throws {
        let store = try MatrixStore(state.matrices)
        let running = try store.heads().heads.filter { $0.record.state == .running }
        let ended = try Sandbox.ended(Set(running.map(\.record.id)), in: state)
        for id in ended {
            // Read again: it may have come to its end between.
            guard var record = try store.campaign(id), record.state == .running else { continue }
            record.state = .interrupted
            try store.save(record)
        }
    }

    /// Locks and names of owners that have ended and of whom nothing is left. Names are never used again.
    private static func removeLocks(_ holdings: Holdings) {
        let (state, journal) = (holdings.state, holdings.journal)
        guard let locks = try? FileManager.default.contentsOfDirectory(atPath: state.locks),
            let holding = try? Set(journal.entries().map(\.owner)), let known = try? journal.owners().keys,
            let ended = try? Sandbox.ended(Set(locks).union(known).subtracting(holding), in: state)
        else { return }
        for name in ended where !name.hasPrefix(Journal.domainLock) {
            // Held while its file goes: another would hold a lock without a name.
            guard let lock = try? FileLock.take(state.lock(name)) else { continue }
            withExtendedLifetime(lock) {
                try? journal.forget(name)
                try? FileManager.default.removeItem(atPath: state.lock(name))
            }
        }
    }
}

/// The removal of things on whatever node they are.
private enum Removal {
    static func remove(_ entries: [JournalEntry], _ state: StateDirectory, _ journal: Journal) throws {
        // This machine's own first: the private host, once entered, is not left again.
        try remove(entries.filter { $0.node == nil }, journal)
        let inLab = entries.filter { $0.node == "lab" }
        let files = LabFiles(state)
        if !inLab.isEmpty, files.holder == nil {
            // They went with their host.
            try Sandbox.remove(inLab, node: nil, journal: journal)
        } else if !inLab.isEmpty {
            try files.enter()
            try remove(inLab, journal)
        }
    }

    private static func remove(_ entries: [JournalEntry], _ journal: Journal) throws {
        var failure: (any Error)?
        for connect in Set(entries.map(\.connect)) {
            do {
                let node = try Node(connect: connect)
                try Sandbox.remove(entries.filter { $0.connect == connect }, node: node, journal: journal)
            } catch {
                // The other nodes' things are removed all the same.
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    static func summary(_ entries: [JournalEntry]) -> String {
        let (things, clones) = (entries.count, Set(entries.map(\.clone)).count)
        return "\(things) thing\(things == 1 ? "" : "s") of \(clones) clone\(clones == 1 ? "" : "s")"
    }
}
