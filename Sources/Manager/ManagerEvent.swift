package import Experimenter
package import Model

/// What a manager says while it runs.
package enum ManagerEvent: Sendable {
    case watching(service: String, tiers: [String], since: ManagedDecision?)
    /// A check that began or ended no decision.
    case checked(service: String, SLAReading)
    case step(ManagedDecision, ManagedDecision.Step)
    case campaign(service: String, CampaignEvent)
    /// The service could not be heard; it is tried again.
    case deaf(service: String, reason: String)
}
