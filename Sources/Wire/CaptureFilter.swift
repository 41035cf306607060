import Model

/// Which packets the kernel hands over.
package struct CaptureFilter: Sendable, Hashable {
    /// In pcap-filter(7)'s language.
    private let terms: String

    /// Words of pcap-filter(7), as they are.
    package init(_ terms: String) { self.terms = terms }

    /// The connections of these servers, and the fragments that may be theirs: only the first fragment of a datagram
    /// says its ports.
    package init(_ servers: [WatchedServer]) {
        var addresses: [IPAddress] = []
        var terms: [String] = []
        for server in servers {
            let address = server.endpoint.address
            terms.append("(host \(address) and tcp port \(server.endpoint.port))")
            if !addresses.contains(address) { addresses.append(address) }
        }
        terms += addresses.map { "(host \($0) and \(Self.fragments($0.family)))" }
        self.terms = terms.joined(separator: " or ")
    }

    /// All TCP.
    package static let everything = CaptureFilter("tcp or \(fragments(.v4)) or \(fragments(.v6))")

    private static func fragments(_ family: IPAddress.Family) -> String {
        family == .v4 ? "ip[6:2] & 0x3fff != 0" : "ip6[6] = 44"
    }

    /// Frames of Ethernet may carry a VLAN's tag. Behind the word `vlan`, offsets are those of a tagged frame, so that it
    /// has to stand last.
    func expression(_ link: LinkType) -> String {
        link == .ethernet && !terms.isEmpty ? "\(terms) or (vlan and (\(terms)))" : terms
    }
}
