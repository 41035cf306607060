/// The nft rules of one sandbox's bridge, as text.
///
/// A clone keeps its inside address and MAC. What it sends to another clone of the sandbox passes as it is, as on-line;
/// every other frame that leaves its port is rewritten to its outside identity and back, without state, and goes to the
/// proxies' port only. What is not IPv4 or ARP with the clone's own addresses is dropped, and nothing passes between the
/// bridge and the node itself, not even an ARP reply (RECIPES' second way, and the leak it leaves open).
///
/// The bridge floods broadcasts, and frames to MACs that it has not learned, to all ports: `forward` lets each copy out
/// at the port of its addressee alone, by IP addresses, so that the proxies hear nothing of what clones say to each other.
enum SandboxRules {
    static func add(_ sandbox: SandboxIdentity) -> String {
        let ports = (sandbox.clones.map(\.device) + [sandbox.port]).map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            table bridge \(sandbox.table) {
                chain prerouting {
                    type filter hook prerouting priority -300; policy accept;
            \(lines(sandbox.clones.map { "iifname \"\($0.device)\" jump from_\($0.id)" }, 2))
                    iifname "\(sandbox.port)" jump from_proxies
                }
            \(sandbox.clones.map { from($0, sandbox) }.joined(separator: "\n"))
                chain from_proxies {
            \(lines(sandbox.clones.flatMap { arrival(at: $0) }, 2))
                    drop
                }
                chain forward {
                    type filter hook forward priority 0; policy accept;
            \(lines(sandbox.clones.flatMap { passage($0, sandbox) }, 2))
                    iifname { \(ports) } drop
                    oifname { \(ports) } drop
                }
                chain input {
                    type filter hook input priority 0; policy accept;
                    iifname { \(ports) } drop
                }
                chain output {
                    type filter hook output priority 0; policy accept;
                    oifname { \(ports) } drop
                }
            }
            """
    }

    /// Deletes a table whether it is there or not: adding an existing one is no error.
    static func remove(_ table: String) -> String {
        "add table bridge \(table)\ndelete table bridge \(table)"
    }

    private static func peers(of clone: CloneIdentity, _ sandbox: SandboxIdentity) -> [CloneIdentity] {
        sandbox.clones.filter { $0 != clone }
    }

    /// What a clone sends: to a peer as it is, else with its outside identity.
    private static func from(_ clone: CloneIdentity, _ sandbox: SandboxIdentity) -> String {
        let peers = peers(of: clone, sandbox)
        let (inside, outside) = (clone.insideAddress, clone.outsideAddress)
        let (insideMAC, outsideMAC) = (clone.insideMAC, clone.outsideMAC)
        let direct = peers.flatMap { peer in
            [
                "ether type arp arp saddr ip \(inside) arp saddr ether \(insideMAC) arp daddr ip \(peer.insideAddress) accept",
                "ether type ip ip saddr \(inside) ip daddr \(peer.insideAddress) accept",
            ]
        }
        let rules =
            [
                "ether saddr != \(insideMAC) drop",
                // The proxies may have its own address elsewhere, and no clone asks for another's outside identity.
                "ether type arp arp daddr ip \(inside) drop",
                "ether type ip ip daddr \(CloneIdentity.outsideNetwork) drop",
            ] + direct + [
                "ether type arp arp saddr ether != \(insideMAC) drop",
                "ether type arp arp saddr ip \(inside) arp saddr ether set \(outsideMAC) arp saddr ip set \(outside) "
                    + "ether saddr set \(outsideMAC) ether daddr set \(sandbox.legMAC) accept",
                "ether type ip ip saddr \(inside) ip saddr set \(outside) ether saddr set \(outsideMAC) "
                    + "ether daddr set \(sandbox.legMAC) accept",
                "drop",
            ]
        return "    chain from_\(clone.id) {\n\(lines(rules, 2))\n    }"
    }

    /// What the proxies send to a clone's outside identity.
    private static func arrival(at clone: CloneIdentity) -> [String] {
        let (inside, outside) = (clone.insideAddress, clone.outsideAddress)
        let (insideMAC, outsideMAC) = (clone.insideMAC, clone.outsideMAC)
        return [
            "ether type arp arp daddr ether \(outsideMAC) arp daddr ether set \(insideMAC)",
            "ether type arp arp daddr ip \(outside) ether daddr ff:ff:ff:ff:ff:ff arp daddr ip set \(inside) accept",
            "ether type arp arp daddr ip \(outside) arp daddr ip set \(inside) ether daddr set \(insideMAC) accept",
            "ether type ip ip daddr \(outside) ip daddr set \(inside) ether daddr set \(insideMAC) accept",
        ]
    }

    /// What may pass from a clone and to it, after the rewriting.
    private static func passage(_ clone: CloneIdentity, _ sandbox: SandboxIdentity) -> [String] {
        let (inside, outside) = (clone.insideAddress, clone.outsideAddress)
        let toProxies = "iifname \"\(clone.device)\" oifname \"\(sandbox.port)\""
        let toClone = "iifname \"\(sandbox.port)\" oifname \"\(clone.device)\""
        let direct = peers(of: clone, sandbox).flatMap { peer in
            let ports = "iifname \"\(clone.device)\" oifname \"\(peer.device)\""
            return [
                "\(ports) ether type arp arp saddr ip \(inside) arp daddr ip \(peer.insideAddress) accept",
                "\(ports) ether type ip ip saddr \(inside) ip daddr \(peer.insideAddress) accept",
            ]
        }
        return direct + [
            "\(toProxies) ether type arp arp saddr ip \(outside) accept",
            "\(toProxies) ether type ip ip saddr \(outside) accept",
            "\(toClone) ether type arp arp daddr ip \(inside) accept",
            "\(toClone) ether type ip ip daddr \(inside) accept",
        ]
    }

    private static func lines(_ rules: [String], _ depth: Int) -> String {
        rules.map { String(repeating: "    ", count: depth) + $0 }.joined(separator: "\n")
    }
}
