import Hypervisor
import Model

/// A domain that is cloned along, or behind an out-proxy. Its clone has what it has on-line.
struct JoinedDomain: Sendable {
    let tier: Tier
    let original: DomainDescription
    /// In cores; nil is unlimited.
    let quota: Double?
    /// The same as an axis has it.
    let cpu: Setting
}

/// A domain that is cloned along and calls beyond the sandbox, and where that is heard on-line.
package struct EdgeCaller: Sendable {
    let interface: String
    let nextTiers: [Neighbour]
}

/// What is inside the sandbox of a campaign besides the domain under test, and what is called from inside and is not.
struct SandboxScope: Sendable {
    /// Callees before their callers.
    let joined: [JoinedDomain]
    /// Those that out-proxies ask what they cannot answer.
    let behind: [JoinedDomain]
    /// Called by the domain under test.
    let frontCalls: [Neighbour]
    let edgeCallers: [EdgeCaller]

    /// Each domain that an out-proxy stands for, at each of its addresses.
    var nextTiers: [Neighbour] { (frontCalls + edgeCallers.flatMap(\.nextTiers)).uniqued() }

    init(_ file: ServiceFile, front: String, _ node: Node) throws {
        let tiers = file.sandboxTiers
        let members = tiers.dropLast()
        var names: Set = [front]
        var originals: [JoinedDomain] = []
        for tier in members {
            for name in tier.domains where names.insert(name).inserted {
                originals.append(try Self.original(name, tier, node))
            }
        }
        let calls = { (domain: String) in
            // Of the campaign's tier one domain is cloned, and it is `front`.
            try (members.filter { $0.domains.contains(domain) } + (domain == front ? tiers.suffix(1) : []))
                .flatMap { file.tiersBeyond($0) }.flatMap { try Self.neighbours($0, node) }.uniqued()
        }
        joined = originals
        behind = try file.forwardTiers.flatMap { tier in
            try tier.domains.filter { names.insert($0).inserted }.map { try Self.original($0, tier, node) }
        }
        frontCalls = try calls(front)
        edgeCallers = try originals.compactMap { domain in
            let nextTiers = try calls(domain.original.name)
            if nextTiers.isEmpty { return nil }
            guard let interface = domain.original.interfaces.first?.device else {
                throw CampaignError.notRunning(domain.original.name)
            }
            return EdgeCaller(interface: interface, nextTiers: nextTiers)
        }
    }

    private static func original(_ name: String, _ tier: Tier, _ node: Node) throws -> JoinedDomain {
        let domain = try Campaign.find(name, node)
        return JoinedDomain(
            tier: tier, original: try domain.description(), quota: try domain.cpuQuota(),
            cpu: try DomainAllocation(domain).setting(of: .cpu))
    }

    private static func neighbours(_ tier: Tier, _ node: Node) throws -> [Neighbour] {
        try tier.domains.flatMap { name in
            let description = try Campaign.find(name, node).description()
            return try Campaign.addresses(of: description, node).map { address in
                Neighbour(
                    domain: name, endpoint: Endpoint(address, tier.serves.port),
                    protocolName: tier.serves.protocolName, tier: tier.name, logIn: tier.logIn)
            }
        }
    }
}
