import Model

/// How one tier was used over some time.
package struct TierUse: Sendable, Hashable {
    package var name: String
    package var calls: [String]
    package var requests: Double
    /// The sum of the response times of these requests, in seconds.
    package var busy: Double

    package init(_ name: String, calls: [String], requests: Double, busy: Double) {
        (self.name, self.calls, self.requests, self.busy) = (name, calls, requests, busy)
    }
}

/// Where the time of a service's requests goes. Pure.
///
/// A tier's own time is its response times without those of the tiers that it waits for. What several tiers call is
/// shared out among them by how much they could have waited.
package struct Bottleneck: Sendable {
    private var sums: [TierUse] = []

    package init() {}

    package mutating func add(_ tiers: [TierUse]) {
        if sums.isEmpty { return sums = tiers }
        for (index, tier) in tiers.enumerated() where index < sums.count && sums[index].name == tier.name {
            sums[index].requests += tier.requests
            sums[index].busy += tier.busy
        }
    }

    /// Seconds of its own for every request to the first of `entry`, by tier.
    package func ownTimes(entry: String) -> [String: Double] {
        guard let served = sums.first(where: { $0.name == entry })?.requests, served > 0 else { return [:] }
        let own = sums.map { tier in
            let waited = tier.calls.compactMap { name -> Double? in
                guard let callee = sums.first(where: { $0.name == name }) else { return nil }
                let callers = sums.filter { $0.calls.contains(name) }.reduce(0) { $0 + $1.busy }
                return callers > 0 ? callee.busy * tier.busy / callers : 0
            }
            // Captures at different places do not end at the same request.
            return (tier.name, max(0, tier.busy - waited.reduce(0, +)) / served)
        }
        return Dictionary(own, uniquingKeysWith: +)
    }

    func callees(of tier: String) -> [String] { sums.first { $0.name == tier }?.calls ?? [] }

    /// A tier's own seconds for a request to the service, and how many more than before where that is known.
    package struct Rank: Sendable, Hashable {
        package let tier: String
        package let own: Double
        package let growth: Double?
    }

    /// How many of its requests the service makes of one of its own.
    package func calls(of tier: String, entry: String) -> Double? {
        guard let served = sums.first(where: { $0.name == entry })?.requests, served > 0,
            let asked = sums.first(where: { $0.name == tier })?.requests
        else { return nil }
        return asked / served
    }

    /// The tiers, the one first whose own time has grown most since `before`, or that takes most where nothing is known
    /// from before.
    package func ranking(entry: String, before: Bottleneck?) -> [Rank] {
        let (now, then) = (ownTimes(entry: entry), before?.ownTimes(entry: entry) ?? [:])
        let all = sums.map { tier in
            let own = now[tier.name] ?? 0
            return Rank(tier: tier.name, own: own, growth: then[tier.name].map { own - $0 })
        }
        return all.sorted { ($0.growth ?? $0.own) > ($1.growth ?? $1.own) }
    }
}
