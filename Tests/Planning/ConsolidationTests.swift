import Model
import Planning
import Testing

@Suite struct ConsolidationTests {
    /// All placements of a few domains on a few nodes, tried one by one: fewest nodes, then fewest migrations.
    private struct BruteForce {
        var nodes = Int.max
        var migrations = Int.max

        init(_ centre: DataCentre, _ goal: ConsolidationGoal) {
            var placement = [Int](repeating: 0, count: centre.domains.count)
            while true {
                consider(placement, centre, goal)
                guard let digit = placement.firstIndex(where: { $0 < centre.nodes.count - 1 }) else { break }
                for place in 0..<digit { placement[place] = 0 }
                placement[digit] += 1
            }
        }

        private mutating func consider(_ placement: [Int], _ centre: DataCentre, _ goal: ConsolidationGoal) {
            var migrations = 0
            var use = centre.nodes.map { _ in centre.resources.map { _ in 0 } }
            for (domain, thing) in centre.domains.enumerated() {
                let node = placement[domain]
                if let now = thing.node, now != node {
                    if thing.isFixed { return }
                    migrations += 1
                }
                if !thing.isFixed, let allowed = thing.allowedNodes, !allowed.contains(node) { return }
                for resource in use[node].indices { use[node][resource] += thing.demand[resource] }
            }
            var count = 0
            for (node, thing) in centre.nodes.enumerated() {
                let there = placement.indices.filter { placement[$0] == node }
                if thing.duty == .staysOn || !there.isEmpty { count += 1 }
                if thing.duty == .leaves, !there.isEmpty { return }
                if !goal.mayPowerOn, !thing.isOn, !there.isEmpty { return }
                // What cannot leave may have too much, as long as nothing else is there.
                if there.allSatisfy({ centre.domains[$0].isFixed }) { continue }
                if zip(use[node], thing.capacity).contains(where: { $0 > $1 }) { return }
            }
            for rule in centre.rules {
                switch rule {
                case .together(let members): if Set(members.map { placement[$0] }).count > 1 { return }
                // Two that cannot be moved stay where they are, whatever the rule says.
                case .apart(let members):
                    for a in members where !centre.domains[a].isFixed {
                        if members.contains(where: { $0 != a && placement[$0] == placement[a] }) { return }
                    }
                }
            }
            if (count, migrations) < (nodes, self.migrations) { (nodes, self.migrations) = (count, migrations) }
        }
    }

    /// On tiny instances nothing is better than what is found, and what is said to be proven is true.
    @Test(arguments: [false, true]) func tinyInstancesAreSolvedAsByTryingAll(isBent: Bool) throws {
        var generator = RandomDataCentre(seed: isBent ? 1 : 2)
        var compared = 0
        for number in 0..<150 {
            let resources = number % 3 + 1
            let centre = generator.next(
                nodes: generator.number(2...4), domains: generator.number(3...6), resources: resources, isBent: isBent)
            let goal = ConsolidationGoal(mayPowerOn: number % 4 != 0, effort: 2_000_000)
            guard let plan = try? Consolidation.plan(centre, goal) else { continue }
            #expect(PlanAudit.faults(of: plan, centre, goal) == [], "instance \(number)")
            let best = BruteForce(centre, goal)
            guard best.nodes < .max else {
                #expect(plan.curve.isEmpty && plan.verdict == .impossible, "instance \(number): \(centre) \(plan)")
                continue
            }
            let first = try #require(
                plan.curve.first, "instance \(number): nothing found, but there is \(best) \(centre)")
            #expect(first.nodes == best.nodes, "instance \(number)")
            #expect(first.migrations == best.migrations, "instance \(number)")
            #expect(try #require(plan.leastNodes) <= best.nodes)
            compared += 1
        }
        #expect(compared > 75)
    }

    /// Plans for larger instances, with everything that an operator may have said, can be carried out as they are.
    @Test(arguments: 0..<12) func everyPlanCanBeCarriedOut(seed: UInt64) throws {
        var generator = RandomDataCentre(seed: seed)
        var changes = 0
        for number in 0..<6 {
            var centre = generator.next(nodes: 24, domains: 90, resources: number % 4 + 1, isBent: number % 2 == 1)
            for node in centre.nodes.indices {
                centre.nodes[node].capacity = centre.nodes[node].capacity.map { $0 * 2 }
            }
            var goal = ConsolidationGoal(
                reserve: number % 3 == 0 ? [.cpu: 0.1] : [:], migrationsPerNode: number % 3 + 1, effort: 2_000_000)
            if number == 4 { goal.migrationBudget = 12 }
            guard let plan = try? Consolidation.plan(centre, goal) else { continue }
            #expect(PlanAudit.faults(of: plan, centre, goal) == [])
            if plan.verdict == .change { changes += 1 }
        }
        #expect(changes > 0)
    }

    @Test func theSameSeedGivesTheSamePlan() throws {
        var generator = RandomDataCentre(seed: 5)
        let centre = generator.next(nodes: 20, domains: 60, isBent: true)
        let goal = ConsolidationGoal(effort: 2_000_000)
        #expect(try Consolidation.plan(centre, goal) == Consolidation.plan(centre, goal))
    }
}
