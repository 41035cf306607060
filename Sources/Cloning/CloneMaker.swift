package import Hypervisor
package import Model
package import OperatingSystem
package import Store
import Volumes

/// Why a clone could not be made.
package enum CloneError: Error, Sendable, CustomStringConvertible {
    case unsupported(domain: String, String)
    case doesNotBoot(domain: String, within: Duration, lastWords: String)
    /// `status` is nil when the time was over before it ended.
    case notPrepared(tier: String, command: String, status: Int32?, within: Duration, complaint: String)

    package var description: String {
        switch self {
        case .unsupported(let domain, let reason): "cannot clone \(domain): \(reason)"
        case .doesNotBoot(let domain, let limit, let words):
            "the clone of \(domain) did not answer within \(Format.duration(limit)); raise 'boot-limit' in the service file "
                + "if it is merely slow"
                + (words.isEmpty ? "" : "; its console ends with: \(words)")
        case .notPrepared(let tier, let command, let status, let limit, let complaint):
            "the clone of tier \(tier) was not prepared within \(Format.duration(limit)): '\(command)' "
                + (status.map { "ended with exit code \($0)" } ?? "did not end; raise 'boot-limit' if it is merely slow")
                + (complaint.isEmpty ? "" : "; it said last: \(complaint)")
        }
    }
}

/// A clone that exists, and how to be rid of it.
package struct Clone: Sendable {
    package let identity: CloneIdentity
    /// The name of the domain it was made from.
    package let original: String
    package let domain: Domain
    /// The directory that is its `/`.
    package let root: String
}

/// What a clone's disks begin with.
package enum CloneSource: Sendable, Hashable {
    /// What is on the original's disks now.
    case disk
    /// An image that was stored before: the path of a subvolume.
    case image(String)
}

/// A clone to be made.
package struct ClonePlan: Sendable {
    package let identity: CloneIdentity
    package let original: DomainDescription
    /// The subvolume that its root begins as a snapshot of.
    fileprivate let source: String
}

extension ClonePlan {
    /// Beside what it is a snapshot of.
    fileprivate var root: String {
        let parts = source.split(separator: "/").dropLast()
        return (parts.isEmpty ? "" : "/") + parts.joined(separator: "/") + "/" + identity.subvolume
    }
}

/// Clones to be made. That of the campaign's tier and those that are joined with it share a bridge; each of those that only
/// the proxies ask has one of its own.
package struct SandboxPlan: Sendable {
    package let front: ClonePlan
    /// In the order in which they start.
    package let joined: [ClonePlan]
    /// Behind the proxies.
    package let behind: [ClonePlan]

    package var identity: SandboxIdentity {
        SandboxIdentity(front: front.identity, joined: joined.map(\.identity))
    }

    /// What each bridge is named after.
    fileprivate var networks: [(identity: SandboxIdentity, owner: ClonePlan)] {
        [(identity, front)] + behind.map { (SandboxIdentity(front: $0.identity), $0) }
    }
}

/// The clones of one sandbox.
package struct ClonedTiers: Sendable {
    package let front: Clone
    package let joined: [Clone]
    package let behind: [Clone]
    package var all: [Clone] { behind + joined + [front] }
}

