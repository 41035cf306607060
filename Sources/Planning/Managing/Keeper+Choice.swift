import Model

extension Keeper {
    /// What a campaign shall be about.
    struct Choice {
        let tier: ManagedTier
        /// Seconds of the SLA's limit that are left for it.
        let limit: Double
        /// How often it is called for a request.
        let calls: Double
        /// The tier that takes most, or has grown most.
        let worst: String
        let reason: String
    }

    /// The managed tier whose own time has grown most.
    func choice(_ use: Bottleneck, before: Bottleneck?) -> Choice? {
        let ranking = use.ranking(entry: entry, before: before)
        for ranked in ranking {
            guard let tier = terms.tiers.first(where: { $0.name == ranked.tier }) else { continue }
            return choice(tier, ranked, worst: ranking[0], use, before: before)
        }
        return nil
    }

    /// The managed tier that takes least, of those for which this load has not been asked about yet.
    func choiceOfIdle(_ use: Bottleneck) -> Choice? {
        let ranking = use.ranking(entry: entry, before: nil)
        let known = past + [decision].compactMap(\.self)
        for ranked in ranking.reversed() {
            guard let tier = terms.tiers.first(where: { $0.name == ranked.tier }) else { continue }
            let last = known.last { $0.tier == tier.name && ![.expired, .failed].contains($0.state) }
            if let last, rate > Self.fallen * last.rate { continue }
            return choice(tier, ranked, worst: ranked, use, before: nil)
        }
        return nil
    }

    private func choice(
        _ tier: ManagedTier, _ ranked: Bottleneck.Rank, worst: Bottleneck.Rank, _ use: Bottleneck, before: Bottleneck?
    ) -> Choice {
        let now = use.ownTimes(entry: entry)
        let then = (before ?? use).ownTimes(entry: entry)
        let isManaged = { (name: String) in terms.tiers.contains { $0.name == name } }
        // What waits for it is its own time and that of those behind it; its clone is asked for that. What others have grown by
        // less than it goes with it; what a tier has grown by that nobody may change will not.
        let behind = behind(tier.name, use)
        let others = now.filter { $0.key != tier.name && !behind.contains($0.key) }.reduce(0) { sum, other in
            let before = then[other.key] ?? other.value
            return sum + (other.key == worst.tier && !isManaged(other.key) ? max(before, other.value) : before)
        }
        let calls = max(1, use.calls(of: tier.name, entry: entry) ?? 1)
        let limit = (sla.limit.seconds - others) / calls
        var reason = "tier \(tier.name) has \(Format.milliseconds(ranked.own)) of its own for a request"
        if let growth = ranked.growth, growth > 0 {
            reason += ", \(Format.milliseconds(growth)) more than when the promise was kept"
        }
        if worst.tier != tier.name {
            reason += "; \(worst.tier), which may not be changed, has \(Format.milliseconds(worst.own))"
        }
        reason +=
            "; the others need \(Format.milliseconds(others)), which leaves it \(Format.milliseconds(max(0, limit)))"
            + (calls > 1 ? " for each of its \(Format.significant(calls)) calls" : "")
        return Choice(tier: tier, limit: limit, calls: calls, worst: worst.tier, reason: reason)
    }

    /// The tiers that one waits for, through others too.
    private func behind(_ name: String, _ use: Bottleneck) -> Set<String> {
        var (found, open): (Set<String>, [String]) = ([], [name])
        while let next = open.popLast() {
            for callee in use.callees(of: next) where found.insert(callee).inserted { open.append(callee) }
        }
        return found
    }
}
