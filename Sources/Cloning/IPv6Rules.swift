import Model

/// A sandbox's rules for IPv6; none for a clone that has no such address.
///
/// Of a clone's packets pass TCP, UDP and echoes with its own address, and its solicitations of neighbours (RFC 4861), which
/// the proxies' leg answers. Everything else stays where it is: routers' and their solicitors' words, redirects, MLD, the
/// search for duplicates (its source is no address; RFC 4862, section 5.4), multicasts, and all with extension headers, as
/// the fixed header's next header has to be what passes. Nobody solicits a clone but another of its sandbox: the leg knows
/// its MAC.
///
/// nft keeps the checksums of TCP, UDP and ICMPv6 when an address of the pseudo header changes.
enum IPv6Rules {
    private static let content = ["ip6 nexthdr { tcp, udp }", "\(icmp) icmpv6 type { echo-request, echo-reply }"]
    private static let icmp = "ip6 nexthdr ipv6-icmp"
    /// Whoever passes a router on its way has another hop limit (RFC 4861, section 7.1).
    private static let solicitation = "\(icmp) ip6 hoplimit 255 icmpv6 type nd-neighbor-solicit icmpv6 code 0"
    private static let advertisement = "\(icmp) ip6 hoplimit 255 icmpv6 type nd-neighbor-advert icmpv6 code 0"
    private static let linkLocal = "fe80::/10"
    private static let multicast = "ff00::/8"
    private static let anySolicited = "ff02::1:ff00:0/104"

    static func from(_ clone: CloneIdentity, _ peers: [CloneIdentity], legMAC: String) -> [String] {
        guard let own = clone.pair(.v6) else { return [] }
        let drop = SandboxRules.drop(clone)
        let others = peers.flatMap { peer in peer.pair(.v6).map { direct(clone, own, to: peer, $0) } ?? [] }
        let rewriting = "ether saddr set \(clone.outsideMAC) ether daddr set \(legMAC) accept"
        // A kernel whose neighbour has not been heard for a while asks with its link-local address.
        let asking = "\(solicitation) ip6 saddr { \(own.inside), \(linkLocal) } @th,64,128 != \(hex(own.inside))"
        return
            ([
                // No clone asks for another's outside identity, nor for its own address.
                "ip6 daddr { \(CloneIdentity.outsideNetwork(.v6)), \(own.inside) } \(drop)",
                "\(solicitation) @th,64,64 \(hex(CloneIdentity.outsidePrefix)) \(drop)",
            ] + others + [
                "ip6 daddr \(multicast) ip6 daddr != \(anySolicited) \(drop)",
                "\(asking) \(option(1, clone.insideMAC)) ip6 saddr set \(standIn(clone, own)) "
                    + "@nh,64,128 set \(hex(own.outside)) @th,208,48 set \(hex(clone.outsideMAC)) \(rewriting)",
                "ip6 daddr \(multicast) \(drop)",
                "\(asking) ip6 length 24 ip6 saddr set \(own.outside) \(rewriting)",
            ]
            + content.map { "\($0) ip6 saddr \(own.inside) ip6 saddr set \(own.outside) \(rewriting)" })
            .map { "ether type ip6 \($0)" }
    }

    /// What a clone says to another of its sandbox, and its answers to it.
    private static func direct(
        _ clone: CloneIdentity, _ own: AddressPair, to peer: CloneIdentity, _ other: AddressPair
    ) -> [String] {
        let asking = "\(solicitation) ip6 saddr { \(own.inside), \(linkLocal) } @th,64,128 \(hex(other.inside))"
        let answering =
            "\(advertisement) ip6 saddr \(own.inside) ip6 daddr { \(other.inside), \(linkLocal) } "
            + "ether daddr \(peer.insideMAC) @th,64,128 \(hex(own.inside))"
        return content.map { "\($0) ip6 saddr \(own.inside) ip6 daddr \(other.inside) accept" } + [
            "\(asking) ip6 daddr { \(other.inside), \(solicited(other.inside)) } \(option(1, clone.insideMAC)) accept",
            "\(asking) ip6 daddr \(other.inside) ip6 length 24 accept",
            "\(answering) \(option(2, clone.insideMAC)) accept",
            "\(answering) ip6 length 24 accept",
        ]
    }

    /// What the proxies send to a clone's outside identity.
    static func arrival(at clone: CloneIdentity) -> [String] {
        guard let own = clone.pair(.v6) else { return [] }
        return (content + [advertisement]).map {
            "ether type ip6 \($0) ip6 daddr \(own.outside) ip6 daddr set \(own.inside) "
                + "ether daddr set \(clone.insideMAC) accept"
        }
    }

    /// Between clones.
    static func passage(_ clone: CloneIdentity, to peer: CloneIdentity) -> [String] {
        guard let own = clone.pair(.v6), let other = peer.pair(.v6) else { return [] }
        return [
            "ip6 saddr \(own.inside) ip6 daddr \(other.inside) accept",
            "\(solicitation) @th,64,128 \(hex(other.inside)) accept",
            "\(advertisement) @th,64,128 \(hex(own.inside)) ether daddr \(peer.insideMAC) accept",
        ].map { "ether type ip6 \($0)" }
    }

    /// To the proxies.
    static func out(_ clone: CloneIdentity) -> [String] {
        clone.pair(.v6).map { ["ether type ip6 ip6 saddr \($0.outside) accept"] } ?? []
    }

    /// From the proxies.
    static func `in`(_ clone: CloneIdentity) -> [String] {
        clone.pair(.v6).map { ["ether type ip6 ip6 daddr \($0.inside) accept"] } ?? []
    }

    /// One option and no other, a link-layer address: the source's is 1, the target's 2 (RFC 4861, section 4.6.1).
    private static func option(_ type: UInt8, _ mac: String) -> String {
        "ip6 length 32 @th,192,16 0x0\(type)01 @th,208,48 \(hex(mac))"
    }

    /// The group of those whose addresses end like this one (RFC 4291, section 2.7.1).
    private static func solicited(_ address: IPAddress) -> IPAddress {
        IPAddress(v6High: 0xff02 << 48, low: 0x1_ff00_0000 | address.low & 0xff_ffff)
    }

    /// What the source of a solicitation is set to for a moment. nft adjusts the checksum for it, and neither for the
    /// outside address that is then written without its knowledge, nor for the MAC in the option: the third quarter of
    /// the outside address is zero, and here makes up for the MAC (as RFC 6296 does it for prefixes).
    private static func standIn(_ clone: CloneIdentity, _ own: AddressPair) -> IPAddress {
        let (inside, outside) = (sum(clone.insideMAC), sum(clone.outsideMAC))
        let difference = (outside + 0xffff - inside) % 0xffff
        return IPAddress(v6High: own.outside.high, low: own.outside.low | difference << 48)
    }

    /// Of a MAC's three words, in one's complement arithmetic (RFC 1071).
    private static func sum(_ mac: String) -> UInt64 {
        let bits = UInt64(mac.filter { $0 != ":" }, radix: 16) ?? 0
        return (bits >> 32 + bits >> 16 & 0xffff + bits & 0xffff) % 0xffff
    }

    private static func hex(_ mac: String) -> String { "0x" + mac.filter { $0 != ":" } }
    private static func hex(_ bits: UInt64) -> String { "0x" + padded(bits) }
    private static func hex(_ address: IPAddress) -> String { "0x" + padded(address.high) + padded(address.low) }

    private static func padded(_ bits: UInt64) -> String {
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
