package import Model

/// A leg of the proxies: who they are on it, and to whom it leads.
package struct ProxyLeg: Sendable {
    package let identity: SandboxIdentity
    /// None of them a clone's there; the first is the one that asks.
    package let addresses: [IPAddress]
    package let destination: String

    /// Where the proxies stand for the tiers before and behind the sandbox.
    package init(_ identity: SandboxIdentity, neighbours: [IPAddress]) {
        self.identity = identity
        addresses = neighbours
        destination = CloneIdentity.outsideNetwork
    }

    /// To a clone behind the proxies, which knows them as those who call it on-line.
    package init(behind clone: CloneIdentity, callers: [IPAddress]) {
        identity = SandboxIdentity(front: clone)
        addresses = callers
        destination = "\(clone.outsideAddress)/32"
    }

    /// A command of `ip` that makes it where the proxies are. Its other end, the bridge's port, is in the network namespace
    /// `outer`: a process's number, or a name.
    package func link(outer: String) -> String {
        "link add name \(identity.leg) type veth peer name \(identity.port) netns \(outer)"
    }

    /// Commands of `ip` that give it its addresses and its way, where the proxies are.
    package var setUp: [String] {
        let source = addresses.first.map { " src \($0)" } ?? ""
        return ["link set dev \(identity.leg) address \(identity.legMAC) addrgenmode none"]
            + addresses.map { "address add \($0)/32 dev \(identity.leg)" } + [
                "link set dev \(identity.leg) up",
                "route add \(destination) dev \(identity.leg)\(source)",
            ]
    }
}
