package import Model

extension Keeper {
    /// How a campaign ended.
    package enum Exploration: Sendable, Hashable {
        /// What has to be set for what was found; `lack` is why the node has no room for that, `predicted` the tier's figure of the
        /// SLA with it, in seconds.
        case found(
            Allocation, changes: [AllocationChange], lack: String?, reasons: [String], predicted: Estimate? = nil)
        case nothing(reasons: [String])
        case failed(String)
    }

    /// The campaign has begun.
    package mutating func began() { decision?.hasCampaign = true }

    package mutating func explored(_ outcome: Exploration, at time: Timestamp) -> [Order] {
        guard let open = decision, open.state == .exploring else { return [] }
        switch outcome {
        case .failed(let reason): end(.failed, at: time, because: reason)
        case .nothing(let reasons):
            end(
                .unchanged, at: time,
                because:
                    "no change helps; give tier \(open.tier) greater values in 'manage:', or the SLA a greater limit. "
                    + reasons.joined(separator: "; "))
        case .found(let allocation, let changes, let lack, let reasons, let predicted):
            let real = Self.real(changes)
            let words = real.map(\.description).joined(separator: "; ")
            let why = reasons.joined(separator: "; ")
            if real.isEmpty {
                end(.unchanged, at: time, because: "no change helps: \(allocation) is what it has. \(why)")
            } else if open.cause == .violated, real.allSatisfy({ $0.isDecrease }) {
                end(
                    .unchanged, at: time,
                    because:
                        "tier \(open.tier) would do with less (\(words)), so that it is not what breaks the promise. \(why)"
                )
            } else if let refused = real.first(where: { $0.refusal != nil }) {
                end(.failed, at: time, because: "\(refused): \(refused.refusal ?? "")")
            } else if let lack {
                end(.failed, at: time, because: "\(words) would help, but \(lack)")
            } else {
                let figure = self.predicted(predicted, open)
                decision?.predicted = figure
                return propose(open, real, "\(words). \(why)", at: time)
            }
        }
        return []
    }

    /// The service's figure from the tier's: the other tiers need what the limit of this one is short of the SLA's. A figure of
    /// several calls together is no sum of theirs.
    private func predicted(_ figure: Estimate?, _ open: ManagedDecision) -> Estimate? {
        guard let figure, let calls = open.calls, calls < Self.severalCalls else { return nil }
        let others = sla.limit.seconds - open.limit * calls
        return Estimate(
            figure.value * calls + others, lower: figure.lower * calls + others, upper: figure.upper * calls + others)
    }

    private static let severalCalls = 1.2

    /// What changes something. A machine's quota is shared out anew among another number of processors.
    private static func real(_ changes: [AllocationChange]) -> [AllocationChange] {
        changes.filter { change in
            !change.isNothing
                || change.resource == .cpu
                    && changes.contains { $0.domain == change.domain && $0.resource == .vcpus && !$0.isNothing }
        }
    }

    private mutating func propose(
        _ open: ManagedDecision, _ changes: [AllocationChange], _ words: String, at time: Timestamp
    ) -> [Order] {
        let expires = terms.expiry(of: time)
        decision?.changes = changes
        decision?.expires = expires
        let hindrance =
            terms.act == .propose
            ? "'whatif apply FILE --campaign \(open.id)' applies it" : hindrance(at: time)
        decision?.go(to: .proposed, at: time, because: words + (hindrance.map { ". It waits: \($0)" } ?? ""))
        guard hindrance == nil else { return [] }
        decision?.go(to: .applying, at: time, because: "a change is allowed now")
        return [.set(changes)]
    }

    /// Why nothing may be changed at a time.
    func hindrance(at time: Timestamp) -> String? {
        if !terms.mayChange(at: time) {
            return "changes are made \(terms.windows.map(\.description).joined(separator: ", ")) UTC only"
        }
        let changes = past.compactMap(\.changed).count { $0 > time - .seconds(3600) }
        if changes >= terms.changesPerHour {
            return "\(changes) changes were made within an hour, and no more are allowed"
        }
        return nil
    }

