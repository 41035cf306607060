package import Model

/// The names of one sandbox, all derived from the clone that requests are played to: one bridge with a port for each clone
/// and one towards the proxies, and one nft table.
package struct SandboxIdentity: Sendable, Hashable {
    /// The clone of the campaign's tier.
    package let front: CloneIdentity
    /// Those that are cloned along, callees before their callers.
    package let joined: [CloneIdentity]

    package init(front: CloneIdentity, joined: [CloneIdentity] = []) {
        self.front = front
        self.joined = joined
    }

    /// In the order in which they start.
    package var clones: [CloneIdentity] { joined + [front] }

    /// Those of which a clone has an address, IPv4 first.
    package var families: [IPAddress.Family] {
        [.v4, .v6].filter { family in clones.contains { $0.pair(family) != nil } }
    }

    package var table: String { "whatif_\(front.id)" }
    package var bridge: String { "wib\(front.id)" }
    /// The bridge's port towards the proxies, and its other end in their namespace.
    package var port: String { Self.port(of: front.id) }
    static func port(of id: String) -> String { "wil\(id)" }
    package var leg: String { "wip\(front.id)" }
    /// Of the leg. A clone that goes on from a memory image knows its neighbours' MACs, and the bridge hands what it sends
    /// to them to this one.
    package var legMAC: String { "52:54:62" + front.outsideMAC.dropFirst(8) }
    /// The network namespace in which the proxies' end of a clone stands that belongs to no campaign.
    package var namespace: String { "whatif-\(front.id)" }
}
