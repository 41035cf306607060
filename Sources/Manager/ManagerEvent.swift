package import Experimenter
package import Model

/// What a manager says while it runs.
package enum ManagerEvent: Sendable {
    case watching(service: String, tiers: [String], since: ManagedDecision?)
    /// A check: how the SLA stands, and since the one before the requests answered and the sum of their response times in seconds.
    case checked(service: String, SLAReading, length: Duration, requests: Double, busy: Double)
    case step(ManagedDecision, ManagedDecision.Step)
    case campaign(service: String, CampaignEvent)
    /// The service could not be heard; it is tried again.
    case deaf(service: String, reason: String)
}
