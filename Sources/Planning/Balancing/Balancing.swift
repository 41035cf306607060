import Model

/// Moves domains from busy nodes to idle ones, few and only where it lasts. Pure, and the same for the same data centre.
///
/// The busiest node that a move can relieve gives the domain whose move gains most for what it costs, until nodes differ by
/// little or nothing gains enough. A move's gain is what it takes from the busier of its two nodes, so that the busiest never
/// becomes busier; one that would leave the idler of them idler still is none.
package enum Balancing {
    /// Of the goal count the reserve, the link, the cooldown with what moved of late, how many may migrate at once, and how
    /// many at most.
    ///
    /// - Throws: `PlacementError` for a data centre, a goal or terms that contradict themselves.
    package static func plan(
        _ centre: DataCentre, _ goal: ConsolidationGoal = ConsolidationGoal(),
        _ terms: BalancingTerms = BalancingTerms()
    ) throws(PlacementError) -> BalancingPlan {
        try terms.check()
        let problem = try PackingProblem(centre, goal)
        var load = NodeLoad(problem, centre)
        let before = load.state
        var plan = BalancingPlan(
            verdict: .noChange, before: before, after: before, stages: [], placement: centre.placement, reasons: [])
        let ills = PlacementIlls(centre, goal).texts
        if !ills.isEmpty {
            plan.reasons = ills + ["balancing mends that only by the way; consolidating plans a way out"]
        }
        guard load.nodes.count > 1 else {
            plan.reasons.append("no change helps: there are no two nodes that are on and stay so")
            return plan
        }
        guard before.spread > terms.start + NodeLoad.tolerance else {
            plan.reasons.append(
                "no change helps: nodes differ by \(Format.percent(before.spread)), and nothing moves up to "
                    + Format.percent(terms.start))
            return plan
        }
        var search = BalancingSearch(problem, centre, goal, terms)
        let moves = search.run(&load)
        guard !moves.isEmpty else {
            plan.reasons.append(why(search, centre, goal, before, terms))
            return plan
        }
        plan.verdict = .change
        plan.after = load.state
        plan.stages = stages(moves, problem, centre, goal, worst: before.worst)
        for move in moves { for domain in problem.domains[move.item] { plan.placement[domain] = move.to } }
        plan.reasons.append(
            "nodes differ by \(Format.percent(plan.after.spread)) instead of \(Format.percent(before.spread)), and the busiest "
                + "uses \(Format.percent(plan.after.worst)) instead of \(Format.percent(before.worst))")
        return plan
    }

    private static func why(
        _ search: BalancingSearch, _ centre: DataCentre, _ goal: ConsolidationGoal, _ before: BalancingPlan.State,
        _ terms: BalancingTerms
    ) -> String {
        let start = "no change helps: nodes differ by \(Format.percent(before.spread)), but "
        if let budget = goal.migrationBudget, budget == 0 { return start + "nothing may move" }
        guard let best = search.best else { return start + "no domain that may move fits better elsewhere" }
        let asked =
            Format.percent(terms.gain)
            + (terms.gainPerMinute > 0
                ? " and \(Format.percent(terms.gainPerMinute)) for each minute that it takes" : "")
        return start + "the best move, of \(best.names) to \(centre.nodes[best.to].name), takes "
            + "\(Format.percent(best.gain)) from the busier node in \(Format.duration(.seconds(best.minutes * 60))), and "
            + "\(asked) is asked for"
    }

    /// In the order in which they were found, which is one that works: as many at once as leave each node below the worst
    /// utilisation there was, also while domains need room on both nodes.
    private static func stages(
        _ moves: [BalancingSearch.Move], _ problem: PackingProblem, _ centre: DataCentre, _ goal: ConsolidationGoal,
        worst: Double
    ) -> [ConsolidationPlan.Stage] {
        var state = MigrationState(centre, goal)
        for move in moves {
            for domain in problem.domains[move.item] {
                let then = zip(state.use[move.to], centre.domains[domain].demand).map { $0 + $1 }
                let isCalm = centre.utilisation(then, of: move.to) <= worst + NodeLoad.tolerance
                if !state.isFresh, !isCalm || !state.canGo(domain, move.to) { state.endStage() }
                state.begin(domain, move.to, .balances)
            }
        }
        state.endStage()
        return state.stages
    }
}
