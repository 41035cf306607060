import Foundation
import Glibc
import OperatingSystem
import Store
import Synchronization
import Testing

/// The program as a user runs it, with a state directory of the tests' own.
enum Whatif {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let binary = root + "/.build/debug/whatif"
    /// A path without this process's number: the lab's cgroup is named after it, and a test run that was killed is
    /// cleaned up by the next. Of two runs beside each other, one has to say another.
    static let state = ProcessInfo.processInfo.environment["WHATIF_TESTS_STATE"] ?? "/var/lib/whatif-tests"

    /// What a campaign of one tier has in the journal: subvolume, bridge, rules, interface, domain.
    static let thingsOfACampaign = 5

    static func prepare() {
        unsafe setenv("WHATIF_STATE", state, 1)
        unsafe setenv("WHATIF_SANDBOX", root + "/Sandbox", 1)
    }

    @discardableResult
    static func run(_ arguments: String...) throws -> ProgramResult { try run(arguments) }

    @discardableResult
    static func run(_ arguments: [String]) throws -> ProgramResult {
        prepare()
        return try ChildProcess.run([binary] + arguments)
    }

    /// Starts it and returns at once; its standard error goes to a file of that name in the state directory. At that of its
    /// `FaultPoint`s it is killed.
    static func start(_ arguments: [String], log: String, killedAt moment: Int? = nil) throws -> ChildProcess {
        prepare()
        let words = moment.map { ["env", "WHATIF_KILL_AT=\($0)"] } ?? []
        let errors = try Descriptor.open("\(state)/\(log)", O_WRONLY | O_CREAT | O_TRUNC)
        return try ChildProcess(words + [binary] + arguments, output: errors.raw, errors: errors.raw)
    }

    /// Runs a campaign to its end, and asks meanwhile what its clones have: each answer once.
    static func campaign(
        _ file: String, _ ask: (String) throws -> String
    ) throws -> (status: Int32, seen: Set<String>) {
        let run = try start(["run", file], log: "run.log")
        let journal = try Journal(state + "/journal.db")
        var seen: Set<String> = []
        while true {
            if let status = run.poll() { return (status, seen) }
            usleep(50_000)
            for clone in try journal.entries() where clone.kind == .domain { seen.insert(try ask(clone.identifier)) }
        }
    }

    static func log(_ name: String) -> String {
        (try? String(contentsOfFile: "\(state)/\(name)", encoding: .utf8)) ?? ""
    }

    /// Waits until a condition holds; false when it does not within `seconds`.
    static func wait(seconds: Double, until condition: () throws -> Bool) rethrows -> Bool {
        let clock = SteadyClock()
        let deadline = clock.now + Int64(seconds * 1e9)
        while clock.now < deadline {
            if try condition() { return true }
            usleep(500)
        }
        return false
    }
}

/// The lab for a whole suite: up before, whatever happens between. One that the suite before has left as it was when it came
/// up is taken as it is; `NoLabTrait` takes the last one down.
struct LabTrait: SuiteTrait, TestScoping {
    /// What is in it beside the service, as the command has it.
    var further: [String] = []

    private struct Lab {
        var further: [String]
        var print: String
    }

    private static let current = Mutex<Lab?>(nil)

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let isThere = Self.current.withLock { lab in lab?.further == further && lab?.print == (try? Self.print(further))
        }
        if !isThere {
            Self.down()
            let up = try ChildProcess.run([Whatif.binary, "lab", "up"] + further.flatMap { ["--with", $0] })
            guard up.status == 0 else {
                Issue.record("the lab does not come up: \(up.errors)")
                return
            }
            let new = Lab(further: further, print: try Self.print(further))
            Self.current.withLock { $0 = new }
        }
        try await function()
    }

    /// What a suite that follows may rely on: that the same domains run with the same definitions and settings, and nothing
    /// else is there. A machine may have been started again since, which counts on.
    private static func print(_ further: [String]) throws -> String {
        let machines = further.isEmpty ? "" : try LabHost.machines(["vm1", "vm2", "store1"])
        return (try LabHost.production() + LabHost.inventory() + machines).replacing(
            /\sid='\d+'|vnet\d+|\/dev\/pts\/\d+|domain-\d+-/, with: "")
    }

    static func down() {
        current.withLock { $0 = nil }
        for _ in 0..<20 {
            guard let down = try? Whatif.run("lab", "down"), down.status != 0 else { break }
            usleep(200_000)
        }
    }
}