/// Makes and removes the clones of a sandbox: snapshots, bridge, rules, domains, each in the journal before it exists.
package final class CloneMaker {
    private let node: Node
    private let nodeName: String?
    private let journal: Journal
    private let owner: String
    private let clock: SteadyClock

    /// Free space below which a snapshot is refused: a clone writes logs and temporary files while it runs.
    private static let roomNeeded: Int64 = 64 << 20
    /// Free space below which a running clone is given up: the on-line domain writes to the same volume.
    private static let roomKept: Int64 = 16 << 20

    /// `owner` names the campaign whose lock the caller holds.
    package init(node: Node, nodeName: String?, journal: Journal, owner: String, clock: SteadyClock) {
        self.node = node
        self.nodeName = nodeName
        self.journal = journal
        self.owner = owner
        self.clock = clock
    }

    /// Chooses names and addresses. Refuses what cannot be cloned, before anything is made.
    package func plan(
        _ front: DomainDescription, from source: CloneSource = .disk, with joined: [DomainDescription] = [],
        behind: [DomainDescription] = []
    ) throws -> SandboxPlan {
        var taken: Set<IPAddress> = []
        let plan = { (original: DomainDescription, source: CloneSource) in
            var identity: CloneIdentity
            repeat { identity = try self.identity(for: original) } while !taken.insert(identity.outsideAddress).inserted
            return ClonePlan(identity: identity, original: original, source: try self.root(of: original, source))
        }
        return SandboxPlan(
            front: try plan(front, source), joined: try joined.map { try plan($0, .disk) },
            behind: try behind.map { try plan($0, .disk) })
    }

    /// What becomes its clone's root.
    private func root(of original: DomainDescription, _ source: CloneSource) throws -> String {
        switch source {
        case .image(let path): return path
        case .disk:
            guard let root = original.root else {
                throw CloneError.unsupported(
                    domain: original.name, "its XML has no <filesystem> with the target '/'")
            }
            return root
        }
    }

    private func identity(for original: DomainDescription) throws -> CloneIdentity {
        guard !original.name.hasPrefix("whatif-") else {
            throw CloneError.unsupported(domain: original.name, "it is a clone itself")
        }
        guard original.type == "lxc" else {
            throw CloneError.unsupported(
                domain: original.name, "it is a \(original.type) domain; this version clones LXC containers")
        }
        guard original.shared.isEmpty else {
            throw CloneError.unsupported(
                domain: original.name,
                "a clone would share with production: \(original.shared.joined(separator: ", "))")
        }
        guard let interface = original.interfaces.first,
            let address = interface.addresses.first(where: { $0.v4 != nil })
        else {
            throw CloneError.unsupported(
                domain: original.name, "its XML has no <interface> with an IPv4 <ip address='…'/>")
        }
        return CloneIdentity(
            number: .random(in: 1...0xff_fffe), insideAddress: address, insideMAC: interface.mac)
    }

    /// All snapshots first, so that they are of nearly one moment; then the network, which has to be there when domains
    /// start; then the domains, callees before their callers.
    ///
    /// `attach` is called when bridges and rules stand, to make the proxies' legs (their outer ends are each `port`).
    package func make(_ plan: SandboxPlan, attach: () throws -> Void) throws -> ClonedTiers {
        let clones = plan.behind + plan.joined + [plan.front]
        for clone in clones { try record(.subvolume, clone.root, clone) }
        let needed = Self.roomNeeded * Int64(clones.count)
        for clone in clones { try Subvolume.snapshot(clone.source, to: clone.root, needed: needed) }
        try makeNetwork(plan, attach)
        let made = try clones.enumerated().map { index, clone in
            let network = index < plan.behind.count ? SandboxIdentity(front: clone.identity) : plan.identity
            return try start(clone, bridge: network.bridge)
        }
        return ClonedTiers(
            front: made[made.count - 1], joined: Array(made.dropLast().dropFirst(plan.behind.count)),
            behind: Array(made.prefix(plan.behind.count)))
    }

    /// A clone that belongs to no campaign: the proxies' end of its sandbox stands in a network namespace of its own, with
    /// these addresses.
    package func make(_ plan: SandboxPlan, neighbours: [IPAddress]) throws -> Clone {
        try make(plan) {
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

    private func start(_ clone: ClonePlan, bridge: String) throws -> Clone {
        let identity = clone.identity
        let xml = try clone.original.clone(
            named: identity.domain, root: clone.root, bridge: bridge, device: identity.device)
        // libvirt makes and removes it with the domain, unless libvirtd is killed between.
        try record(.interface, identity.device, clone)
        try record(.domain, identity.domain, clone)
        return Clone(identity: identity, original: clone.original.name, domain: try node.create(xml), root: clone.root)
    }

    /// Throws when the volume that original and clone share is about to be full.
    package func requireRoom(for original: DomainDescription) throws {
        if let root = original.root { try Subvolume.requireRoom(root, needed: Self.roomKept) }
    }

    /// A fixed address: an automatic one equals a port's and swallows frames.
    private static func bridgeMAC(_ identity: CloneIdentity) -> String {
        identity.outsideMAC.replacingPrefix("52:54:60", with: "52:54:61")
    }

    private func record(_ kind: JournalEntry.Kind, _ identifier: String, _ clone: ClonePlan) throws {
        _ = try journal.record(
            kind, identifier, clone: clone.identity.id, owner: owner, node: nodeName, connect: node.uri,
            original: clone.original.name, at: Timestamp(nanoseconds: clock.now))
    }

    /// Removes everything of this sandbox that the journal knows, also what was begun and not finished.
    package func remove(_ plan: SandboxPlan) throws {
        let clones = Set((plan.behind + plan.joined + [plan.front]).map(\.identity.id))
        let entries = try journal.entries().filter { clones.contains($0.clone) && $0.owner == owner }
        try Sandbox.remove(entries, node: node, journal: journal)
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }
}
