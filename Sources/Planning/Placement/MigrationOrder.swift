import Model

/// In which order domains move, so that at no moment a node that takes one is beyond its limit. When all that is left waits for
/// each other's room, the domain that is quickest to move steps aside to a node with room for it.
struct MigrationOrder {
    private var state: MigrationState
    private var centre: DataCentre { state.centre }

    init(_ centre: DataCentre, _ goal: ConsolidationGoal) { state = MigrationState(centre, goal) }

    /// The stages that lead to `target`, where only nodes of `staysOn` are on in the end; nil when there is no way.
    mutating func stages(to target: [Int?], staysOn: [Bool]) -> [ConsolidationPlan.Stage]? {
        let (place, costs) = (state.place, state.costs)
        var pending = place.indices.filter { target[$0] != nil && target[$0] != place[$0] }
        // What a node has too much of goes first, then what takes longest.
        let isOver = state.use.indices.map { state.exceeds($0) }
        pending.sort { a, b in
            let (overA, overB) = (place[a].map { isOver[$0] } ?? false, place[b].map { isOver[$0] } ?? false)
            if overA != overB { return overA }
            if costs[a].duration != costs[b].duration { return costs[a].duration > costs[b].duration }
            return a < b
        }
        var wentAside = [Bool](repeating: false, count: place.count)
        while !pending.isEmpty {
            pending.removeAll { domain in
                guard let to = target[domain], state.canGo(domain, to) else { return false }
                state.begin(domain, to, why(domain, staysOn, isOver))
                return true
            }
            if state.isFresh {
                guard let (domain, to) = aside(pending, target, wentAside, staysOn) else { return nil }
                wentAside[domain] = true
                state.begin(domain, to, .detour)
            }
            state.endStage()
        }
        close(staysOn)
        return state.stages
    }

    private func why(_ domain: Int, _ staysOn: [Bool], _ isOver: [Bool]) -> ConsolidationPlan.Why {
        guard let from = state.place[domain] else { return .starts }
        if !staysOn[from] || centre.nodes[from].duty == .leaves { return .empties }
        if isOver[from] { return .relieves }
        let isInRule = centre.rules.contains { rule in
            switch rule {
            case .together(let members):
                members.contains(domain) && Set(members.map { centre.domains[$0].node }).count > 1
            case .apart(let members):
                members.contains(domain) && members.contains { $0 != domain && centre.domains[$0].node == from }
            }
        }
        return isInRule ? .rule : .makesRoom
    }

    /// Who steps aside, and where to: what is quickest of all that lets something else pass, or else of all that can.
    private func aside(
        _ pending: [Int], _ target: [Int?], _ wentAside: [Bool], _ staysOn: [Bool]
    ) -> (Int, Int)? {
        let (place, use, limit, costs) = (state.place, state.use, state.limit, state.costs)
        var isWanted = [Bool](repeating: false, count: use.count)
        for domain in pending { if let to = target[domain] { isWanted[to] = true } }
        let movers = pending.filter { domain in
            guard let from = place[domain] else { return false }
            return isWanted[from] && !wentAside[domain]
        }
        var second: (Int, Int)?
        for domain in movers.sorted(by: { (costs[$0].duration, $0) < (costs[$1].duration, $1) }) {
            guard let from = place[domain], let to = room(domain, staysOn, isWanted) else { continue }
            let lets = pending.contains { other in
                target[other] == from && other != domain
                    && centre.domains[other].demand.indices.allSatisfy { resource in
                        use[from][resource] - centre.domains[domain].demand[resource]
                            + centre.domains[other].demand[resource] <= limit[from][resource]
                    }
            }
            if lets { return (domain, to) }
            second = second ?? (domain, to)
        }
        return second
    }

    /// A node with room that nobody waits for, if there is one; what is off only when it must be.
    private func room(_ domain: Int, _ staysOn: [Bool], _ isWanted: [Bool]) -> Int? {
        let allowed = centre.domains[domain].allowedNodes.map(Set.init)
        var best: (rank: Int, node: Int)?
        for node in isWanted.indices where node != state.place[domain] && allowed?.contains(node) ?? true {
            let isOn = state.isOn[node]
            let isOpen = isOn || (state.goal.mayPowerOn && centre.nodes[node].duty != .leaves)
            let rank = (isOn ? 0 : 2) + (isWanted[node] ? 1 : 0)
            guard isOpen, best.map({ rank < $0.rank }) ?? true, state.hasRoom(domain, node) else { continue }
            best = (rank, node)
        }
        return best?.node
    }

    /// Nodes that must be on and are not yet; then those that are empty and need not be go off with the stage that empties them.
    private mutating func close(_ staysOn: [Bool]) {
        let isOn = state.isOn
        var stages = state.stages
        let missing = isOn.indices.filter { staysOn[$0] && !isOn[$0] }
        let spare = isOn.indices.filter { isOn[$0] && !staysOn[$0] }
        if stages.isEmpty {
            guard !missing.isEmpty || !spare.isEmpty else { return }
            stages.append(ConsolidationPlan.Stage())
        }
        stages[0].powersOn += missing
        if !missing.isEmpty {
            let boot = missing.map { centre.nodes[$0].bootTime }.max() ?? .zero
            stages[0].duration = max(stages[0].duration, boot)
        }
        var last = [Int](repeating: 0, count: isOn.count)
        for (number, stage) in stages.enumerated() {
            for move in stage.moves {
                last[move.to] = number
                if let from = move.from { last[from] = number }
            }
        }
        for node in spare { stages[last[node]].powersOff.append(node) }
        state.stages = stages
    }
}
