package import Model

/// Which campaign says what a domain needs: `auction/app` or a campaign's id.
package enum SizingSource: Hashable, Sendable, CustomStringConvertible {
    /// The latest finished one of a service's tier.
    case latest(service: String, tier: String)
    case campaign(String)

    init(_ text: String) throws(UnitError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch parts.count {
        case 1: self = .campaign(try Units.name(parts[0]))
        case 2: self = .latest(service: try Units.name(parts[0]), tier: try Units.name(parts[1]))
        default: throw UnitError(found: text, expected: "SERVICE/TIER, or a campaign's id")
        }
    }

    package var description: String {
        switch self {
        case .latest(let service, let tier): "\(service)/\(tier)"
        case .campaign(let id): id
        }
    }
}

/// A domain of a data-centre file whose needs a campaign says.
package struct DomainSizing: Hashable, Sendable {
    package let source: SizingSource
    /// By resource of the data centre, what the file says itself; nil where it leaves that to the campaign.
    let said: [Int?]
    /// The campaign that was taken; nil before one was.
    package fileprivate(set) var campaign: String?
    /// All of what it found, also what is no resource of the data centre.
    package fileprivate(set) var found: Allocation?

    init(_ source: SizingSource, said: [Int?]) { (self.source, self.said) = (source, said) }
}

extension DataCentreFile {
    /// Gives a domain what a campaign found that its tier needs. What the allocation does not say is as in the file.
    /// - Throws: for a resource that neither says, and for what the nodes cannot be asked.
    package mutating func size(_ domain: Int, by allocation: Allocation, of campaign: String) throws(PlacementError) {
        guard var sizing = sizing[domain] else { return }
        for (place, resource) in centre.resources.enumerated() {
            if let number = allocation[resource]?.number {
                centre.domains[domain].demand[place] = DataCentre.amount(number, of: resource)
                // What is copied is what it has, until somebody has set what was found.
                let memory = resource == .memory ? centre.domains[domain].demand[place] : 0
                centre.domains[domain].memory = max(centre.domains[domain].memory, memory)
            } else if sizing.said[place] == nil {
                throw .missing(resource, in: "domain \(centre.domains[domain].name), which campaign \(campaign) sizes,")
            }
        }
        (sizing.campaign, sizing.found) = (campaign, allocation)
        self.sizing[domain] = sizing
        try centre.check()
    }
}
