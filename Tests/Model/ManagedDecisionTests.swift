import Model
import Testing

@Suite struct ManagedDecisionTests {
    private func at(_ seconds: Int64) -> Timestamp { Timestamp(nanoseconds: seconds * 1_000_000_000) }

    private func proposal() -> ManagedDecision {
        var decision = ManagedDecision(
            id: "d", service: "auction", cause: .violated, tier: "app", limit: 0.1, rate: 10, figure: 0.2, at: at(0),
            because: "violated")
        decision.changes = [
            AllocationChange(domain: "app1", resource: .cpu, from: .number(0.2), to: .number(0.4)),
            AllocationChange(domain: "app1", resource: .memory, from: .number(268_435_456), to: .number(536_870_912)),
        ]
        decision.go(to: .proposed, at: at(60), because: "it waits")
        decision.expires = at(1860)
        return decision
    }

    /// As it was, on the way, or done: a proposal may be applied. Behind its time, or where somebody else has been, not.
    @Test func aProposalHoldsForItsTimeAndItsDomains() {
        let decision = proposal()
        #expect(decision.objection(at: at(1859), found: [.number(0.2), .number(268_435_456)]) == nil)
        #expect(decision.objection(at: at(61), found: [.number(0.4), .number(268_435_456)]) == nil)
        #expect(decision.objection(at: at(61), found: [.number(0.4), nil]) == nil)
        #expect(
            decision.objection(at: at(1920), found: [.number(0.2), .number(268_435_456)])?.contains("expired 60 s ago")
                == true)
        let changed = decision.objection(at: at(61), found: [.number(0.3), .number(268_435_456)])
        #expect(changed == "app1 had cpu 20% when it was proposed, and has 30% now")
    }

    @Test func whatHasEndedSaysHow() {
        for (state, isBarred) in [
            (ManagedDecision.State.expired, true), (.restored, true), (.applying, true), (.restoring, true),
            (.verifying, false), (.done, false), (.unchanged, false), (.failed, false), (.exploring, false),
        ] {
            var decision = proposal()
            if state == .restored { decision.go(to: .restoring, at: at(69), because: "this is why") }
            decision.go(to: state, at: at(70), because: state == .restored ? "all is as before" : "this is why")
            let objection = decision.objection(at: at(9999), found: [.number(0.3), .number(268_435_456)])
            #expect((objection?.contains("this is why") ?? false) == isBarred, "\(state)")
        }
    }
}
