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

/// `whatif sandbox guard`
enum SandboxGuardCommand: Command {
    static let schema = CommandSchema(
        "sandbox guard", "Look after kept clones: 'whatif clone' starts this by itself.",
        discussion: """
            Reads from standard input who the clones belong to, as 'whatif sandbox list' names it under 'for', a line each,
            and removes them when their time is over, and before a volume that they or their originals write to is full. It
            ends with them. What it removes it says on standard error; started by 'whatif clone', in 'guard.log' in the state
            directory. Needs root.
            """)

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("removing clones")
        let state = try StateDirectory.standard()
        var owners: [String] = []
        while let line = readLine() { owners.append(line) }
        let journal = try Journal(state.journal)
        var wards = try owners.compactMap { try Ward($0, journal, state) }
        // 'lab down' ends this with the rest.
        if wards.contains(where: { $0.node == "lab" }) { try LabFiles(state).enterForLoad() }
        let clock = SteadyClock()
        while !wards.isEmpty {
            usleep(1_000_000)
            var left: [Ward] = []
            for var ward in wards where try ward.look(at: Timestamp(nanoseconds: clock.now)) { left.append(ward) }
            wards = left
        }
        return .done
    }
}

/// The clones of one command, of one moment.
private struct Ward {
    private let owner: String
    private let journal: Journal
    private let state: StateDirectory
    private let connect: String
    let node: String?
    private var room: RoomWatch

    /// Nil when there is nothing of it.
    init?(_ owner: String, _ journal: Journal, _ state: StateDirectory) throws {
        let entries = try journal.entries().filter { $0.owner == owner }
        guard let first = entries.first else { return nil }
        (self.owner, self.journal, self.state) = (owner, journal, state)
        (connect, node) = (first.connect, first.node)
        room = RoomWatch(entries)
    }

    /// False when they are gone, or somebody else's to remove.
    mutating func look(at now: Timestamp) throws -> Bool {
        guard FileManager.default.fileExists(atPath: state.journal),
            let until = try journal.owners()[owner]?.keptUntil
        else { return false }
        let reason: String
        if now > until {
            reason = "their time is over"
        } else {
            do {
                try room.check(at: Double(now.nanoseconds) / 1e9)
                return true
            } catch let error where RoomWatch.isShortage(error) {
                reason = "\(error)"
            } catch {
                // Not known for now, such as where a storage machine does not answer.
                return true
            }
        }
        guard let lock = try FileLock.take(state.lock(owner)) else { return false }
        defer { withExtendedLifetime(lock) { _ = unsafe unlink(state.lock(owner)) } }
        Terminal.complain("the clones of \(owner) are ended: \(reason)")
        try journal.release(owner)
        let entries = try journal.entries().filter { $0.owner == owner }
        try Sandbox.remove(entries, node: try Node(connect: connect), journal: journal)
        try journal.forget(owner)
        return false
    }
}

/// A process that looks after kept clones when this one has ended.
final class CloneGuard {
    private let names: Descriptor

    /// It does nothing before this process has ended, and then nothing for what was not named.
    init(_ state: StateDirectory) throws {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        let pipe = try Descriptor.pipe()
        try check("set up a pipe") { fcntl(pipe.reading.raw, F_SETFL, 0) }
        let log = try Descriptor.open(state.path + "/guard.log", O_WRONLY | O_CREAT | O_APPEND)
        _ = try ChildProcess([program, "sandbox", "guard"], input: pipe.reading.raw, errors: log.raw)
        names = pipe.writing
    }

    func lookAfter(_ owner: String) throws { try names.writeAll(Array("\(owner)\n".utf8)) }
}
