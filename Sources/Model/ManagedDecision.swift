/// One decision of the manager about one service, from what made it necessary to how it ended. Every step is kept with its
/// reason, and written down before it is done.
package struct ManagedDecision: Hashable, Codable, Sendable {
    package enum Cause: String, Hashable, Codable, Sendable {
        case violated
        /// Far below the limit: less may do.
        case idle
    }

    package enum State: String, Hashable, Codable, Sendable, CaseIterable {
        /// A campaign looks for the smallest allocation that holds the SLA.
        case exploring
        /// The plan waits: for `whatif apply`, or for a maintenance window.
        case proposed
        /// Being set on the on-line domains.
        case applying
        /// Set; its effect is watched on the wire.
        case verifying
        /// Being set back.
        case restoring
        case done
        /// What was set has been set back.
        case restored
        /// Nothing had to be changed, or nothing helps.
        case unchanged
        case failed
        /// Nobody applied it in time, or what it was made for has passed.
        case expired

        package var isEnd: Bool {
            switch self {
            case .exploring, .proposed, .applying, .verifying, .restoring: false
            case .done, .restored, .unchanged, .failed, .expired: true
            }
        }
    }

    package struct Step: Hashable, Codable, Sendable {
        package var time: Timestamp
        package var state: State
        package var reason: String

        package init(time: Timestamp, state: State, reason: String) {
            (self.time, self.state, self.reason) = (time, state, reason)
        }
    }

    /// Its own name, and that of its campaign.
    package var id: String
    package var service: String
    package var cause: Cause
    package var tier: String
    /// The SLA's limit as it is for the tier, in seconds: what the others need is left to them.
    package var limit: Double
    /// How often the tier is called for a request to the service; nil in decisions of earlier versions.
    package var calls: Double?
    /// Requests a second to the service when it was made.
    package var rate: Double
    /// The SLA's figure then, in seconds.
    package var figure: Double?
    /// The share of replies that were errors then.
    package var errors: Double?
    /// Whether its campaign, which has its name, has begun.
    package var hasCampaign = false
    package var changes: [AllocationChange] = []
    /// What the SLA's figure will be on-line by the campaign, in seconds.
    package var predicted: Estimate?
    /// Until when the plan may be applied.
    package var expires: Timestamp?
    package private(set) var steps: [Step] = []

    package init(
        id: String, service: String, cause: Cause, tier: String, limit: Double, rate: Double, figure: Double?,
        errors: Double? = nil, at time: Timestamp, because reason: String
    ) {
        (self.id, self.service, self.cause, self.tier) = (id, service, cause, tier)
        (self.limit, self.rate, self.figure, self.errors) = (limit, rate, figure, errors)
        steps = [Step(time: time, state: .exploring, reason: reason)]
    }

    package mutating func go(to state: State, at time: Timestamp, because reason: String) {
        steps.append(Step(time: time, state: state, reason: reason))
    }

    /// A further reason in the same state.
    package mutating func note(_ reason: String, at time: Timestamp) { go(to: state, at: time, because: reason) }

    package var state: State { steps.last?.state ?? .failed }
    package var begun: Timestamp { steps.first?.time ?? .distantPast }
    /// Of the latest step.
    package var time: Timestamp { steps.last?.time ?? .distantPast }

    /// Why what it proposed must not be set by hand any more; nil while it may be, and for what nobody waits with. `found` is what
    /// the domains have of its changes, in their order.
    package func objection(at time: Timestamp, found: [Setting?]) -> String? {
        switch state {
        case .proposed:
            if let expires, time >= expires {
                return "it was not applied in time: it expired \(Format.duration(time - expires)) ago"
            }
            for (change, setting) in zip(changes, found) {
                guard let setting, !change.isOnItsWay(setting, among: changes) else { continue }
                return
                    "\(change.domain) had \(change.resource.rawValue) \(change.resource.format(change.from)) when it was "
                    + "proposed, and has \(change.resource.format(setting)) now"
            }
            return nil
        case .expired: return steps.last?.reason
        case .restored: return "it was set back: \(steps.last { $0.state == .restoring }?.reason ?? "")"
        case .applying, .restoring: return "a manager is setting it: \(steps.last?.reason ?? "")"
        case .exploring, .verifying, .done, .unchanged, .failed: return nil
        }
    }

    /// When it was last begun to set something on-line; nil when nothing was.
    package var changed: Timestamp? {
        steps.last { $0.state == .applying }?.time ?? steps.first { $0.state == .verifying }?.time
    }
}