    /// What was told with `.set` is done; or it has failed for that reason, and everything is as before unless that says otherwise.
    package mutating func settled(_ failure: String?, at time: Timestamp) -> [Order] {
        guard let open = decision else { return [] }
        switch (open.state, failure) {
        case (.applying, nil): return verifying(open, at: time, because: "set and read back")
        case (.applying, let reason?): end(.failed, at: time, because: reason)
        case (.restoring, nil): end(.restored, at: time, because: "everything is again as it was before")
        case (.restoring, let reason?): end(.failed, at: time, because: "it could not be set back: \(reason)")
        default: break
        }
        return []
    }

    /// What the domains have of the resources of the decision's changes, in their order; nil of one that does not run.
    package mutating func looked(_ present: [Setting?], at time: Timestamp) -> [Order] {
        guard let open = decision, !open.state.isEnd, present.count == open.changes.count else { return [] }
        let pairs = Array(zip(open.changes, present))
        switch open.state {
        case .proposed:
            let isDone = pairs.allSatisfy { change, found in
                found.map { change.resource.agrees($0, with: change.to) } ?? false
            }
            return isDone ? verifying(open, at: time, because: "somebody has applied it") : []
        case .applying, .restoring: return goOn(open, pairs, at: time)
        default: return []
        }
    }

    /// From what the domains have to what is left to set; nothing where somebody else has been there.
    private mutating func goOn(
        _ open: ManagedDecision, _ pairs: [(change: AllocationChange, found: Setting?)], at time: Timestamp
    ) -> [Order] {
        let isBack = open.state == .restoring
        var left: [AllocationChange] = []
        for (change, found) in pairs {
            guard let found else {
                // What does not run starts with its own definition.
                if isBack { continue }
                end(.failed, at: time, because: "\(change.domain) does not run any more; its definition is as it was")
                return []
            }
            let wanted = isBack ? change.inverse : change
            if change.resource.agrees(found, with: wanted.to) { continue }
            guard change.isOnItsWay(found, among: open.changes) else {
                end(
                    .failed, at: time,
                    because:
                        "\(change.resource.rawValue) of \(change.domain) is \(change.resource.format(found)), which was "
                        + "not set here; nothing more was changed, so look at "
                        + open.changes.map(\.description).joined(separator: "; "))
                return []
            }
            left.append(AllocationChange(domain: change.domain, resource: change.resource, from: found, to: wanted.to))
        }
        if left.isEmpty { return settled(nil, at: time) }
        if !isBack, left.count == pairs.count {
            // Nothing had been set yet, and it may be too late for it.
            if let expires = open.expires, time >= expires {
                end(.expired, at: time, because: "the manager was not there to apply it in time")
                return []
            }
            if let hindrance = hindrance(at: time) {
                decision?.go(to: .proposed, at: time, because: "It waits: \(hindrance)")
                return []
            }
        }
        return [.set(left)]
    }
}

extension AllocationChange {
    /// Less than before, as far as that can be told.
    var isDecrease: Bool {
        switch (from, to) {
        case (.number(let before), .number(let after)): after < before
        case (.name(_), .number): from == .unlimited
        default: false
        }
    }

    /// More than before, as far as that can be told.
    var isIncrease: Bool { inverse.isDecrease }
}

extension Keeper.Exploration {
    /// What a campaign that has ended says; `changes` are what would set its answer, on a node with that room.
    package init(_ record: CampaignRecord, changes: [AllocationChange], room: NodeRoom?) {
        let reasons = record.answer?.reasons ?? []
        switch record.answer?.verdict {
        case .cheapest(let allocation)?, .best(let allocation)?:
            self = .found(
                allocation, changes: changes, lack: room?.lack(for: changes, more: record.furtherProcessors),
                reasons: reasons, predicted: record.matrix[allocation]?.estimate(Metric(record.sla.statistic)))
        case .nothingMeets?: self = .nothing(reasons: reasons)
        case .undecided(let why)?: self = .failed("campaign \(record.id) has no trustworthy answer: \(why)")
        case nil: self = .failed("campaign \(record.id) has no answer")
        }
    }
}
