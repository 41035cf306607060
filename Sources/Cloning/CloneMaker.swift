import Glibc
package import Hypervisor
package import Model
package import OperatingSystem
package import Store
import Volumes

/// Makes and removes the clones of a sandbox: snapshots, bridge, rules, domains, each in the journal before it exists.
package final class CloneMaker {
    let node: Node
    private let nodeName: String?
    let journal: Journal
    private let owner: String
    private let clock: SteadyClock
    /// Of what is there now.
    private var room: RoomWatch?

    /// Free space below which a snapshot is refused: a clone writes logs and temporary files while it runs.
    static let roomNeeded: Int64 = 64 << 20

    /// `owner` names the campaign whose lock the caller holds.
    package init(node: Node, nodeName: String?, journal: Journal, owner: String, clock: SteadyClock) {
        self.node = node
        self.nodeName = nodeName
        self.journal = journal
        self.owner = owner
        self.clock = clock
    }

    /// Chooses names and addresses. Refuses what cannot be cloned, before anything is made. The clone in front is made as
    /// `variant` describes it, if there is one. `sites` are by the domains' names.
    package func plan(
        _ front: DomainDescription, from source: CloneSource = .disk, variant: DomainDescription? = nil,
        by way: CaptureWay? = nil, on sites: [String: VolumeSite] = [:], with joined: [DomainDescription] = [],
        behind: [DomainDescription] = []
    ) throws -> SandboxPlan {
        var taken: Set<IPAddress> = []
        let obstacles = variant.map { CloneVariant.obstacles($0, of: front) } ?? []
        guard obstacles.isEmpty else {
            throw CloneError.unsupported(
                domain: front.name, "as the variant describes it: \(obstacles.joined(separator: "; "))")
        }
        let plan = { (original: DomainDescription, source: CloneSource, variant: DomainDescription?) in
            try Self.requireDriver(of: original)
            var identity: CloneIdentity
            repeat {
                identity = try self.identity(for: original)
            } while !taken.isDisjoint(with: CloneIdentity.outsideAddresses(of: identity.id))
            taken.formUnion(CloneIdentity.outsideAddresses(of: identity.id))
            let site = sites[original.name] ?? VolumeSite()
            return ClonePlan(
                identity: identity, original: original, variant: variant,
                beginning: try self.beginning(of: original, source, on: site), site: site, way: way)
        }
        return SandboxPlan(
            front: try plan(front, source, variant), joined: try joined.map { try plan($0, .disk, nil) },
            behind: try behind.map { try plan($0, .disk, nil) })
    }

    /// Refuses domains of drivers that take no snapshots, such as Xen's.
    package static func requireDriver(of domain: DomainDescription) throws(CloneError) {
        guard !domain.isMachine, domain.type != "lxc" else { return }
        throw .unsupported(
            domain: domain.name,
            "not supported by this driver: libvirt's for \(domain.type) domains takes no snapshots of memory or disks; LXC "
                + "containers and QEMU machines are cloned")
    }

    /// An image by its path on the node without links and in full: it is named in another file's header.
    package static func resolved(_ source: CloneSource) throws(SystemError) -> CloneSource {
        guard case .image(let path) = source else { return source }
        guard let real = unsafe realpath(path, nil) else { throw SystemError("find the image \(path)") }
        defer { unsafe free(real) }
        return .image(unsafe String(cString: real))
    }

    /// Refuses what cannot be cloned so.
    private func beginning(
        of original: DomainDescription, _ source: CloneSource, on site: VolumeSite
    ) throws -> ClonePlan.Beginning {
        if original.isMachine { return .machine(try MachineBeginning(original, source, on: site)) }
        let refuse = { (reason: String) in CloneError.unsupported(domain: original.name, reason) }
        guard original.shared.isEmpty else {
            throw refuse("a clone would share with production: \(original.shared.joined(separator: ", "))")
        }
        switch source {
        case .memory:
            throw refuse("libvirt's driver for containers does not save their memory; clone its disk")
        case .image(let path): return .container(subvolume: path)
        case .disk:
            guard let root = original.root else { throw refuse("its XML has no <filesystem> with the target '/'") }
            return .container(subvolume: root)
        }
    }

    private func identity(for original: DomainDescription) throws -> CloneIdentity {
        guard !original.name.hasPrefix("whatif-") else {
            throw CloneError.unsupported(domain: original.name, "it is a clone itself")
        }
        let addresses = try NodeAddresses.addresses(of: original, node)
        guard let interface = original.interfaces.first, !addresses.isEmpty else {
            throw CloneError.unsupported(
                domain: original.name,
                "no address of its first <interface> is known: neither its XML names one (<ip address='…'/>) nor do "
                    + "the node's DHCP server and neighbour table; say it with --address")
        }
        let identity = CloneIdentity(
            number: .random(in: 1...0xff_fffe), insideAddresses: addresses, insideMAC: interface.mac)
        if let own = identity.addresses.first(where: { CloneIdentity.isOutside($0.inside) }) {
            throw CloneError.unsupported(
                domain: original.name,
                "its address \(own.inside) is where clones have theirs (\(CloneIdentity.outsideNetwork(own.inside.family)))"
            )
        }
        return identity
    }

    /// All snapshots first, so that they are of nearly one moment; then the network, which has to be there when domains
    /// start; then the domains, callees before their callers.
    ///
    /// `attach` is called when bridges and rules stand, to make the proxies' legs (their outer ends are each `port`).
    /// `capture` is of the same machine, for another of its clones; `allocation` is for the clone in front.
    package func make(
        _ plan: SandboxPlan, capture: MachineCapture? = nil, _ allocation: Allocation = Allocation(),
        attach: () throws -> Void
    ) throws -> ClonedTiers {
        room = nil
        let clones = plan.behind + plan.joined + [plan.front]
        try snapshotContainers(clones)
        let captures = try clones.map { try machine($0, capture) }
        try makeNetwork(plan, attach)
        let made = try zip(clones, captures).enumerated().map { index, pair in
            let network = index < plan.behind.count ? SandboxIdentity(front: pair.0.identity) : plan.identity
            let isFront = pair.0.identity == plan.front.identity
            return try start(pair.0, pair.1, in: network, isFront ? allocation : Allocation())
        }
        return ClonedTiers(
            front: made[made.count - 1], joined: Array(made.dropLast().dropFirst(plan.behind.count)),
            behind: Array(made.prefix(plan.behind.count)))
    }

    /// A clone that belongs to no campaign: the proxies' end of its sandbox stands in a network namespace of its own, with
    /// these addresses.
    package func make(
        _ plan: SandboxPlan, neighbours: [IPAddress], capture: MachineCapture? = nil, _ allocation: Allocation
    ) throws -> Clone {
        try make(plan, capture: capture, allocation) {
            let leg = ProxyLeg(plan.identity, neighbours: neighbours)
            let name = plan.identity.namespace
            try record(.namespace, name, plan.front)
            try ChildProcess.succeed(["ip", "netns", "add", name])
            // It would stay as long as somebody works in the namespace.
            try record(.interface, plan.identity.port, plan.front)
            let commands = ["link set dev lo up", leg.link(outer: "\(ProcessIdentity.current)")] + leg.setUp
            try ChildProcess.succeed(
                ["ip", "-netns", name, "-batch", "-"], input: commands.joined(separator: "\n") + "\n")
        }.front
    }

    private func makeNetwork(_ plan: SandboxPlan, _ attach: () throws -> Void) throws {
        for (sandbox, owner) in plan.networks {
            try record(.bridge, sandbox.bridge, owner)
            try ChildProcess.succeed(
                ["ip", "-batch", "-"],
                input: """
                    link add name \(sandbox.bridge) address \(Self.bridgeMAC(sandbox.front)) type bridge
                    link set dev \(sandbox.bridge) addrgenmode none
                    link set dev \(sandbox.bridge) up
                    """)
            try record(.rules, sandbox.table, owner)
            try Ruleset.apply(SandboxRules.add(sandbox))
        }
        try attach()
        for (sandbox, _) in plan.networks {
            try ChildProcess.succeed(
                ["ip", "-batch", "-"],
                input: """
                    link set dev \(sandbox.port) addrgenmode none
                    link set dev \(sandbox.port) master \(sandbox.bridge)
                    link set dev \(sandbox.port) up
                    """)
        }
    }

    private func snapshotContainers(_ clones: [ClonePlan]) throws {
        let containers = clones.compactMap { clone -> (ClonePlan, SnapshotRequest)? in
            guard case .container(let subvolume) = clone.beginning, let name = VolumeName(clone.identity.subvolume)
            else {
                return nil
            }
            return (clone, SnapshotRequest(.subvolume(path: subvolume), name: name, room: Self.roomNeeded))
        }
        let snapshots = try LocalVolumes().plan(containers.map(\.1))
        for (clone, snapshot) in zip(containers.map(\.0), snapshots) { try record(.subvolume, snapshot.path, clone) }
        try LocalVolumes().make(snapshots)
    }

    private func start(
        _ clone: ClonePlan, _ capture: MachineCapture?, in sandbox: SandboxIdentity, _ allocation: Allocation
    ) throws -> Clone {
        let identity = clone.identity
        // libvirt makes and removes it with the domain, unless libvirtd is killed between.
        try record(.interface, identity.device, clone)
        try record(.domain, identity.domain, clone)
        let domain: Domain
        do {
            domain = try create(clone, capture, in: sandbox, allocation)
        } catch let error as HypervisorError where error.cause == .other || error.cause == .unsupported {
            // What its definition says that the original's does not.
            let changed = allocation.values.filter {
                [.variant, .processors, .vcpus].contains($0.key) && $0.value != .asIs
            }
            guard let (resource, setting) = changed.min(by: { $0.key < $1.key }) else { throw error }
            throw AllocationError.refused(
                resource, domain: identity.domain, wanted: setting, reason: error.message)
        }
        let made = Clone(
            identity: identity, original: clone.original.name, domain: domain, root: clone.root, capture: capture)
        NodeAddresses.silence(identity.device)
        try give(allocation, to: made, of: sandbox)
        // From a memory image it stands until it has what it is to have.
        if capture?.memory != nil { try domain.resume() }
        return made
    }

    private func create(
        _ clone: ClonePlan, _ capture: MachineCapture?, in sandbox: SandboxIdentity, _ allocation: Allocation
    ) throws -> Domain {
        switch clone.beginning {
        case .container:
            let xml = try (clone.variant ?? clone.original).clone(
                named: clone.identity.domain, root: clone.root ?? "", bridge: sandbox.bridge,
                device: clone.identity.device, processors: allocation[.processors]?.name)
            return try node.create(xml)
        case .machine: return try create(clone, capture, bridge: sandbox.bridge, allocation)
        }
    }

    /// Throws when a volume that originals and clones share is about to be full.
    package func requireRoom() throws {
        if room == nil { room = RoomWatch(try journal.entries().filter { $0.owner == owner }) }
        try room?.check(at: Double(clock.now) / 1e9)
    }

    /// A fixed address: an automatic one equals a port's and swallows frames.
    private static func bridgeMAC(_ identity: CloneIdentity) -> String {
        identity.outsideMAC.replacingPrefix("52:54:60", with: "52:54:61")
    }

    func record(_ kind: JournalEntry.Kind, _ identifier: String, _ clone: ClonePlan) throws {
        try record(kind, identifier, of: clone.identity.id, clone.original.name)
    }

    func record(_ kind: JournalEntry.Kind, _ identifier: String, of clone: String, _ original: String) throws {
        _ = try journal.record(
            kind, identifier, clone: clone, owner: owner, node: nodeName, connect: node.uri, original: original,
            at: Timestamp(nanoseconds: clock.now))
    }

    /// Removes everything of this sandbox that the journal knows, also what was begun and not finished.
    package func remove(_ plan: SandboxPlan) throws {
        let clones = Set((plan.behind + plan.joined + [plan.front]).map(\.identity.id))
        let entries = try journal.entries().filter { clones.contains($0.clone) && $0.owner == owner }
        try Sandbox.remove(entries, node: node, journal: journal)
        room = nil
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }
}
