extension PlanAudit {
    /// The faults of a plan that balances; empty for one that can be carried out and keeps what `BalancingPlan` promises.
    package static func faults(
        of plan: BalancingPlan, _ centre: DataCentre, _ goal: ConsolidationGoal = ConsolidationGoal()
    ) -> [String] {
        var audit = PlanAudit(centre, goal)
        audit.judge(plan)
        return audit.faults
    }

    private mutating func judge(_ plan: BalancingPlan) {
        let before = state
        let broken = Set(brokenRules)
        replay(plan.stages)
        let after = state
        expect(place == plan.placement, "the steps do not lead to the placement")
        expect(isSame(plan.before, before) && isSame(plan.after, after), "what is used is predicted wrongly")
        expect(isOn == centre.nodes.map(\.isOn), "a node is powered on or off")
        expect(plan.moves.allSatisfy { $0.from != nil }, "a domain is started")
        expect(Set(plan.moves.map(\.domain)).count == plan.moves.count, "a domain moves twice")
        expect(plan.moves.count <= goal.migrationBudget ?? .max, "more migrations than the budget has")
        expect((plan.verdict == .change) == !plan.stages.isEmpty, "a change has steps, and only a change")
        expect(broken.isSuperset(of: brokenRules), "a rule is broken that held before")
        for move in plan.moves {
            expect(
                move.target.utilisation <= before.worst + 1e-9,
                "\(name(move.to)) is used more than the worst node was, while \(centre.domains[move.domain].name) comes"
            )
            expect(centre.nodes[move.to].duty != .leaves, "\(name(move.to)) is to be emptied and is sent a domain")
        }
        judgeRisk()
        guard plan.verdict == .change else { return }
        expect(after.worst <= before.worst + 1e-9, "the worst utilisation rises")
        expect(after.spread <= before.spread + 1e-9, "nodes differ by more")
        expect(after.deviation < before.deviation, "nodes are no more even")
    }

    private func isSame(_ a: BalancingPlan.State, _ b: BalancingPlan.State) -> Bool {
        abs(a.worst - b.worst) < 1e-9 && abs(a.spread - b.spread) < 1e-9 && abs(a.deviation - b.deviation) < 1e-6
    }

    /// Of the nodes that are on and not to be emptied, by the definitions.
    private var state: BalancingPlan.State {
        let shares = centre.nodes.indices.filter { centre.nodes[$0].isOn && centre.nodes[$0].duty != .leaves }
            .map { prediction($0).utilisation }
        guard let most = shares.max(), let least = shares.min() else {
            return BalancingPlan.State(worst: 0, spread: 0, deviation: 0)
        }
        let mean = shares.reduce(0, +) / Double(shares.count)
        let squares = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return BalancingPlan.State(
            worst: most, spread: most - least, deviation: (squares / Double(shares.count)).squareRoot())
    }

    var brokenRules: [PlacementRule] {
        centre.rules.filter { rule in
            switch rule {
            case .together(let members): Set(members.compactMap { place[$0] }).count > 1
            case .apart(let members):
                Set(members.compactMap { place[$0] }).count < members.compactMap { place[$0] }.count
            }
        }
    }
}
