/// The nft rules of one sandbox's bridge, as text.
///
/// A clone keeps its inside addresses and MAC. What it sends to another clone of the sandbox passes as it is, as on-line;
/// every other frame that leaves its port is rewritten to its outside identity and back, without state, and goes to the
/// proxies' port only. What is not IP or the question for a neighbour with the clone's own addresses is dropped, and nothing
/// passes between the bridge and the node itself, not even an ARP reply (RECIPES' second way, and the leak it leaves open).
/// Each clone has a counter of what it sent in vain.
///
/// The bridge floods broadcasts, and frames to MACs that it has not learned, to all ports: `forward` lets each copy out
/// at the port of its addressee alone, by IP addresses, so that the proxies hear nothing of what clones say to each other.
enum SandboxRules {
    static func add(_ sandbox: SandboxIdentity) -> String {
        let ports = (sandbox.clones.map(\.device) + [sandbox.port]).map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            table bridge \(sandbox.table) {
            \(lines(sandbox.clones.map { "counter \(counter(of: $0.id)) { }" }, 1))
                chain prerouting {
                    type filter hook prerouting priority -300; policy accept;
            \(lines(sandbox.clones.map { "iifname \"\($0.device)\" jump from_\($0.id)" }, 2))
                    iifname "\(sandbox.port)" jump from_proxies
                }
            \(sandbox.clones.map { from($0, sandbox) }.joined(separator: "\n"))
                chain from_proxies {
            \(lines(sandbox.clones.flatMap { IPv4Rules.arrival(at: $0) + IPv6Rules.arrival(at: $0) }, 2))
                    counter drop
                }
                chain forward {
                    type filter hook forward priority 0; policy accept;
            \(lines(sandbox.clones.flatMap { passage($0, sandbox) }, 2))
                    iifname { \(ports) } counter drop
                    oifname { \(ports) } counter drop
                }
                chain input {
                    type filter hook input priority 0; policy accept;
                    iifname { \(ports) } counter drop
                }
                chain output {
                    type filter hook output priority 0; policy accept;
                    oifname { \(ports) } counter drop
                }
            }
            """
    }

    /// Deletes a table whether it is there or not: adding an existing one is no error.
    static func remove(_ table: String) -> String {
        "add table bridge \(table)\ndelete table bridge \(table)"
    }

    /// The name of what counts a clone's frames that were dropped.
    static func counter(of id: String) -> String { "dropped_\(id)" }

    /// Counts and drops what a clone sent.
    static func drop(_ clone: CloneIdentity) -> String { "counter name \"\(counter(of: clone.id))\" drop" }

    private static func peers(of clone: CloneIdentity, _ sandbox: SandboxIdentity) -> [CloneIdentity] {
        sandbox.clones.filter { $0 != clone }
    }

    /// What a clone sends: to a peer as it is, else with its outside identity.
    private static func from(_ clone: CloneIdentity, _ sandbox: SandboxIdentity) -> String {
        let peers = peers(of: clone, sandbox)
        let rules =
            ["ether saddr != \(clone.insideMAC) \(drop(clone))"]
            + IPv4Rules.from(clone, peers, legMAC: sandbox.legMAC)
            + IPv6Rules.from(clone, peers, legMAC: sandbox.legMAC) + [drop(clone)]
        return "    chain from_\(clone.id) {\n\(lines(rules, 2))\n    }"
    }

    /// What may pass from a clone and to it, after the rewriting.
    private static func passage(_ clone: CloneIdentity, _ sandbox: SandboxIdentity) -> [String] {
        let toProxies = "iifname \"\(clone.device)\" oifname \"\(sandbox.port)\""
        let toClone = "iifname \"\(sandbox.port)\" oifname \"\(clone.device)\""
        return peers(of: clone, sandbox).flatMap { peer in
            let ports = "iifname \"\(clone.device)\" oifname \"\(peer.device)\""
            return (IPv4Rules.passage(clone, to: peer) + IPv6Rules.passage(clone, to: peer)).map { "\(ports) \($0)" }
        }
            + (IPv4Rules.out(clone) + IPv6Rules.out(clone)).map { "\(toProxies) \($0)" }
            + (IPv4Rules.in(clone) + IPv6Rules.in(clone)).map { "\(toClone) \($0)" }
    }

    private static func lines(_ rules: [String], _ depth: Int) -> String {
        rules.map { String(repeating: "    ", count: depth) + $0 }.joined(separator: "\n")
    }
}
