package import Model

/// Keeps the promise of one service: from what is heard to what is to be done, decision by decision. Pure; whoever drives
/// it writes down `decision` before it carries out what it is told, tells it how that ended, and is on a real node or on a
/// simulated one.
///
/// JustRunIt's loop (section 3.1): a violation starts a campaign on the bottleneck tier, the least allocation that
/// satisfies the SLA becomes a plan, is applied and watched. The same way back when the load has fallen.
package struct Keeper: Sendable {
    /// What the driver shall do.
    package enum Order: Sendable, Hashable {
        /// Run the campaign of the decision, of the tier whose cells have to stay below `limit` seconds, or go on with it.
        case explore(tier: String, limit: Double)
        /// The campaign is not needed any more.
        case abandon
        /// Set these, all or none.
        case set([AllocationChange])
        /// Say what the domains of these have now.
        case look([AllocationChange])
    }

    package let service: String
    package let sla: SLA
    let entry: String
    package let terms: ManagementTerms
    private let newID: @Sendable (Timestamp) -> String
    var vigil: Vigil
    /// The last checks without a gap.
    var recent: [ServiceCheck] = []
    /// When the promise was kept last.
    private var good: Bottleneck?
    /// The open one, or the last.
    package internal(set) var decision: ManagedDecision?
    var past: [ManagedDecision]

    /// `past` are the decisions about this service so far, oldest first; the last may be open.
    package init(
        service: String, sla: SLA, entry: String, terms: ManagementTerms, past: [ManagedDecision],
        newID: @escaping @Sendable (Timestamp) -> String
    ) {
        (self.service, self.sla, self.entry, self.terms, self.newID) = (service, sla, entry, terms, newID)
        self.past = past
        decision = past.last
        if decision != nil { self.past.removeLast() }
        vigil = Vigil(sla, violated: terms.violated, giveBack: terms.giveBack)
    }

    package var isBusy: Bool { decision.map { !$0.state.isEnd } ?? false }

    /// After a restart: what was begun goes on from what the domains have.
    package mutating func begin(at time: Timestamp) -> [Order] {
        guard let open = decision, !open.state.isEnd else { return [] }
        switch open.state {
        case .exploring:
            guard time < open.begun + terms.expires else {
                end(.expired, at: time, because: "the manager was not there for it in time")
                return []
            }
            guard terms.tiers.contains(where: { $0.name == open.tier }) else {
                end(.expired, at: time, because: "tier \(open.tier) is not managed any more")
                return []
            }
            note("the manager was started anew", at: time)
            return [.explore(tier: open.tier, limit: open.limit)]
        case .applying, .restoring: return [.look(open.changes)]
        case .verifying:
            note("the manager was started anew: watched again from here", at: time)
            return []
        default: return []
        }
    }

    // MARK: - Checks

    package mutating func check(_ check: ServiceCheck) -> [Order] {
        vigil.add(check.sla)
        recent.append(check)
        if recent.count > terms.violated.of { recent.removeFirst() }
        if recent.count == terms.violated.of, isKept { good = use }
        guard let open = decision, !open.state.isEnd else { return consider(check) }
        switch open.state {
        case .exploring: return reconsider(open, check)
        case .proposed: return wait(open, check)
        case .verifying: return verify(open, check)
        // What could not be read or set is tried again.
        case .applying, .restoring: return [.look(open.changes)]
        default: return []
        }
    }

    /// The service cannot be heard: what was heard before says nothing about what comes behind the gap.
    package mutating func deaf(at time: Timestamp) -> [Order] {
        vigil.forget()
        recent = []
        guard let open = decision else { return [] }
        switch open.state {
        case .verifying: return unheard(open, at: time)
        case .applying, .restoring: return [.look(open.changes)]
        default: return []
        }
    }

    private var isKept: Bool { recent.allSatisfy { $0.sla.state == .meets } }

    private var use: Bottleneck {
        var sum = Bottleneck()
        for check in recent { sum.add(check.tiers) }
        return sum
    }

    /// Requests a second over the last checks.
    var rate: Double {
        let seconds = recent.reduce(0) { $0 + $1.length.seconds }
        let count = recent.compactMap { $0.tiers.first { $0.name == entry }?.requests }.reduce(0, +)
        return seconds > 0 ? count / seconds : 0
    }

    private mutating func consider(_ check: ServiceCheck) -> [Order] {
        switch vigil.finding {
        case .calm: return []
        case .violated(let reason):
            // What gave something back must not hold up what takes it again, nor what was found for less load than there is; all
            // of these take another load, so that they do not follow each other for ever.
            guard isCool(at: check.time) || decision?.cause == .idle || decision?.state == .expired || hasRisen,
                let choice = choice(use, before: good)
            else { return [] }
            return decide(.violated, choice, check, because: reason)
        case .idle(let reason):
            guard isCool(at: check.time), let choice = choiceOfIdle(use) else { return [] }
            return decide(.idle, choice, check, because: reason)
        }
    }

    private var hasRisen: Bool {
        recent.count == terms.violated.of && decision.map { rate > Self.risen * $0.rate } ?? false
    }

    /// Each answer that changed nothing in a row, for the same cause at about the same load, doubles the time to the next.
    private func isCool(at time: Timestamp) -> Bool {
        guard let last = decision else { return true }
        var fruitless = 0
        for earlier in [last] + past.reversed() {
            let isAlike = earlier.cause == last.cause && [.unchanged, .failed].contains(earlier.state)
            guard isAlike, abs(earlier.rate - rate) <= (1 - Self.fallen) * earlier.rate else { break }
            fruitless += 1
        }
        return time >= last.time + terms.cooldown * (1 << min(Self.patience, max(0, fruitless - 1)))
    }

    /// Sixteen times the cooldown is the longest.
    private static let patience = 4
    /// Less than this part of the load of the last decision may do with less.
    static let fallen = 0.8
    /// More than so many times the load that a plan was found for needs another plan.
    static let risen = 1.3
    /// What is remembered of the past: enough for an hour's changes.
    private static let remembered = 1000

    private mutating func decide(
        _ cause: ManagedDecision.Cause, _ choice: Choice, _ check: ServiceCheck, because reason: String
    ) -> [Order] {
        if let decision { past.append(decision) }
        past.removeFirst(max(0, past.count - Self.remembered))
        decision = ManagedDecision(
            id: newID(check.time), service: service, cause: cause, tier: choice.tier.name, limit: choice.limit,
            rate: rate, figure: check.sla.value, errors: errors, at: check.time, because: reason)
        decision?.calls = choice.calls
        note(choice.reason, at: check.time)
        guard choice.limit >= Self.leastLimit * sla.limit.seconds else {
            end(
                .unchanged, at: check.time,
                because:
                    "nothing at \(choice.tier.name) helps: the others take too much of \(sla); look at \(choice.worst)")
            return []
        }
        return [.explore(tier: choice.tier.name, limit: choice.limit)]
    }

    /// What is less of the SLA's limit than this is nothing that a tier could be asked for.
    private static let leastLimit = 0.05

    /// The share of replies in which the service says that it failed.
    var errors: Double {
        let (failed, all) = recent.reduce((0, 0)) { sums, check in
            let requests = check.tiers.first { $0.name == entry }?.requests ?? 0
            return (sums.0 + check.errors, sums.1 + requests)
        }
        return all > 0 ? failed / all : 0
    }

    private mutating func reconsider(_ open: ManagedDecision, _ check: ServiceCheck) -> [Order] {
        if open.cause == .idle, case .violated = vigil.finding {
            end(.expired, at: check.time, because: "the load has risen meanwhile: \(sla) is violated")
            return [.abandon]
        }
        guard !open.hasCampaign else { return [] }
        // Others' campaigns were first.
        if open.cause == .violated, recent.count == terms.violated.of, isKept {
            end(.expired, at: check.time, because: "\(sla) is met again, before anything was tried")
            return [.abandon]
        }
        if check.time >= open.begun + terms.expires {
            end(.expired, at: check.time, because: "its campaign did not get its turn in time")
            return [.abandon]
        }
        return []
    }

    private mutating func wait(_ open: ManagedDecision, _ check: ServiceCheck) -> [Order] {
        let time = check.time
        if let expires = open.expires, time >= expires {
            end(.expired, at: time, because: "it was not applied in time")
            return []
        }
        if open.cause == .idle, case .violated = vigil.finding {
            end(.expired, at: time, because: "the load has risen meanwhile: \(sla) is violated")
            return []
        }
        if recent.count == terms.violated.of, rate > Self.risen * open.rate {
            end(
                .expired, at: time,
                because: "it was found for \(Format.significant(open.rate)) requests/s, and there are "
                    + "\(Format.significant(rate)) now")
            return []
        }
        if terms.act == .apply, hindrance(at: time) == nil {
            decision?.go(to: .applying, at: time, because: "a change is allowed now")
            return [.set(open.changes)]
        }
        return [.look(open.changes)]
    }

    // MARK: - Decisions

    mutating func note(_ reason: String, at time: Timestamp) { decision?.note(reason, at: time) }

    mutating func end(_ state: ManagedDecision.State, at time: Timestamp, because reason: String) {
        decision?.go(to: state, at: time, because: reason)
        // What has made a plan useless is what the next one is for.
        guard state != .expired else { return }
        vigil.forget()
        recent = []
    }
}
