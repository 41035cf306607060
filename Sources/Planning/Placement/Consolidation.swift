import Model

/// Plans where domains run: fewest nodes, then fewest migrations. Pure, and the same from the same seed.
///
/// For each number of nodes, those are kept on which most can stay (`NodeChoice`); everything that can stays at home, the
/// rest is packed between (`Packing`), with as little room to spare as still works.
package enum Consolidation {
    /// - Throws: `PlacementError` for a data centre or a goal that contradicts itself.
    package static func plan(
        _ centre: DataCentre, _ goal: ConsolidationGoal = ConsolidationGoal()
    ) throws(PlacementError) -> ConsolidationPlan {
        let problem = try PackingProblem(centre, goal)
        var search = PlacementSearch(problem, centre, effort: goal.effort, seed: goal.seed)
        let ills = PlacementIlls(centre, goal)
        let use = centre.use(centre.placement)
        let isOn = centre.nodes.map(\.isOn)
        var plan = ConsolidationPlan(
            verdict: .noChange, nodesNow: isOn.count { $0 }, leastNodes: search.bound.nodes,
            leastWeight: search.bound.weight, curve: [], chosen: nil, placement: centre.placement, isOn: isOn,
            worstBefore: worst(centre, use), worstAfter: worst(centre, use), reasons: ills.texts)
        guard search.bound.nodes != nil, problem.contradiction == nil else {
            plan.verdict = .impossible
            plan.reasons.append(
                problem.contradiction ?? "all nodes that may be used are too small for all domains together")
            return plan
        }
        let found = search.run(asked: goal.mostNodes).map { Candidate($0, problem, centre, search.bound) }
        plan.curve = found.map(\.point)
        let budget = goal.migrationBudget ?? .max
        let most = goal.mostNodes ?? .max
        let weightNow = isOn.indices.reduce(0.0) { isOn[$1] ? $0 + problem.nodeWeight[$1] : $0 }
        // By weight, then by migrations; where so many nodes are enough, by migrations alone.
        let wanted = found.filter { $0.point.migrations <= budget && $0.point.nodes <= most }
            .filter { !ills.isEmpty || $0.point.weight < weightNow - 1e-9 && (plan.nodesNow > most || most == .max) }
            .sorted {
                goal.mostNodes == nil
                    ? ($0.point.weight, $0.point.migrations) < ($1.point.weight, $1.point.migrations)
                    : ($0.point.migrations, $0.point.weight) < ($1.point.migrations, $1.point.weight)
            }
        for candidate in wanted {
            var order = MigrationOrder(centre, goal)
            guard let stages = order.stages(to: candidate.placement, staysOn: candidate.isOn) else {
                plan.reasons.append(
                    "\(candidate.point.nodes) nodes: there is no order of the moves that overloads no node")
                continue
            }
            // Detours may cost more than the budget has.
            guard stages.reduce(0, { $0 + $1.moves.count { $0.from != nil } }) <= budget else { continue }
            plan.verdict = .change
            plan.chosen = candidate.point
            plan.stages = stages
            plan.placement = candidate.placement
            plan.isOn = candidate.isOn
            plan.worstAfter = worst(centre, centre.use(candidate.placement))
            plan.reasons.append(
                "\(Format.count(candidate.point.nodes, "node")) instead of \(plan.nodesNow) with "
                    + "\(Format.count(plan.migrations, "migration")); at least \(Format.count(plan.leastNodes ?? 0, "node")) "
                    + "have to be on, and with \(candidate.point.nodes) at least "
                    + "\(Format.count(candidate.point.leastMigrations, "migration"))")
            return plan
        }
        plan.verdict = ills.isEmpty && plan.nodesNow <= most ? .noChange : .impossible
        plan.reasons.append(Self.whyNothing(plan, goal, wanted.isEmpty, isWell: ills.isEmpty))
        return plan
    }

    private static func whyNothing(
        _ plan: ConsolidationPlan, _ goal: ConsolidationGoal, _ isUnwanted: Bool, isWell: Bool
    ) -> String {
        guard let fewest = plan.curve.first else { return "no placement was found for all domains" }
        if let most = goal.mostNodes {
            if plan.nodesNow <= most, isWell { return "no change is needed: \(plan.nodesNow) nodes are on" }
            if fewest.nodes > most {
                return
                    "\(most) \(most == 1 ? "node is" : "nodes are") too few: at least \(plan.leastNodes ?? 0) are needed, "
                    + "and a placement was found on \(fewest.nodes)"
            }
        }
        if let budget = goal.migrationBudget, isUnwanted, plan.curve.contains(where: { $0.migrations > budget }) {
            return "nothing better was found with at most \(budget) migrations"
        }
        return isWell
            ? "no change helps: \(plan.nodesNow) nodes are on, and at least \(plan.leastNodes ?? 0) are needed"
            : "no placement that was found can be reached"
    }

    private static func worst(_ centre: DataCentre, _ use: [[Int]]) -> Double {
        use.indices.map { centre.utilisation(use[$0], of: $0) }.max() ?? 0
    }

    /// A packing in the words of the data centre.
    private struct Candidate {
        var point: ConsolidationPlan.Point
        var placement: [Int?]
        var isOn: [Bool]

        init(_ packing: Packing, _ problem: PackingProblem, _ centre: DataCentre, _ bound: PlacementBound) {
            var placement = [Int?](repeating: nil, count: centre.domains.count)
            for (item, domains) in problem.domains.enumerated() {
                for domain in domains { placement[domain] = packing.node[item] }
            }
            let before = centre.placement
            let migrations = placement.indices.count {
                before[$0] != nil && before[$0] != placement[$0]
            }
            self.placement = placement
            isOn = packing.isOpen
            let weight = packing.isOpen.indices.reduce(0.0) { packing.isOpen[$1] ? $0 + problem.nodeWeight[$1] : $0 }
            point = ConsolidationPlan.Point(
                nodes: packing.open.count, weight: weight, migrations: migrations,
                leastMigrations: bound.migrations(packing.open.count))
        }
    }
}
