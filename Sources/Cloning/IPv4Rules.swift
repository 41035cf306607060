import Model

/// A sandbox's rules for IPv4 and ARP; none for a clone that has no such address.
enum IPv4Rules {
    static func from(_ clone: CloneIdentity, _ peers: [CloneIdentity], legMAC: String) -> [String] {
        guard let own = clone.pair(.v4) else { return [] }
        let (insideMAC, outsideMAC) = (clone.insideMAC, clone.outsideMAC)
        let drop = SandboxRules.drop(clone)
        let direct = peers.flatMap { peer in
            peer.pair(.v4).map { other in
                [
                    "ether type arp arp saddr ip \(own.inside) arp saddr ether \(insideMAC) "
                        + "arp daddr ip \(other.inside) accept",
                    "ether type ip ip saddr \(own.inside) ip daddr \(other.inside) accept",
                ]
            } ?? []
        }
        return [
            // The proxies may have its own address elsewhere, and no clone asks for another's outside identity.
            "ether type arp arp daddr ip \(own.inside) \(drop)",
            "ether type ip ip daddr \(CloneIdentity.outsideNetwork(.v4)) \(drop)",
            // No packets within packets.
            "ether type ip ip protocol != { icmp, tcp, udp } \(drop)",
        ] + direct + [
            "ether type arp arp saddr ether != \(insideMAC) \(drop)",
            "ether type arp arp saddr ip \(own.inside) arp saddr ether set \(outsideMAC) arp saddr ip set \(own.outside) "
                + "ether saddr set \(outsideMAC) ether daddr set \(legMAC) accept",
            "ether type ip ip saddr \(own.inside) ip saddr set \(own.outside) ether saddr set \(outsideMAC) "
                + "ether daddr set \(legMAC) accept",
        ]
    }

    /// What the proxies send to a clone's outside identity.
    static func arrival(at clone: CloneIdentity) -> [String] {
        guard let own = clone.pair(.v4) else { return [] }
        let (inside, outside) = (own.inside, own.outside)
        let (insideMAC, outsideMAC) = (clone.insideMAC, clone.outsideMAC)
        return [
            "ether type arp arp daddr ether \(outsideMAC) arp daddr ether set \(insideMAC)",
            "ether type arp arp daddr ip \(outside) ether daddr ff:ff:ff:ff:ff:ff arp daddr ip set \(inside) accept",
            "ether type arp arp daddr ip \(outside) arp daddr ip set \(inside) ether daddr set \(insideMAC) accept",
            "ether type ip ip daddr \(outside) ip daddr set \(inside) ether daddr set \(insideMAC) accept",
        ]
    }

    /// Between clones.
    static func passage(_ clone: CloneIdentity, to peer: CloneIdentity) -> [String] {
        guard let own = clone.pair(.v4), let other = peer.pair(.v4) else { return [] }
        return [
            "ether type arp arp saddr ip \(own.inside) arp daddr ip \(other.inside) accept",
            "ether type ip ip saddr \(own.inside) ip daddr \(other.inside) accept",
        ]
    }

    /// To the proxies.
    static func out(_ clone: CloneIdentity) -> [String] {
        guard let own = clone.pair(.v4) else { return [] }
        return ["ether type arp arp saddr ip \(own.outside) accept", "ether type ip ip saddr \(own.outside) accept"]
    }

    /// From the proxies.
    static func `in`(_ clone: CloneIdentity) -> [String] {
        guard let own = clone.pair(.v4) else { return [] }
        return ["ether type arp arp daddr ip \(own.inside) accept", "ether type ip ip daddr \(own.inside) accept"]
    }
}
