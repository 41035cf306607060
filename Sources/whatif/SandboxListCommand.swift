import Arguments
import Cloning
import Model
import OperatingSystem
import Report
import Store

/// `whatif sandbox list`
enum SandboxListCommand: Command {
    static let schema = CommandSchema(
        "sandbox list", "List what exists because of us: clones and what they are made of.",
        discussion: """
            'running' belongs to a campaign or a command that runs, 'kept' to a clone that was asked for, until it is removed
            or its time is over; 'abandoned' is what 'whatif sandbox gc' removes.
            """,
        options: [.flag("json", "A JSON list.")])

    private struct Line: Encodable {
        var kind, identifier, clone, campaign, of, node, requester, state: String
        var isRunning: Bool
        var seconds: Double
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let holdings = try Holdings(try StateDirectory.standard())
        let lines = holdings.entries.map { entry in
            Line(
                kind: entry.kind.rawValue, identifier: entry.identifier, clone: entry.clone, campaign: entry.owner,
                of: entry.original, node: entry.node ?? "this machine",
                requester: holdings.owners[entry.owner]?.requester ?? "", state: holdings.state(of: entry).rawValue,
                isRunning: holdings.state(of: entry) != .abandoned, seconds: (holdings.now - entry.created).seconds)
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
            ["kind", "name", "clone", "of", "node", "age", "for", "asked by", ""],
            [.left, .left, .left, .left, .left, .right, .left, .left, .left])
        for line in lines {
            table.add([
                line.kind, line.identifier.replacing("\n", with: ", "), line.clone, line.of, line.node,
                Format.duration(.seconds(line.seconds)),
                line.campaign, line.requester, line.state,
            ])
        }
        Terminal.print(table.text)
        return .done
    }
}

/// What the journal knows at one moment.
struct Holdings {
    enum State: String { case running, kept, abandoned }

    let state: StateDirectory
    let journal: Journal
    let entries: [JournalEntry]
    let owners: [String: JournalOwner]
    let now: Timestamp
    private let abandoned: Set<Int64>

    init(_ state: StateDirectory) throws {
        self.state = state
        journal = try Journal(state.journal)
        now = Timestamp(nanoseconds: SteadyClock().now)
        entries = try journal.entries()
        owners = try journal.owners()
        abandoned = Set(try Sandbox.abandoned(entries, in: state, journal, at: now).map(\.id))
    }

    func state(of entry: JournalEntry) -> State {
        if abandoned.contains(entry.id) { return .abandoned }
        return owners[entry.owner]?.keptUntil == nil ? .running : .kept
    }

    /// What belongs to the clone of that id; an unknown one is refused with those that there are.
    func entries(of clone: String) throws -> [JournalEntry] {
        let found = entries.filter { $0.clone == clone || "whatif-\($0.clone)" == clone }
        guard !found.isEmpty else {
            let known = Set(entries.map(\.clone)).sorted().joined(separator: ", ")
            throw UsageError("there is no clone '\(clone)'; clones here: " + (known.isEmpty ? "none" : known))
        }
        return found
    }
}
