import Arguments
import Cloning
import Foundation
import Hypervisor
import Lab
import Model
import OperatingSystem
import Report
import Store

/// `whatif sandbox list`
enum SandboxListCommand: Command {
    static let schema = CommandSchema(
        "sandbox list", "List what exists because of us: clones and what they are made of.",
        options: [.flag("json", "A JSON list.")])

    private struct Line: Encodable {
        var kind, identifier, clone, campaign, of, node: String
        var isRunning: Bool
        var seconds: Double
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let state = try StateDirectory.standard()
        let entries = try Journal(state.journal).entries()
        let abandoned = Set(try Sandbox.abandoned(entries, in: state).map(\.id))
        let now = Timestamp(nanoseconds: SteadyClock().now)
        let lines = entries.map {
            Line(
                kind: $0.kind.rawValue, identifier: $0.identifier, clone: $0.clone, campaign: $0.owner, of: $0.original,
                node: $0.node ?? "this machine", isRunning: !abandoned.contains($0.id),
                seconds: (now - $0.created).seconds)
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(lines))
            return .done
        }
        if lines.isEmpty {
            Terminal.print("the sandbox is empty")
            return .done
        }
        var table = TextTable(
            ["kind", "name", "clone", "of", "node", "age", "campaign", ""],
            [.left, .left, .left, .left, .left, .right, .left, .left])
        for line in lines {
            table.add([
                line.kind, line.identifier, line.clone, line.of, line.node, Format.duration(.seconds(line.seconds)),
                line.campaign, line.isRunning ? "running" : "abandoned",
            ])
        }
        Terminal.print(table.text)
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
        let journal = try Journal(state.journal)
        let all = try journal.entries()
        let entries = try Sandbox.abandoned(all, in: state)
        defer { removeLocks(state, journal) }
        if entries.isEmpty {
            Terminal.print(
                "nothing to remove" + (all.isEmpty ? "" : "; \(all.count) things belong to a running campaign"))
            return .done
        }
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
        Terminal.print("removed \(entries.count) things of \(Set(entries.map(\.clone)).count) clones")
        return .done
    }

    /// A killed campaign could not write that it had ended.
    private static func closeRecords(_ state: StateDirectory) throws {
        let store = try MatrixStore(state.matrices)
        let running = try store.campaigns().records.filter { $0.state == .running }
        let ended = try Sandbox.ended(Set(running.map(\.id)), in: state)
        for id in ended {
            // Read again: it may have come to its end between.
            guard var record = try store.campaign(id), record.state == .running else { continue }
            record.state = .interrupted
            try store.save(record)
        }
    }

    /// Locks of campaigns that have ended and of which nothing is left. Names are never used again.
    private static func removeLocks(_ state: StateDirectory, _ journal: Journal) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: state.locks),
            let owners = try? Set(journal.entries().map(\.owner)),
            let ended = try? Sandbox.ended(Set(names).subtracting(owners), in: state)
        else { return }
        for name in ended { try? FileManager.default.removeItem(atPath: state.lock(name)) }
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
}
