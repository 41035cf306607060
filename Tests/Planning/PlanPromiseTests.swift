import Model
import Planning
import Testing

/// What every plan promises, over random data centres and over simulated weeks.
@Suite struct PlanPromiseTests {
    /// Plans pass the audit; of a consolidation no node is ever used more than the worst one was or than the reserve allows,
    /// whichever is more, and of balancing never more than the worst one was.
    @Test(arguments: 0..<10) func noPlanOverloads(seed: UInt64) throws {
        var generator = RandomDataCentre(seed: 1000 + seed)
        var changes = [0, 0]
        for number in 0..<12 {
            var centre = generator.next(
                nodes: generator.number(3...12), domains: generator.number(10...45), resources: number % 4 + 1,
                isBent: number % 2 == 1)
            for node in centre.nodes.indices {
                centre.nodes[node].capacity = centre.nodes[node].capacity.map { $0 * 2 }
            }
            let reserve: [Resource: Double] = number % 3 == 0 ? [.cpu: 0.2, .memory: 0.1] : [:]
            let goal = ConsolidationGoal(
                reserve: reserve, migrationBudget: number == 7 ? 5 : nil, migrationsPerNode: number % 3 + 1,
                effort: 1_000_000)
            let allowed = centre.resources.map { 1 - (reserve[$0] ?? 0) }.max() ?? 1
            if let plan = try? Consolidation.plan(centre, goal) {
                #expect(PlanAudit.faults(of: plan, centre, goal) == [], "instance \(number)")
                let bound = max(plan.worstBefore, allowed)
                #expect(plan.worstAfter <= bound && plan.moves.allSatisfy { $0.target.utilisation <= bound })
                if plan.verdict == .change { changes[0] += 1 }
            }
            let careful = goal.keepingWorst(centre)
            if let plan = try? Consolidation.plan(centre, careful) {
                #expect(PlanAudit.faults(of: plan, centre, careful) == [], "instance \(number)")
                #expect(plan.worstAfter <= plan.worstBefore + 1e-6, "instance \(number)")
            }
            let terms = BalancingTerms(start: 0.1, stop: 0.02, gain: 0.01, gainPerMinute: number % 2 == 0 ? 0 : 0.01)
            if let plan = try? Balancing.plan(centre, goal, terms) {
                #expect(PlanAudit.faults(of: plan, centre, goal) == [], "instance \(number)")
                #expect(plan.after.worst <= plan.before.worst && plan.after.spread <= plan.before.spread)
                #expect(plan.moves.allSatisfy { $0.target.utilisation <= plan.before.worst + 1e-9 })
                if plan.verdict == .change { changes[1] += 1 }
            }
        }
        #expect(changes.allSatisfy { $0 > 0 })
    }

    /// A checker that finds nothing wrong with a wrong plan would prove nothing.
    @Test func theAuditSeesWhatIsWrongWithBalancing() throws {
        var generator = RandomDataCentre(seed: 3)
        var centre = generator.next(nodes: 6, domains: 30)
        for node in centre.nodes.indices { centre.nodes[node].capacity = centre.nodes[node].capacity.map { $0 * 2 } }
        let terms = BalancingTerms(start: 0.05, stop: 0.02, gain: 0.01)
        let plan = try Balancing.plan(centre, ConsolidationGoal(), terms)
        try #require(plan.verdict == .change && PlanAudit.faults(of: plan, centre) == [])
        let wrongs: [(inout BalancingPlan) -> Void] = [
            { $0.stages.removeLast() }, { $0.stages[0].moves[0].from = nil }, { $0.placement[0] = nil },
            { $0.after.worst += 0.01 }, { $0.before.spread += 0.01 }, { $0.verdict = .noChange },
            { $0.stages[0].powersOff.append(0) }, { $0.stages[0].moves.append($0.stages[0].moves[0]) },
            { $0.stages[0].moves[0].target.utilisation += 0.1 },
        ]
        for (number, spoil) in wrongs.enumerated() {
            var wrong = plan
            spoil(&wrong)
            #expect(PlanAudit.faults(of: wrong, centre) != [], "\(number)")
        }
    }

    /// A week of rounds, four an hour. Without a change of load, what was balanced once stays so; with one that comes and goes
    /// each day and noise on top, nothing moves again within its cooldown, and the worst utilisation is not raised by any round.
    @Test(arguments: [0, 0.1], 0..<3) func aWeekMovesNothingTwice(noise: Double, seed: UInt64) throws {
        var generator = RandomDataCentre(seed: 77 + seed)
        var centre = generator.next(nodes: 8, domains: 40, isBent: seed == 2)
        centre.rules = []
        for node in centre.nodes.indices {
            centre.nodes[node].duty = .free
            centre.nodes[node].capacity = centre.nodes[node].capacity.map { $0 * 3000 }
        }
        for domain in centre.domains.indices {
            centre.domains[domain].demand = centre.domains[domain].demand.map { $0 * 1000 }
        }
        let demands = centre.domains.map(\.demand)
        let cooldown = Duration.seconds(24 * 3600)
        var goal = ConsolidationGoal(cooldown: cooldown)
        var lastRoundThatMoved = 0
        for round in 0..<(7 * 24 * 4) {
            if noise > 0 {
                for domain in demands.indices {
                    // Half of them are busy by day and the others by night.
                    let isDay = (round / 48) % 2 == domain % 2
                    let factor = (isDay ? 1.2 : 0.8) + noise * (2 * generator.random.unit() - 1)
                    centre.domains[domain].demand = demands[domain].map { Int(Double($0) * factor) }
                }
            }
            let plan = try Balancing.plan(centre, goal)
            #expect(PlanAudit.faults(of: plan, centre, goal) == [], "round \(round)")
            for move in plan.moves {
                let before = goal.recentMoves.filter { $0.domain == move.domain }.map(\.at).max()
                #expect(
                    before.map { goal.now - $0 >= cooldown } ?? true,
                    "round \(round): \(move.domain) moved not long ago")
            }
            if plan.verdict == .change { lastRoundThatMoved = round }
            carryOut(plan, &centre, &goal)
            goal.now = goal.now + .seconds(900)
        }
        #expect(!goal.recentMoves.isEmpty)
        // Steady: all is done in the first rounds, and no domain moves a second time in all the week.
        if noise == 0 {
            #expect(lastRoundThatMoved < 4)
            #expect(Set(goal.recentMoves.map(\.domain)).count == goal.recentMoves.count)
        }
    }
}
