import Model

/// Replays a plan step by step and says what is wrong with it: capacities, rules, pins, predictions and counts. It knows
/// nothing of how plans are made, and takes nothing from them but what they say.
package struct PlanAudit {
    package private(set) var faults: [String] = []

    let centre: DataCentre
    let goal: ConsolidationGoal
    /// As the steps so far leave it.
    private(set) var place: [Int?]
    private(set) var isOn: [Bool]
    private var use: [[Int]]

    /// The faults of a plan; empty for one that can be carried out and keeps what it says.
    package static func faults(
        of plan: ConsolidationPlan, _ centre: DataCentre, _ goal: ConsolidationGoal = ConsolidationGoal()
    ) -> [String] {
        var audit = PlanAudit(centre, goal)
        audit.replay(plan.stages)
        audit.compare(plan)
        if plan.verdict == .change { audit.judgeEnd() }
        return audit.faults
    }

    /// The faults of steps alone, of whichever plan: what cannot be done, or breaks a rule that held.
    package static func faults(
        of stages: [ConsolidationPlan.Stage], _ centre: DataCentre, _ goal: ConsolidationGoal
    ) -> [String] {
        var audit = PlanAudit(centre, goal)
        let broken = Set(audit.brokenRules)
        audit.replay(stages)
        audit.expect(broken.isSuperset(of: audit.brokenRules), "a rule is broken that held before")
        return audit.faults
    }

    init(_ centre: DataCentre, _ goal: ConsolidationGoal) {
        self.centre = centre
        self.goal = goal
        place = centre.domains.map(\.node)
        isOn = centre.nodes.map(\.isOn)
        use = centre.nodes.map { _ in centre.resources.map { _ in 0 } }
        for domain in centre.domains { if let node = domain.node { add(domain.demand, 1, to: node) } }
    }

    private mutating func add(_ demand: [Int], _ sign: Int, to node: Int) {
        for resource in demand.indices { use[node][resource] += sign * demand[resource] }
    }

    mutating func expect(_ isRight: Bool, _ fault: String) {
        if !isRight { faults.append(fault) }
    }

    mutating func replay(_ stages: [ConsolidationPlan.Stage]) {
        for (number, stage) in zip(1..., stages) {
            for node in stage.powersOn {
                expect(!isOn[node], "stage \(number) powers on \(name(node)), which is on")
                expect(centre.nodes[node].duty != .leaves, "\(name(node)) must leave and is powered on")
                expect(goal.mayPowerOn || centre.nodes[node].duty == .staysOn, "\(name(node)) may not be powered on")
                isOn[node] = true
            }
            replay(stage, number)
            for node in stage.powersOff {
                expect(isOn[node], "stage \(number) powers off \(name(node)), which is off")
                expect(!place.contains(node), "stage \(number) powers off \(name(node)), which is not empty")
                expect(centre.nodes[node].duty != .staysOn, "\(name(node)) has to stay on and is powered off")
                isOn[node] = false
            }
        }
    }

    private mutating func replay(_ stage: ConsolidationPlan.Stage, _ number: Int) {
        var busy: [Int: Int] = [:]
        // What leaves still needs its room until the stage ends.
        for move in stage.moves {
            let domain = centre.domains[move.domain]
            let what = "stage \(number), \(domain.name) to \(name(move.to))"
            expect(move.from == place[move.domain], "\(what): it is not where it is said to be")
            expect(move.from != move.to && isOn[move.to], "\(what): the node is off, or its own")
            expect(domain.allowedNodes?.contains(move.to) ?? true, "\(what): it is not allowed there")
            expect((move.cost == nil) == (move.from == nil), "\(what): what moves has a cost, and what starts has none")
            if move.from != nil {
                expect(!domain.isFixed, "\(what): it is fixed")
                let last = goal.recentMoves.filter { $0.domain == move.domain }.map(\.at).max()
                expect(last.map { goal.now - $0 >= goal.cooldown } ?? true, "\(what): it moved not long ago")
                expect((move.cost?.pause ?? .zero) <= goal.link.longestPause, "\(what): it would stand too long")
            }
            add(domain.demand, 1, to: move.to)
            for resource in domain.demand.indices where domain.demand[resource] > 0 {
                expect(
                    use[move.to][resource] <= limit(move.to, resource),
                    "\(what): \(centre.resources[resource]) beyond the limit")
            }
            for case .apart(let members) in centre.rules where members.contains(move.domain) {
                let others = members.filter { $0 != move.domain }
                let stillThere = stage.moves.filter { others.contains($0.domain) }.compactMap(\.from)
                expect(
                    !others.contains { place[$0] == move.to } && !stillThere.contains(move.to),
                    "\(what): what it must be apart from is there")
            }
            expect(move.target == prediction(move.to), "\(what): the target is predicted wrongly")
            place[move.domain] = move.to
            for node in [move.from, move.to].compactMap(\.self) { busy[node, default: 0] += 1 }
        }
        for move in stage.moves {
            guard let from = move.from else { continue }
            add(centre.domains[move.domain].demand, -1, to: from)
            expect(
                move.source == prediction(from),
                "stage \(number), \(centre.domains[move.domain].name): the source is predicted wrongly")
        }
        expect(
            busy.values.allSatisfy { $0 <= goal.migrationsPerNode },
            "stage \(number): a node has too much to do at once")
        expect(
            Set(stage.moves.map(\.domain)).count == stage.moves.count, "stage \(number) moves a domain twice at once")
    }

    func prediction(_ node: Int) -> ConsolidationPlan.Prediction {
        let shares = zip(use[node], centre.nodes[node].capacity).map { used, capacity in
            capacity > 0 ? Double(used) / Double(capacity) : used > 0 ? .infinity : 0
        }
        return ConsolidationPlan.Prediction(node: node, use: use[node], utilisation: shares.max() ?? 0)
    }

    private mutating func compare(_ plan: ConsolidationPlan) {
        expect(place == plan.placement, "the steps do not lead to the placement")
        expect(isOn == plan.isOn, "the steps do not lead to the nodes that are on")
        expect((plan.verdict == .change) == (plan.chosen != nil), "a change has a chosen point, and only a change")
        expect(plan.verdict == .change || plan.stages.isEmpty, "no change has steps")
        expect(plan.migrations <= goal.migrationBudget ?? .max, "more migrations than the budget has")
        for point in plan.curve {
            expect(point.nodes >= plan.leastNodes ?? 0, "fewer nodes than are proven to be needed")
            expect(point.weight >= plan.leastWeight - 1e-6, "less weight than is proven to be needed")
            expect(point.migrations >= point.leastMigrations, "fewer migrations than are proven to be needed")
        }
        for (a, b) in zip(plan.curve, plan.curve.dropFirst()) {
            expect(a.nodes < b.nodes && a.migrations >= b.migrations, "the curve does not fall")
        }
        if let chosen = plan.chosen {
            expect(isOn.count { $0 } == chosen.nodes, "the number of nodes is wrong")
            expect(chosen.nodes <= goal.mostNodes ?? .max, "more nodes than there may be")
            let moved = place.indices.count { centre.domains[$0].node != nil && centre.domains[$0].node != place[$0] }
            expect(moved == chosen.migrations, "the number of domains that move is wrong")
        }
        let worst = centre.nodes.indices.map { prediction($0).utilisation }.max() ?? 0
        expect(plan.worstAfter == worst, "the worst utilisation is predicted wrongly")
        judgeRisk()
    }

    mutating func judgeRisk() {
        expect(
            centre.domainsAtRisk(place, goal) <= centre.domainsAtRisk(centre.placement, goal),
            "more domains are on nodes that are used beyond the reserve")
    }

    /// Everything runs, nothing is beyond its limit but what cannot move, and all rules hold.
    private mutating func judgeEnd() {
        expect(!place.contains(nil), "a domain does not run in the end")
        for (node, thing) in centre.nodes.enumerated() {
            let there = place.indices.filter { place[$0] == node }
            expect(isOn[node] || there.isEmpty, "\(thing.name) is off and has domains")
            expect(thing.duty != .leaves || (there.isEmpty && !isOn[node]), "\(thing.name) should be empty and off")
            expect(thing.duty != .staysOn || isOn[node], "\(thing.name) should be on")
            for resource in thing.capacity.indices {
                let isMoved = there.contains { centre.domains[$0].node != node }
                let isStuck =
                    !isMoved && there.allSatisfy { isBarred($0) || centre.domains[$0].demand[resource] == 0 }
                expect(
                    use[node][resource] <= limit(node, resource) || isStuck,
                    "\(thing.name) has too much \(centre.resources[resource])")
            }
        }
        for (domain, thing) in centre.domains.enumerated() {
            guard let node = place[domain], !isBarred(domain) else { continue }
            expect(thing.allowedNodes?.contains(node) ?? true, "\(thing.name) is where it is not allowed")
        }
        for rule in centre.rules {
            switch rule {
            case .together(let members):
                expect(Set(members.map { place[$0] }).count == 1, "\(rule) does not hold")
            case .apart(let members):
                let free = members.filter { !isBarred($0) }
                let nodes = members.map { place[$0] }
                expect(free.allSatisfy { domain in nodes.count { $0 == place[domain] } == 1 }, "\(rule) does not hold")
            }
        }
    }

    private func isBarred(_ domain: Int) -> Bool {
        let thing = centre.domains[domain]
        return thing.isFixed
            || goal.recentMoves.contains { $0.domain == domain && goal.now - $0.at < goal.cooldown }
            || goal.link.cost(memory: thing.memory, dirtyRate: thing.dirtyRate).pause > goal.link.longestPause
    }

    private func limit(_ node: Int, _ resource: Int) -> Int {
        let share = 1 - (goal.reserve[centre.resources[resource]] ?? 0)
        return Int((Double(centre.nodes[node].capacity[resource]) * share).rounded(.down))
    }

    func name(_ node: Int) -> String { centre.nodes[node].name }
}
