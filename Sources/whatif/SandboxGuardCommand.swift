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
            for var ward in wards where ward.look(at: Timestamp(nanoseconds: clock.now)) { left.append(ward) }
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
    /// Since when nobody says how much room there is; nil while somebody does.
    private var silentSince: Timestamp?
    /// Since when they are being ended, and when that is tried again.
    private var ending: (since: Timestamp, next: Timestamp)?
    /// What was said last.
    private var told = ""

    /// What is not known for so long is taken for the worst: a thin pool that is full harms the originals.
    private static let longestSilence = Duration.seconds(60)
    /// What cannot be removed is tried again, but not for ever: 'whatif sandbox gc' finds it, too.
    private static let pause = Duration.seconds(10)
    private static let patience = Duration.seconds(3600)

    /// Nil when there is nothing of it.
    init?(_ owner: String, _ journal: Journal, _ state: StateDirectory) throws {
        let entries = try journal.entries().filter { $0.owner == owner }
        guard let first = entries.first else { return nil }
        (self.owner, self.journal, self.state) = (owner, journal, state)
        (connect, node) = (first.connect, first.node)
        room = RoomWatch(entries)
    }

    /// False when they are gone, or somebody else's to remove.
    mutating func look(at now: Timestamp) -> Bool {
        guard FileManager.default.fileExists(atPath: state.journal) else { return false }
        do {
            if let ending {
                guard now >= ending.next else { return true }
                return try end(at: now)
            }
            guard let until = try journal.owners()[owner]?.keptUntil else { return false }
            guard let reason = reasonToEnd(until, at: now) else { return true }
            say("the clones of \(owner) are ended: \(reason)")
            ending = (now, now)
            return try end(at: now)
        } catch {
            say("the clones of \(owner): \(error)")
            guard let ending, now - ending.since > Self.patience else { return true }
            say("the clones of \(owner) are left to 'whatif sandbox gc'")
            return false
        }
    }

    private mutating func reasonToEnd(_ until: Timestamp, at now: Timestamp) -> String? {
        if now > until { return "their time is over" }
        do {
            try room.check(at: Double(now.nanoseconds) / 1e9)
            silentSince = nil
        } catch let error where RoomWatch.isShortage(error) {
            return "\(error)"
        } catch {
            // Such as where a storage machine does not answer for now.
            let since = silentSince ?? now
            silentSince = since
            if now - since > Self.longestSilence { return "nobody says how much room is left: \(error)" }
        }
        return nil
    }

    private mutating func end(at now: Timestamp) throws -> Bool {
        ending?.next = now + Self.pause
        guard let lock = try FileLock.take(state.lock(owner)) else { return false }
        defer { withExtendedLifetime(lock) { _ = unsafe unlink(state.lock(owner)) } }
        if try journal.owners()[owner]?.keptUntil != nil { try journal.release(owner) }
        let entries = try journal.entries().filter { $0.owner == owner }
        try Sandbox.remove(entries, node: try Node(connect: connect), journal: journal)
        try journal.forget(owner)
        return false
    }

    private mutating func say(_ text: String) {
        if text != told { Terminal.complain("\(Date().formatted(.iso8601)) \(text)") }
        told = text
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
