import Cloning
import Experimenter
package import Hypervisor
package import Model
package import Wire

/// Where one domain of a service is heard: its interface, and the server that it is, at each of its addresses. Each tier is heard at its own
/// domains only, so that a request that passes two interfaces counts once.
package struct ListeningPost: Sendable, Hashable {
    package let tier: String
    package let interface: String
    package let servers: [WatchedServer]

    /// The posts of all domains of a service, in the order of its file.
    package static func all(of file: ServiceFile, _ node: Node) throws -> [ListeningPost] {
        try file.tiers.flatMap { try all(of: $0, node) }
    }

    /// Those of one tier's domains; the others need not run.
    package static func all(of tier: Tier, _ node: Node) throws -> [ListeningPost] {
        guard ProtocolTable.entry(tier.serves.protocolName) != nil else {
            throw WatchError.protocolNotRead(tier.serves.protocolName, tier: tier.name)
        }
        return try tier.domains.map { try Self.post(of: $0, tier, node) }
    }

    private static func post(of name: String, _ tier: Tier, _ node: Node) throws -> ListeningPost {
        guard let domain = try node.domain(name) else {
            throw CampaignError.unknownDomain(name, known: try node.domains().map(\.name))
        }
        let description = try domain.description()
        guard domain.isActive, let device = description.interfaces.first?.device else {
            throw CampaignError.notRunning(name)
        }
        let addresses = try NodeAddresses.addresses(of: description, node)
        if addresses.isEmpty { throw CampaignError.noAddress(domain: name) }
        return ListeningPost(
            tier: tier.name, interface: device,
            servers: addresses.map { WatchedServer(Endpoint($0, tier.serves.port), tier.serves.protocolName) })
    }
}
