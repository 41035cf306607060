/// The nft rules of one clone's bridge, as text.
///
/// The clone keeps its inside address and MAC; every frame that leaves its port is rewritten to its outside identity and
/// back, without state. What is not IPv4 or ARP with the clone's own addresses is dropped, and nothing passes between the
/// bridge and the node itself, not even an ARP reply (RECIPES' second way, and the leak it leaves open).
enum SandboxRules {
    static func add(_ clone: CloneIdentity) -> String {
        let (device, port) = (clone.device, clone.port)
        let (inside, outside) = (clone.insideAddress, clone.outsideAddress)
        let (insideMAC, outsideMAC) = (clone.insideMAC, clone.outsideMAC)
        return """
            table bridge \(clone.table) {
                chain prerouting {
                    type filter hook prerouting priority -300; policy accept;
                    iifname "\(device)" jump from_clone
                    iifname "\(port)" jump to_clone
                }
                chain from_clone {
                    ether saddr != \(insideMAC) drop
                    ether type arp arp saddr ip \(inside) arp saddr ether set \(outsideMAC) arp saddr ip set \(outside) ether saddr set \(outsideMAC) accept
                    ether type ip ip saddr \(inside) ip saddr set \(outside) ether saddr set \(outsideMAC) accept
                    drop
                }
                chain to_clone {
                    ether type arp arp daddr ip \(outside) arp daddr ip set \(inside)
                    ether type arp arp daddr ether \(outsideMAC) arp daddr ether set \(insideMAC)
                    ether type arp ether daddr ff:ff:ff:ff:ff:ff accept
                    ether type arp ether daddr set \(insideMAC) accept
                    ether type ip ip daddr \(outside) ip daddr set \(inside) ether daddr set \(insideMAC) accept
                    drop
                }
                chain forward {
                    type filter hook forward priority 0; policy accept;
                    iifname "\(device)" oifname != "\(port)" drop
                    iifname "\(port)" oifname != "\(device)" drop
                }
                chain input {
                    type filter hook input priority 0; policy accept;
                    iifname { "\(device)", "\(port)" } drop
                }
                chain output {
                    type filter hook output priority 0; policy accept;
                    oifname { "\(device)", "\(port)" } drop
                }
            }
            """
    }

    /// Deletes a table whether it is there or not: adding an existing one is no error.
    static func remove(_ table: String) -> String {
        "add table bridge \(table)\ndelete table bridge \(table)"
    }
}
