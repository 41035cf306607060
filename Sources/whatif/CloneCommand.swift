import Arguments
import Cloning
import Experimenter
import Glibc
import Hypervisor
import Model
import OperatingSystem
import Report
import Store

/// `whatif clone DOMAIN`
enum CloneCommand: Command {
    static let schema = CommandSchema(
        "clone", "Make a harmless twin of a running domain, which goes on undisturbed.",
        discussion: """
            The clone keeps its address and MAC inside, and reaches nothing but a network namespace of its own, which stands
            where the domain's neighbours stand on-line: 'whatif sandbox exec ID -- COMMAND' runs a command there. It stays
            until 'whatif sandbox remove ID'; with --for, 'whatif sandbox gc' removes it after that time; with --wait, it
            goes when this command ends. What it begins with is a snapshot of the original's disk, or an image that was
            stored before. Needs root.

            '--json' writes a list: id, domain, address, made (seconds it took).
            """,
        operands: [.init("DOMAIN", "The domain to clone, as 'virsh list' names it.")],
        options: [
            .value("connect", "URI", "libvirt of the node (default lxc:///system)."),
            .value("node", "NAME", "The private host to enter first: lab."),
            .value("image", "PATH", "Begin with this stored image (a btrfs subvolume) and not with the domain's disk."),
            .value("cpu", "SHARE", "CPU quota, such as 60% of one core (default: as the original)."),
            .value("prepare", "COMMAND", "Run this inside the clone when it is there, until it succeeds."),
            .value("boot-limit", "DURATION", "How long --prepare may take (default 60 s)."),
            .repeated(
                "neighbour", "ADDRESS",
                "An address that stands behind the clone's network (default: the node's own on the domain's bridge)."),
            .value("count", "N", "Make so many clones, each in a sandbox of its own (default 1)."),
            .value("for", "DURATION", "Keep it no longer than this."),
            .flag("wait", "Keep it until Ctrl-C, or until the time of --for is over, and remove it then."),
            .flag("json", "The clones as a JSON list."),
        ])

    private struct Line: Encodable {
        var id, domain, address: String
        var made: Double
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("cloning")
        let name = arguments.operand(0) ?? ""
        let period = try Inputs.duration(arguments, "for")
        let count = try Inputs.count(arguments, "count", in: 1...64) ?? 1
        let quota = try arguments.value("cpu").map { text in
            do { return try Resource.cpu.parse(text) } catch { throw UsageError("--cpu: \(error)") }
        }
        let neighbours = try arguments.values("neighbour").map { text in
            guard let address = IPAddress(text), address.v4 != nil else {
                throw UsageError("--neighbour: found '\(text)', expected an IPv4 address")
            }
            return address
        }
        let state = try StateDirectory.standard()
        let (node, nodeName) = try Inputs.node(arguments, state)
        let interrupt = try InterruptSignal()
        let clock = SteadyClock()
        let domain = try Campaign.find(name, node)
        let original = try domain.description()
        let standing = try neighbours.isEmpty ? NodeAddresses.onBridge(of: original) : neighbours

        let source = arguments.value("image").map { CloneSource.image($0) } ?? .disk
        let journal = try Journal(state.journal)
        var made: [KeptClone] = []
        do {
            for _ in 0..<count {
                let begun = clock.now
                let next = try KeptClone(of: original, from: source, on: node, nodeName, state, journal, clock)
                made.append(next)
                let clone = try next.make(neighbours: standing)
                if let quota = try quota ?? domain.cpuQuota() { try clone.domain.setCPUQuota(quota) }
                next.seconds = Double(clock.now - begun) / 1e9
                if interrupt.hasCome { throw Interrupted() }
            }
            if let command = arguments.value("prepare") {
                let limit = try Inputs.duration(arguments, "boot-limit") ?? .seconds(60)
                let preparation = Preparation(tier: name, command: command, limit: limit, secret: nil)
                for clone in made.compactMap(\.clone) {
                    try preparation.run(in: clone, clock: clock) {
                        if interrupt.wait(seconds: $0) == .interrupted { throw Interrupted() }
                    }
                }
            }
            if !arguments.flag("wait") {
                let end = period.map { Timestamp(nanoseconds: clock.now) + $0 } ?? .distantFuture
                for clone in made { try clone.keep(until: end) }
            }
            try show(made, arguments)
            if !arguments.flag("wait") { return .done }
            _ = interrupt.wait(seconds: period?.seconds ?? 1e9)
        } catch {
            do { try remove(made) } catch let left { throw CleanUpError(cause: error, left: left) }
            throw error
        }
        try remove(made)
        return .done
    }

    private static func remove(_ clones: [KeptClone]) throws {
        for clone in clones.reversed() { try clone.remove() }
    }

    private static func show(_ made: [KeptClone], _ arguments: ParsedArguments) throws {
        let lines = made.map { clone in
            Line(
                id: clone.identity.id, domain: clone.identity.domain, address: "\(clone.identity.outsideAddress)",
                made: clone.seconds)
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(lines))
            return
        }
        for line in lines {
            Terminal.print(
                "clone \(line.id) runs as \(line.domain), made in \(Format.decimal(line.made, 2)) s; it answers at "
                    + "\(line.address), from inside 'whatif sandbox exec \(line.id) -- COMMAND'")
        }
    }
}

/// One clone that belongs to no campaign, with an owner in the journal of its own, so that it can go alone.
private final class KeptClone {
    private let owner: String
    private let lock: FileLock
    private let state: StateDirectory
    private let journal: Journal
    private let maker: CloneMaker
    private let plan: SandboxPlan
    private(set) var clone: Clone?
    /// How long it took to make.
    var seconds = 0.0

    var identity: CloneIdentity { plan.front.identity }

    init(
        of original: DomainDescription, from source: CloneSource, on node: Node, _ nodeName: String?,
        _ state: StateDirectory, _ journal: Journal, _ clock: SteadyClock
    ) throws {
        owner = JournalOwner.newName(at: Timestamp(nanoseconds: clock.now))
        guard let lock = try FileLock.take(state.lock(owner)) else { throw CampaignError.busy(owner) }
        self.lock = lock
        self.state = state
        self.journal = journal
        maker = CloneMaker(node: node, nodeName: nodeName, journal: journal, owner: owner, clock: clock)
        plan = try maker.plan(original, from: source)
        try journal.register(
            JournalOwner(name: owner, requester: ProcessIdentity.requester, purpose: "clone of \(original.name)"))
    }

    deinit { withExtendedLifetime(lock) { _ = unsafe unlink(state.lock(owner)) } }

    func make(neighbours: [IPAddress]) throws -> Clone {
        let made = try maker.make(plan, neighbours: neighbours)
        clone = made
        return made
    }

    func keep(until time: Timestamp) throws { try journal.keep(owner, until: time) }

    func remove() throws {
        try journal.release(owner)
        try maker.remove(plan)
        try journal.forget(owner)
    }
}
