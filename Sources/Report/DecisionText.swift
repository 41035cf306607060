import Foundation
package import Model

/// The manager's decisions for people.
package enum DecisionText {
    /// Every decision with its steps, oldest first.
    package static func list(_ decisions: [ManagedDecision]) -> String {
        decisions.isEmpty ? "nothing has been decided yet" : decisions.map(whole).joined(separator: "\n\n")
    }

    private static func whole(_ decision: ManagedDecision) -> String {
        let head =
            "\(decision.id)  \(decision.service), tier \(decision.tier): \(decision.state.rawValue)"
            + (decision.hasCampaign ? ", campaign of the same name" : "")
        return ([head] + decision.steps.map { "  \(line($0))" }).joined(separator: "\n")
    }

    /// `2026-11-22T14:03:10Z verifying: set and read back`
    package static func line(_ step: ManagedDecision.Step) -> String {
        "\(Format.date(step.time)) \(step.state.rawValue): \(step.reason)"
    }
}

/// One step of a decision for other programs: one JSON object a line.
package struct DecisionStepRecord: Encodable {
    let service, decision, cause, tier, state, time, reason: String
    let campaign: String?
    let changes: [AllocationChange]

    private enum CodingKeys: String, CodingKey {
        case service, decision, cause, tier, state, time, reason, campaign, changes
    }

    package init(_ decision: ManagedDecision, _ step: ManagedDecision.Step) {
        service = decision.service
        self.decision = decision.id
        cause = decision.cause.rawValue
        tier = decision.tier
        state = step.state.rawValue
        time = Format.date(step.time)
        reason = step.reason
        campaign = decision.hasCampaign ? decision.id : nil
        changes = decision.changes
    }

    /// Every key is always there.
    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(service, forKey: .service)
        try fields.encode(decision, forKey: .decision)
        try fields.encode(cause, forKey: .cause)
        try fields.encode(tier, forKey: .tier)
        try fields.encode(state, forKey: .state)
        try fields.encode(time, forKey: .time)
        try fields.encode(reason, forKey: .reason)
        try fields.encode(campaign, forKey: .campaign)
        try fields.encode(changes, forKey: .changes)
    }

    package func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
