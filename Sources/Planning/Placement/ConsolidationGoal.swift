package import Model

/// What a plan may do, and what it should reach.
package struct ConsolidationGoal: Hashable, Codable, Sendable {
    package enum Purpose: String, Hashable, Codable, Sendable {
        /// The fewest nodes, then the fewest migrations.
        case consolidate
        /// What is on stays on, and as few nodes as will do are powered on, when demand has risen or domains wait; then the
        /// fewest migrations.
        case expand
    }

    package var purpose: Purpose
    /// The share of each node's capacity that is kept free; of a resource that is not named, none.
    package var reserve: [Resource: Double]
    /// What each node that is on costs (watts, money), in the order of the nodes; empty: all the same.
    package var nodeWeights: [Double]
    /// How many domains may move at most; nil: as many as it takes.
    package var migrationBudget: Int?
    /// With at most so many nodes on, the fewest migrations; nil: the fewest nodes, whatever moves for that.
    package var mostNodes: Int?
    /// Whether nodes that are off may be powered on.
    package var mayPowerOn: Bool
    /// A domain that moved does not move again for so long.
    package var cooldown: Duration
    package var recentMoves: [RecentMove]
    package var now: Timestamp
    package var link: MigrationLink
    /// How many migrations a node sends and receives at once.
    package var migrationsPerNode: Int
    /// How much is searched, in comparisons of a domain with a node; about a second for each 100 million.
    package var effort: Int
    package var seed: UInt64

    package init(
        _ purpose: Purpose = .consolidate, reserve: [Resource: Double] = [:], nodeWeights: [Double] = [],
        migrationBudget: Int? = nil, mostNodes: Int? = nil,
        mayPowerOn: Bool = true, cooldown: Duration = .zero, recentMoves: [RecentMove] = [],
        now: Timestamp = Timestamp(nanoseconds: 0), link: MigrationLink = MigrationLink(), migrationsPerNode: Int = 2,
        effort: Int = 60_000_000, seed: UInt64 = 0
    ) {
        self.purpose = purpose
        self.reserve = reserve
        self.nodeWeights = nodeWeights
        self.migrationBudget = migrationBudget
        self.mostNodes = mostNodes
        self.mayPowerOn = mayPowerOn
        self.cooldown = cooldown
        self.recentMoves = recentMoves
        self.now = now
        self.link = link
        self.migrationsPerNode = migrationsPerNode
        self.effort = effort
        self.seed = seed
    }
}

/// A domain, by its place, and when it moved.
package struct RecentMove: Hashable, Codable, Sendable {
    package var domain: Int
    package var at: Timestamp

    package init(domain: Int, at: Timestamp) {
        self.domain = domain
        self.at = at
    }
}

extension ConsolidationGoal {
    func check(_ centre: DataCentre) throws(PlacementError) {
        guard reserve.values.allSatisfy({ $0 >= 0 && $0 < 1 }) else {
            throw .wrong("reserve", "it is a share of a node's capacity, from 0% to less than 100%")
        }
        guard nodeWeights.isEmpty || nodeWeights.count == centre.nodes.count,
            nodeWeights.allSatisfy({ $0 >= 0 && $0.isFinite })
        else { throw .wrong("node weights", "they are zero or more, one a node, or none at all") }
        guard migrationsPerNode > 0, link.bandwidth > 0, migrationBudget ?? 0 >= 0 else {
            throw .wrong("goal", "a node takes at least one migration at once, over a link with a bandwidth")
        }
    }

    /// What of a capacity may be used.
    func limit(_ capacity: Int, of resource: Resource) -> Int {
        let share = reserve[resource] ?? 0
        return share == 0 ? capacity : Int(Double(capacity) * (1 - share))
    }

    /// The same with so much kept free of everything that no node is used more than the worst one is now.
    package func keepingWorst(_ centre: DataCentre) -> ConsolidationGoal {
        var goal = self
        let worst = centre.extremes(centre.placement, centre.nodes.map(\.isOn)).most
        for resource in centre.resources {
            // A hair more than that, which no rounding of what is kept takes away again; nothing at all cannot be kept free.
            goal.reserve[resource] = min(max(reserve[resource] ?? 0, 1 - worst - 1e-9), 1 - 1e-9)
        }
        return goal
    }

    /// Why a domain must not be moved now; nil when it may.
    func bar(_ place: Int, _ domain: DataCentre.Domain) -> String? {
        if domain.isFixed { return "it is fixed" }
        if recentMoves.contains(where: { $0.domain == place && now - $0.at < cooldown }) {
            return "it moved less than \(Format.duration(cooldown)) ago"
        }
        let pause = link.cost(memory: domain.memory, dirtyRate: domain.dirtyRate).pause
        if pause > link.longestPause {
            return "it would stand for \(Format.duration(pause)): it writes memory too fast"
        }
        return nil
    }
}
