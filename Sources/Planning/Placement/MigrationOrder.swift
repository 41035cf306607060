import Model

/// In which order domains move, so that at no moment a node that takes one is beyond its limit.
///
/// While a domain moves it needs room on both nodes; what leaves in a stage frees nothing before the next. When all that is
/// left waits for each other's room, the domain that is quickest to move steps aside to a node with room for it.
struct MigrationOrder {
    private let centre: DataCentre
    private let goal: ConsolidationGoal
    /// By node and resource: what it may hold.
    private let limit: [[Int]]
    private let groups: [[Int]]
    private var groupsOf: [[Int]]
    private let costs: [MigrationLink.Cost]

    private var use: [[Int]]
    private var isOn: [Bool]
    /// Where each domain is now.
    private var place: [Int?]
    private var stages: [ConsolidationPlan.Stage] = []

    init(_ centre: DataCentre, _ goal: ConsolidationGoal) {
        self.centre = centre
        self.goal = goal
        limit = centre.nodes.map { node in zip(node.capacity, centre.resources).map { goal.limit($0, of: $1) } }
        groups = centre.rules.compactMap { if case .apart(let members) = $0 { members } else { nil } }
        groupsOf = [[Int]](repeating: [], count: centre.domains.count)
        for (group, members) in groups.enumerated() { for domain in members { groupsOf[domain].append(group) } }
        costs = centre.domains.map { goal.link.cost(memory: $0.memory, dirtyRate: $0.dirtyRate) }
        place = centre.placement
        use = centre.use(place)
        isOn = centre.nodes.map(\.isOn)
    }

    /// The stages that lead to `target`, where only nodes of `staysOn` are on in the end; nil when there is no way.
    mutating func stages(to target: [Int?], staysOn: [Bool]) -> [ConsolidationPlan.Stage]? {
        var pending = place.indices.filter { target[$0] != nil && target[$0] != place[$0] }
        // What a node has too much of goes first, then what takes longest.
        let isOver = use.indices.map { exceeds($0) }
        pending.sort { a, b in
            let (overA, overB) = (place[a].map { isOver[$0] } ?? false, place[b].map { isOver[$0] } ?? false)
            if overA != overB { return overA }
            if costs[a].duration != costs[b].duration { return costs[a].duration > costs[b].duration }
            return a < b
        }
        var wentAside = [Bool](repeating: false, count: place.count)
        while !pending.isEmpty {
            var stage = ConsolidationPlan.Stage()
            var busy = [Int](repeating: 0, count: use.count)
            var leaving: [Int] = []
            pending.removeAll { domain in
                guard let to = target[domain], canGo(domain, to, busy) else { return false }
                begin(domain, to, why(domain, staysOn, isOver), &stage, &busy, &leaving)
                return true
            }
            if stage.moves.isEmpty {
                guard let (domain, to) = aside(pending, target, wentAside, staysOn) else { return nil }
                wentAside[domain] = true
                begin(domain, to, .detour, &stage, &busy, &leaving)
            }
            end(&stage, leaving)
        }
        close(staysOn)
        return stages
    }

    private func exceeds(_ node: Int) -> Bool { zip(use[node], limit[node]).contains { $0 > $1 } }

    private func canGo(_ domain: Int, _ to: Int, _ busy: [Int]) -> Bool {
        guard busy[to] < goal.migrationsPerNode else { return false }
        if let from = place[domain], busy[from] >= goal.migrationsPerNode { return false }
        return hasRoom(domain, to)
    }

    private func hasRoom(_ domain: Int, _ node: Int) -> Bool {
        let demand = centre.domains[domain].demand
        for resource in demand.indices where demand[resource] > 0 {
            if use[node][resource] + demand[resource] > limit[node][resource] { return false }
        }
        return !groupsOf[domain].contains { group in
            groups[group].contains { $0 != domain && (place[$0] == node || leavesBehind[$0] == node) }
        }
    }

    /// Where what moves in this stage comes from: it is there until the stage ends.
    private var leavesBehind: [Int: Int] = [:]

    private func why(_ domain: Int, _ staysOn: [Bool], _ isOver: [Bool]) -> ConsolidationPlan.Why {
        guard let from = place[domain] else { return .starts }
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

    private mutating func begin(
        _ domain: Int, _ to: Int, _ why: ConsolidationPlan.Why, _ stage: inout ConsolidationPlan.Stage,
        _ busy: inout [Int], _ leaving: inout [Int]
    ) {
        let from = place[domain]
        if !isOn[to] {
            isOn[to] = true
            stage.powersOn.append(to)
        }
        for resource in use[to].indices { use[to][resource] += centre.domains[domain].demand[resource] }
        busy[to] += 1
        if let from {
            busy[from] += 1
            leavesBehind[domain] = from
        }
        place[domain] = to
        leaving.append(domain)
        stage.moves.append(
            ConsolidationPlan.Move(
                domain: domain, from: from, to: to, why: why, cost: from == nil ? nil : costs[domain], source: nil,
                target: prediction(to)))
    }

    private mutating func end(_ stage: inout ConsolidationPlan.Stage, _ leaving: [Int]) {
        for (index, domain) in leaving.enumerated() {
            guard let from = leavesBehind[domain] else { continue }
            for resource in use[from].indices { use[from][resource] -= centre.domains[domain].demand[resource] }
            stage.moves[index].source = prediction(from)
        }
        leavesBehind = [:]
        let boot = stage.powersOn.map { centre.nodes[$0].bootTime }.max() ?? .zero
        stage.duration = boot + (stage.moves.compactMap { $0.cost?.duration }.max() ?? .zero)
        stages.append(stage)
    }

    private func prediction(_ node: Int) -> ConsolidationPlan.Prediction {
        ConsolidationPlan.Prediction(node: node, use: use[node], utilisation: centre.utilisation(use[node], of: node))
    }

    /// Who steps aside, and where to: what is quickest of all that lets something else pass, or else of all that can.
    private func aside(
        _ pending: [Int], _ target: [Int?], _ wentAside: [Bool], _ staysOn: [Bool]
    ) -> (Int, Int)? {
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
        for node in use.indices where node != place[domain] && allowed?.contains(node) ?? true {
            let isOpen = isOn[node] || (goal.mayPowerOn && centre.nodes[node].duty != .leaves)
            let rank = (isOn[node] ? 0 : 2) + (isWanted[node] ? 1 : 0)
            guard isOpen, best.map({ rank < $0.rank }) ?? true, hasRoom(domain, node) else { continue }
            best = (rank, node)
        }
        return best?.node
    }

    /// Nodes that must be on and are not yet; then those that are empty and need not be go off with the stage that empties them.
    private mutating func close(_ staysOn: [Bool]) {
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
    }
}
