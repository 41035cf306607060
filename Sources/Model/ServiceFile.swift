/// The application protocol a tier serves. The raw value is the name in service files; `tcp` is any other, of which only
/// the turns of client and server are followed.
package enum ApplicationProtocol: String, Hashable, Codable, CaseIterable, Sendable {
    case http, postgresql, mysql, redis, tcp
}

/// `http:8080`
package struct ServedPort: Hashable, Sendable {
    package let protocolName: ApplicationProtocol
    package let port: UInt16
}

/// One stage of a service and the domains that run it.
package struct Tier: Hashable, Sendable {
    package let name: String
    package let domains: [String]
    package let serves: ServedPort
    /// Names of the tiers this one sends requests to.
    package let calls: [String]
    /// Who logs in to the tier's clone, where requests need that.
    package let logIn: TierLogIn?
    /// A shell command that makes a clone of the tier ready for requests; it is run inside the clone.
    package let prepare: String?
    /// Of its domains' disks that are logical volumes.
    package let storage: TierStorage?
}

/// Who logs in to a clone of a database. Its description leaves the password out.
package struct TierLogIn: Hashable, Sendable, CustomStringConvertible {
    package let user: String
    package let password: String?
    package let database: String?

    package var description: String { "user '\(user)'" }
}

/// Powers in watts, for what the node does not measure itself.
package struct EnergyModel: Hashable, Sendable {
    /// Of one core fully busy, above idle, for the linear model; nil has none.
    package var core: Double?
    /// Of the node at rest, which is not attributed to any domain; nil is not known.
    package var idle: Double?
}

/// How long an experiment measures.
package struct ExperimentLength: Hashable, Sendable {
    package var least: Duration
    package var most: Duration
    /// Half the interval of the SLA's statistic, as a fraction of it, at which enough was measured; nil measures `most`.
    package var precision: Double?

    package init(_ fixed: Duration) { (least, most) = (fixed, fixed) }

    package init(from least: Duration, to most: Duration, until precision: Double) {
        (self.least, self.most, self.precision) = (least, most, precision)
    }
}

/// What is asked: which tier, which allocations, how long, to find what.
package struct CampaignSpecification: Hashable, Sendable {
    package var tier: String
    /// What the clones begin with.
    package var clone: CloneSource
    /// Where requests come from when no tier of the file calls this one: an address of the domain's own network.
    package var client: IPAddress?
    /// A trace that is played to the clones instead of the live requests.
    package var trace: String?
    /// Tiers behind it that are cloned along and joined with it.
    package var with: [String]
    package var axes: [Axis]
    /// Whether clones may serve several experiments in turn.
    package var reuses: Bool
    /// How many experiments may run at once on the node.
    package var sandboxes: Int
    /// What its clones are told by the tiers that are not in the sandbox.
    package var answers: AnswerSpecification
    package var experiment: ExperimentLength
    package var warmUp: Duration
    package var timeBound: Duration
    package var goal: Goal
    package var search: SearchSpecification
    /// How much later than on-line the clone sees a request, so that the recorded answers are there.
    package var timeShift: Duration
    /// Shares of requests lost and sent late, and of the clone's queries unmatched, above which a cell is invalid.
    package var lostLimit: Double
    package var lateLimit: Double
    /// Share of the processor time wanted on the node that its own host did not give, above which a cell is invalid.
    package var stolenLimit: Double
    package var unmatchedLimit: Double
    package var control: ControlLimits
    package var energy: EnergyModel?
    /// How long a clone may take from its start until it accepts a connection.
    package var bootLimit: Duration
    /// Where values are that the clone makes for itself and that are not found by looking.
    package var sessions: [SessionRule]
}

/// Weighs the sessions in which a request matches; the first of several that does.
package struct MixWeight: Hashable, Sendable {
    /// `*` stands for any characters of the request's label, such as `GET /items/7` or a statement's text.
    package let pattern: String
    package let factor: Double
}

/// Another sandbox node.
package struct NodeType: Hashable, Sendable {
    /// libvirt URI of the node.
    package let connect: String
    /// The private host that it is on.
    package let node: String?
}

/// A file people write, as in the README: a service, its SLA and a campaign.
package struct ServiceFile: Hashable, Sendable {
    package var service: String
    /// libvirt URI of the node.
    package var connect: String
    /// The private host to enter before connecting: `lab` is the embedded data centre. Nil is this machine itself.
    package var node: String?
    package var sla: SLA
    package var tiers: [Tier]
    /// What the names on the axes of these resources mean.
    package var software: [String: String]
    /// Files of domain XML.
    package var variants: [String: String]
    package var nodes: [String: NodeType]
    package var mixes: [String: [MixWeight]]
    package var campaign: CampaignSpecification
    /// How `whatif manage` keeps the SLA; nil when it shall not.
    package var manage: ManagementTerms?

    package func tier(_ name: String) -> Tier? { tiers.first { $0.name == name } }

    /// Where the service's users come in, and what the SLA is about: the first tier that no other calls.
    package var entryTier: Tier? {
        tiers.first { tier in !tiers.contains { $0.calls.contains(tier.name) } } ?? tiers.first
    }

    package var callers: [Tier] { tiers.filter { $0.calls.contains(campaign.tier) } }
}