/// A suite that finds no lab, and leaves none.
struct NoLabTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        LabTrait.down()
        defer { LabTrait.down() }
        try await function()
    }
}

extension Trait where Self == LabTrait {
    static var lab: Self { LabTrait() }
    static var labWithMachines: Self { LabTrait(further: ["vm", "storage"]) }
}

extension Trait where Self == NoLabTrait {
    static var noLab: Self { NoLabTrait() }
}

/// Looks into the lab's private host from outside, with tools that we did not write.
enum LabHost {
    static func run(_ command: [String]) throws -> ProgramResult {
        let pid = try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber)
        return try ChildProcess.run(
            ["nsenter", "--target", pid, "--net", "--mount", "--uts", "--cgroup", "--ipc", "--"] + command)
    }

    /// A program on the lab's host that goes on by itself.
    static func start(_ command: [String]) throws -> ChildProcess {
        let pid = try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber)
        return try ChildProcess(["nsenter", "--target", pid, "--net", "--"] + command)
    }

    static func virsh(_ arguments: String...) throws -> String {
        try run(["virsh", "--connect", "lxc:///system"] + arguments).output
    }

    /// Of virtual machines: how they are defined, now and for the next start, and whether they run.
    static func machines(_ names: [String]) throws -> String {
        // In one run of virsh, most of whose time is its start.
        let words = names.map { "dumpxml \($0); dumpxml --inactive \($0); domstate \($0); " }.joined()
        return try run(["virsh", "--connect", "qemu:///system", words + "list --all --name"]).output
            // Whether the guest's agent has come up is not ours.
            .replacing(/\sstate='(dis)?connected'/, with: "")
    }

    /// The first process of a running container, as seen from outside; nil when there is none.
    static func firstProcess(of domain: String) throws -> String? {
        // libvirt's domain id is the container controller's; its child is the container's first process.
        let leader = try virsh("domid", domain).filter(\.isNumber)
        guard !leader.isEmpty else { return nil }
        return try ChildProcess.run(["pgrep", "--parent", leader]).output.split(separator: "\n").first.map(String.init)
    }

    /// What the auction's database in a container says; nothing while it does not answer.
    static func psql(_ domain: String, _ statement: String) throws -> String {
        guard let process = try firstProcess(of: domain) else { return "" }
        return try ChildProcess.run([
            "nsenter", "--target", process, "--mount", "--net", "--ipc", "--pid", "--root", "--wd", "--", "setpriv",
            "--reuid=postgres", "--regid=postgres", "--init-groups", "psql", "-d", "auction", "-A", "-t", "-c",
            statement,
        ]).output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A capture on an interface of the lab's host that has begun; it ends by itself after `seconds`.
    static func sniff(_ interface: String, _ filter: String = "", seconds: Int, to path: String) throws -> ChildProcess
    {
        try? FileManager.default.removeItem(atPath: path)
        let sniffer = try ChildProcess(
            [
                "nsenter", "--target",
                try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber),
                "--net", "--mount", "--", "timeout", "\(seconds)", "tcpdump", "-n", "-U", "-i", interface, "-w", path,
                filter,
            ])
        #expect(Whatif.wait(seconds: 5) { FileManager.default.fileExists(atPath: path) })
        return sniffer
    }

    /// Everything a sandbox could leave behind: domains, interfaces, rules, subvolumes.
    static func inventory() throws -> String {
        let links = try run(["ip", "-oneline", "link", "show"]).output.split(separator: "\n").compactMap {
            $0.split(separator: " ").dropFirst().first
        }
        return [
            try virsh("list", "--all", "--name"), links.sorted().joined(separator: " "),
            try run(["nft", "list", "tables"]).output, try run(["ip", "netns", "list"]).output,
            try run(["ls", Whatif.state + "/lab/volume"]).output,
        ].joined(separator: "\n")
    }

    /// What must not change on the on-line domains: their definition and their scheduling.
    static func production() throws -> String {
        // In one run of virsh, most of whose time is its start.
        try virsh(
            ["web1", "app1", "db1"].map { "dumpxml \($0); schedinfo \($0); domid \($0)" }.joined(separator: "; "))
    }
}

/// The auction service under load, for as long as this lives. The usual rate is a third of what the application can do
/// with its CPU: also on a machine half as fast no queue builds up, and a clone answers what the original did.
final class Load {
    private let process: ChildProcess

    init(rate: Int = 8) throws { process = try Whatif.start(["lab", "load", "--rate", "\(rate)"], log: "load.log") }

    func end() {
        kill(process.pid, SIGINT)
        process.wait()
    }
}
