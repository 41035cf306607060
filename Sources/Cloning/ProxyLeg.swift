package import Model

/// A leg of the proxies: who they are on it, and to whom it leads.
package struct ProxyLeg: Sendable {
    package let identity: SandboxIdentity
    /// None of them a clone's there; the first of a family is the one that asks.
    package let addresses: [IPAddress]
    private let destinations: [(family: IPAddress.Family, network: String)]

    /// Where the proxies stand for the tiers before and behind the sandbox. Neighbours of a family that no clone of the
    /// sandbox has are left out.
    package init(_ identity: SandboxIdentity, neighbours: [IPAddress]) {
        self.identity = identity
        addresses = neighbours.filter { identity.families.contains($0.family) }
        destinations = identity.families.map { ($0, CloneIdentity.outsideNetwork($0)) }
    }

    /// To a clone behind the proxies, which knows them as those who call it on-line.
    package init(behind clone: CloneIdentity, callers: [IPAddress]) {
        identity = SandboxIdentity(front: clone)
        addresses = callers.filter { clone.pair($0.family) != nil }
        destinations = clone.addresses.map { ($0.outside.family, "\($0.outside)/\($0.outside.width)") }
    }

    /// A command of `ip` that makes it where the proxies are. Its other end, the bridge's port, is in the network namespace
    /// `outer`: a process's number, or a name.
    package func link(outer: String) -> String {
        "link add name \(identity.leg) type veth peer name \(identity.port) netns \(outer)"
    }

    /// Commands of `ip` that give it its addresses and its ways, where the proxies are.
    ///
    /// It asks nobody for a clone's MAC over IPv6: neighbours are solicited in the clone's direction only. Nor does it look
    /// whether others have its addresses, as the clones' neighbours have them on-line.
    package var setUp: [String] {
        let leg = identity.leg
        return ["link set dev \(leg) address \(identity.legMAC) addrgenmode none"]
            + addresses.map { address in
                "address add \(address)/\(address.width) dev \(leg)" + (address.family == .v6 ? " nodad" : "")
            } + ["link set dev \(leg) up"]
            + destinations.map { family, network in
                let source = addresses.first { $0.family == family && !$0.isLinkLocal }
                return "route add \(network) dev \(leg)" + (source.map { " src \($0)" } ?? "")
            }
            + identity.clones.compactMap { clone in
                clone.pair(.v6).map {
                    "neighbour add \($0.outside) lladdr \(clone.outsideMAC) dev \(leg) nud permanent"
                }
            }
    }
}
