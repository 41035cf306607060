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
        /// Run a campaign of the tier whose cells have to stay below `limit` seconds, or go on with the one of the decision.
        case explore(tier: String, limit: Double)
        /// The campaign is not needed any more.
        case abandon
        /// Set these, all or none.
        case set([AllocationChange])
        /// Say what the domains of these have now.
        case look([AllocationChange])
    }

    /// How a campaign ended.
    package enum Exploration: Sendable, Hashable {
        /// What has to be set for what was found, and its figure.
        case found(Allocation, changes: [AllocationChange], reasons: [String])
        case nothing(reasons: [String])
        case failed(String)
    }

    package let service: String
    package let sla: SLA
    private let entry: String
    package let terms: ManagementTerms
    private let newID: @Sendable (Timestamp) -> String
    private var vigil: Vigil
    /// Of the last checks that kept the promise, and of those since.
    private var recent: [ServiceCheck] = []
    private var good: Bottleneck?
    /// The open one, or the last.
    package private(set) var decision: ManagedDecision?
    private var past: [ManagedDecision]

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

    // MARK: - Beginning

    /// After a restart: what was begun goes on from what the domains have.
    package mutating func begin(at time: Timestamp) -> [Order] {
        guard let open = decision, !open.state.isEnd else { return [] }
        switch open.state {
        case .exploring:
            guard time < open.begun + terms.expires else {
                end(.expired, at: time, because: "the manager was not there for it in time")
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
        if recent.count == terms.violated.of, recent.allSatisfy({ $0.sla.state == .meets }) { good = use }
        guard let open = decision, !open.state.isEnd else { return consider(check) }
        switch open.state {
        case .exploring: return reconsider(open, check)
        case .proposed: return wait(open, check)
        case .verifying: return verify(open, check)
        default: return []
        }
    }

    private var use: Bottleneck {
        var sum = Bottleneck()
        for check in recent { sum.add(check.tiers) }
        return sum
    }

    private func rate(_ check: ServiceCheck) -> Double {
        guard let first = recent.first, check.time > first.time else { return 0 }
        let count = recent.dropFirst().compactMap { $0.tiers.first { $0.name == entry }?.requests }.reduce(0, +)
        return count / (check.time - first.time).seconds
    }

    private mutating func consider(_ check: ServiceCheck) -> [Order] {
        let isCool = decision.map { check.time >= $0.time + terms.cooldown } ?? true
        switch vigil.finding {
        case .calm: return []
        case .violated(let reason):
            // What gave something back must not hold up what takes it again; what takes it again is of a greater load, so
            // that the two do not follow each other for ever.
            guard isCool || decision?.cause == .idle else { return [] }
            guard let choice = choice(before: good) else { return [] }
            return decide(.violated, choice, check, because: reason)
        case .idle(let reason):
            guard isCool else { return [] }
            // The load for which an allocation was last found says the same again.
            if let last = decision, ![.expired, .failed].contains(last.state), rate(check) > Self.fallen * last.rate {
                return []
            }
            guard let choice = choice(before: nil, least: true) else { return [] }
            return decide(.idle, choice, check, because: reason)
        }
    }

    /// Less than this part of the load of the last decision may do with less.
    private static let fallen = 0.8
    /// More than so many times the load that a plan was found for needs another plan.
    private static let risen = 1.3
    /// What is remembered of the past: enough for an hour's changes.
    private static let remembered = 1000

    private struct Choice {
        let tier: ManagedTier
        let limit: Double
        let reason: String
    }

    /// Which managed tier, and what is left of the limit for it.
    private func choice(before: Bottleneck?, least: Bool = false) -> Choice? {
        let use = use
        let ranking = use.ranking(entry: entry, before: before)
        let managed = ranking.compactMap { ranked in
            terms.tiers.first { $0.name == ranked.tier }.map { (tier: $0, own: ranked.own, growth: ranked.growth) }
        }
        guard let first = least ? managed.last : managed.first, let worst = ranking.first else { return nil }
        let basis = before ?? use
        let times = basis.ownTimes(entry: entry)
        // What waits for it is its own time and that of those behind it; its clone is asked for that.
        let calls = max(1, use.calls(of: first.tier.name, entry: entry) ?? 1)
        let others = times.filter { $0.key != first.tier.name && !behind(first.tier.name).contains($0.key) }
            .values.reduce(0, +)
        let limit = (sla.limit.seconds - others) / calls
        var reason = "tier \(first.tier.name) has \(Format.milliseconds(first.own)) of its own for a request"
        if let growth = first.growth {
            reason += ", \(Format.milliseconds(growth)) more than when the promise was kept"
        }
        if !least, worst.tier != first.tier.name {
            reason += "; \(worst.tier), which may not be changed, has \(Format.milliseconds(worst.own))"
        }
        reason += "; the others need \(Format.milliseconds(others)), which leaves it \(Format.milliseconds(limit))"
        return Choice(tier: first.tier, limit: limit, reason: reason)
    }

    /// The tiers that one waits for, through others too.
    private func behind(_ name: String) -> Set<String> {
        guard let tiers = recent.last?.tiers else { return [] }
        var (found, open): (Set<String>, [String]) = ([], [name])
        while let next = open.popLast() {
            for callee in tiers.first(where: { $0.name == next })?.calls ?? [] where found.insert(callee).inserted {
                open.append(callee)
            }
        }
        return found
    }

    private mutating func decide(
        _ cause: ManagedDecision.Cause, _ choice: Choice, _ check: ServiceCheck, because reason: String
    ) -> [Order] {
        if let decision { past.append(decision) }
        past.removeFirst(max(0, past.count - Self.remembered))
        decision = ManagedDecision(
            id: newID(check.time), service: service, cause: cause, tier: choice.tier.name, limit: choice.limit,
            rate: rate(check), figure: check.sla.value, at: check.time, because: reason)
        note(choice.reason, at: check.time)
        guard choice.limit >= Self.leastLimit * sla.limit.seconds else {
            end(.unchanged, at: check.time, because: "nothing at \(choice.tier.name) helps: the others take too much")
            return []
        }
        return [.explore(tier: choice.tier.name, limit: choice.limit)]
    }

    /// What is less of the SLA's limit than this is nothing that a tier could be asked for.
    private static let leastLimit = 0.05

    private mutating func reconsider(_ open: ManagedDecision, _ check: ServiceCheck) -> [Order] {
        guard open.cause == .idle, case .violated = vigil.finding else { return [] }
        end(.expired, at: check.time, because: "the load has risen meanwhile: \(sla) is violated")
        return [.abandon]
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
        if recent.count == terms.violated.of, rate(check) > Self.risen * open.rate {
            end(
                .expired, at: time,
                because: "it was found for \(Format.significant(open.rate)) requests/s, and there are "
                    + "\(Format.significant(rate(check))) now")
            return []
        }
        if terms.act == .apply, hindrance(at: time) == nil {
            decision?.go(to: .applying, at: time, because: "a change is allowed now")
            return [.set(open.changes)]
        }
        return [.look(open.changes)]
    }

    /// Why nothing may be changed at a time.
    private func hindrance(at time: Timestamp) -> String? {
        if !terms.mayChange(at: time) {
            return "changes are made \(terms.windows.map(\.description).joined(separator: ", ")) UTC only"
        }
        let changes = past.compactMap(\.changed).count { $0 > time - .seconds(3600) }
        if changes >= terms.changesPerHour {
            return "\(changes) changes were made within an hour, and no more are allowed"
        }
        return nil
    }

    // MARK: - What was done

    /// The campaign has begun.
    package mutating func began(campaign: String) { decision?.campaign = campaign }

    package mutating func explored(_ outcome: Exploration, at time: Timestamp) -> [Order] {
        guard let open = decision, open.state == .exploring else { return [] }
        switch outcome {
        case .failed(let reason): end(.failed, at: time, because: reason)
        case .nothing(let reasons):
            end(.unchanged, at: time, because: "no change helps: " + reasons.joined(separator: "; "))
        case .found(let allocation, let changes, let reasons):
            let real = changes.filter { !$0.isNothing }
            if real.isEmpty {
                end(
                    .unchanged, at: time,
                    because: "no change helps: \(allocation) is what it has; " + reasons.joined(separator: "; "))
            } else if let refused = real.first(where: { $0.refusal != nil }) {
                end(.failed, at: time, because: "\(refused): \(refused.refusal ?? "")")
            } else {
                decision?.changes = real
                decision?.expires = time + terms.expires
                let words = real.map(\.description).joined(separator: "; ") + ". " + reasons.joined(separator: "; ")
                let hindrance = terms.act == .propose ? "'whatif apply' applies it" : hindrance(at: time)
                decision?.go(to: .proposed, at: time, because: words + (hindrance.map { ". It waits: \($0)" } ?? ""))
                if hindrance == nil {
                    decision?.go(to: .applying, at: time, because: "a change is allowed now")
                    return [.set(real)]
                }
            }
        }
        return []
    }

    /// What was told with `.set` is done, or has failed and everything is as before, unless `reason` says otherwise.
    package mutating func settled(_ failure: String?, at time: Timestamp) -> [Order] {
        guard let open = decision else { return [] }
        switch (open.state, failure) {
        case (.applying, nil):
            // What the change is held against is how it was just before.
            decision?.figure = recent.last?.sla.value ?? open.figure
            return verifying(at: time, because: "set and read back")
        case (.applying, let reason?): end(.failed, at: time, because: reason)
        case (.restoring, nil): end(.restored, at: time, because: "everything is again as it was before")
        case (.restoring, let reason?): end(.failed, at: time, because: "it could not be set back: \(reason)")
        default: break
        }
        return []
    }

    /// What the domains have of the resources of the decision's changes, in their order; nil where that cannot be known.
    package mutating func looked(_ present: [Setting?], at time: Timestamp) -> [Order] {
        guard let open = decision, !open.state.isEnd, present.count == open.changes.count else { return [] }
        let pairs = zip(open.changes, present)
        let isAll = pairs.allSatisfy { change, found in
            found.map { change.resource.agrees($0, with: change.to) } ?? false
        }
        switch open.state {
        case .proposed:
            if isAll { decision?.figure = recent.last?.sla.value ?? open.figure }
            return isAll ? verifying(at: time, because: "it was applied by somebody") : []
        case .applying, .restoring:
            let isBack = open.state == .restoring
            var left: [AllocationChange] = []
            for (change, found) in pairs {
                let wanted = isBack ? change.inverse : change
                guard let found else {
                    end(.failed, at: time, because: "\(change.domain) does not run any more")
                    return []
                }
                if change.resource.agrees(found, with: wanted.to) { continue }
                guard change.resource.agrees(found, with: wanted.from) else {
                    end(
                        .failed, at: time,
                        because:
                            "\(change.resource.rawValue) of \(change.domain) is \(change.resource.format(found)), which "
                            + "nobody here has set; nothing more was changed")
                    return []
                }
                left.append(wanted)
            }
            if left.isEmpty { return settled(nil, at: time) }
            note("after a restart, \(left.count) of \(open.changes.count) are left to set", at: time)
            return [.set(isBack ? left.reversed() : left)]
        default: return []
        }
    }

    // MARK: - Verification

    private mutating func verifying(at time: Timestamp, because reason: String) -> [Order] {
        decision?.go(to: .verifying, at: time, because: reason)
        vigil.forget()
        recent = []
        return []
    }

    private mutating func verify(_ open: ManagedDecision, _ check: ServiceCheck) -> [Order] {
        // What the SLA's window holds from before the change is none of its effects, and what has queued up before it has to be
        // worked off first.
        let watched = max(terms.verify, sla.over)
        guard check.time >= open.time + watched else { return [] }
        if check.sla.state == .violated, isFalling, check.time < open.time + watched * Self.patience { return [] }
        let figure = check.sla.value.map(Format.milliseconds) ?? "nothing"
        switch check.sla.state {
        case .meets:
            end(.done, at: check.time, because: "verified on-line: \(sla) is met with \(figure)")
        case .tooFew:
            end(
                .done, at: check.time,
                because: "too few requests came to verify it on-line; it stays, as the campaign found it good")
        case .violated:
            if open.cause == .violated, let before = open.figure, let now = check.sla.value, now < before {
                end(
                    .done, at: check.time,
                    because: "\(sla) is not met yet with \(figure), but that is better than the "
                        + "\(Format.milliseconds(before)) before: it stays")
                return []
            }
            decision?.go(
                to: .restoring, at: check.time,
                because: "\(sla) is violated on-line with \(figure): everything is set back")
            return [.set(open.changes.reversed().map(\.inverse))]
        }
        return []
    }

    /// So many times as long as a change is watched anyway, as long as the figure falls.
    private static let patience = 10

    private var isFalling: Bool {
        guard recent.count > 1, let first = recent.first?.sla.value, let last = recent.last?.sla.value else {
            return false
        }
        return last < Self.falling * first
    }

    private static let falling = 0.95

    // MARK: - Decisions

    private mutating func note(_ reason: String, at time: Timestamp) { decision?.note(reason, at: time) }

    private mutating func end(_ state: ManagedDecision.State, at time: Timestamp, because reason: String) {
        decision?.go(to: state, at: time, because: reason)
        // What has made a plan useless is what the next one is for.
        guard state != .expired else { return }
        vigil.forget()
        recent = []
    }
}

extension Keeper.Exploration {
    /// What a campaign that has ended says; `changes` are what would set its answer.
    package init(_ record: CampaignRecord, changes: [AllocationChange]) {
        let reasons = record.answer?.reasons ?? []
        switch record.answer?.verdict {
        case .cheapest(let allocation)?, .best(let allocation)?:
            self = .found(allocation, changes: changes, reasons: reasons)
        case .nothingMeets?: self = .nothing(reasons: ["no allocation of the campaign's axes meets it"] + reasons)
        case .undecided(let why)?: self = .failed("campaign \(record.id) has no trustworthy answer: \(why)")
        case nil: self = .failed("campaign \(record.id) has no answer")
        }
    }
}
