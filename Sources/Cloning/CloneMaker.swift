package import Hypervisor
import Model
package import OperatingSystem
package import Store
import Volumes

/// Why a clone could not be made.
package enum CloneError: Error, Sendable, CustomStringConvertible {
    case unsupported(domain: String, String)
    case doesNotBoot(domain: String, within: Duration, lastWords: String)

    package var description: String {
        switch self {
        case .unsupported(let domain, let reason): "cannot clone \(domain): \(reason)"
        case .doesNotBoot(let domain, let limit, let words):
            "the clone of \(domain) did not answer within \(Format.duration(limit)); raise 'boot-limit' in the service file "
                + "if it is merely slow"
                + (words.isEmpty ? "" : "; its console ends with: \(words)")
        }
    }
}

/// A clone that exists, and how to be rid of it.
package struct Clone: Sendable {
    package let identity: CloneIdentity
    package let domain: Domain
}

/// Makes and removes clones of containers: snapshot, bridge, rules, domain, each in the journal before it exists.
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

    /// Chooses names and addresses for a clone of `original`. Refuses what cannot be cloned, before anything is made.
    package func identity(for original: DomainDescription) throws -> CloneIdentity {
        guard original.type == "lxc" else {
            throw CloneError.unsupported(
                domain: original.name, "it is a \(original.type) domain; this version clones LXC containers")
        }
        guard original.root != nil else {
            throw CloneError.unsupported(domain: original.name, "its XML has no <filesystem> with the target '/'")
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

    /// Everything but the domain: the network has to be there when the domain starts.
    ///
    /// `attach` is called when bridge and rules stand, to make the proxies' leg (its outer end is `identity.port`).
    package func make(
        _ identity: CloneIdentity, of original: DomainDescription, attach: () throws -> Void
    ) throws -> Clone {
        guard let root = original.root else {
            throw CloneError.unsupported(domain: original.name, "it has no root directory")
        }
        let path = Self.parent(of: root) + "/" + identity.subvolume
        try record(.subvolume, path, identity, original)
        try Subvolume.snapshot(root, to: path, needed: Self.roomNeeded)

        try record(.bridge, identity.bridge, identity, original)
        try ChildProcess.succeed(
            ["ip", "-batch", "-"],
            input: """
                link add name \(identity.bridge) address \(Self.bridgeMAC(identity)) type bridge
                link set dev \(identity.bridge) addrgenmode none
                link set dev \(identity.bridge) up
                """)
        try record(.rules, identity.table, identity, original)
        try Ruleset.apply(SandboxRules.add(identity))
        try attach()
        try ChildProcess.succeed(
            ["ip", "-batch", "-"],
            input: """
                link set dev \(identity.port) addrgenmode none
                link set dev \(identity.port) master \(identity.bridge)
                link set dev \(identity.port) up
                """)

        let xml = try original.clone(
            named: identity.domain, root: path, bridge: identity.bridge, device: identity.device)
        // libvirt makes and removes it with the domain, unless libvirtd is killed between.
        try record(.interface, identity.device, identity, original)
        try record(.domain, identity.domain, identity, original)
        return Clone(identity: identity, domain: try node.create(xml))
    }

    /// Throws when the volume that original and clone share is about to be full.
    package func requireRoom(for original: DomainDescription) throws {
        if let root = original.root { try Subvolume.requireRoom(root, needed: Self.roomKept) }
    }

    /// A fixed address: an automatic one equals a port's and swallows frames.
    private static func bridgeMAC(_ identity: CloneIdentity) -> String {
        identity.outsideMAC.replacingPrefix("52:54:60", with: "52:54:61")
    }

    private static func parent(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast()
        return parts.isEmpty ? "" : "/" + parts.joined(separator: "/")
    }

    private func record(
        _ kind: JournalEntry.Kind, _ identifier: String, _ identity: CloneIdentity, _ original: DomainDescription
    ) throws {
        _ = try journal.record(
            kind, identifier, clone: identity.id, owner: owner, node: nodeName, connect: node.uri,
            original: original.name, at: Timestamp(nanoseconds: clock.now))
    }

    /// Removes everything of this clone that the journal knows, also what was begun and not finished.
    package func remove(_ identity: CloneIdentity) throws {
        let entries = try journal.entries().filter { $0.clone == identity.id && $0.owner == owner }
        try Sandbox.remove(entries, node: node, journal: journal)
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }
}
