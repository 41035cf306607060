import Model

/// Where everything is while domains move, and the stages so far.
///
/// While a domain moves it needs room on both nodes; what leaves in a stage frees nothing before the next.
struct MigrationState {
    let centre: DataCentre
    let goal: ConsolidationGoal
    /// By node and resource: what it may hold.
    let limit: [[Int]]
    let costs: [MigrationLink.Cost]
    private let groups: [[Int]]
    private var groupsOf: [[Int]]

    private(set) var use: [[Int]]
    private(set) var isOn: [Bool]
    /// Where each domain is now; of one that moves in this stage, where it goes.
    private(set) var place: [Int?]
    var stages: [ConsolidationPlan.Stage] = []

    private var stage = ConsolidationPlan.Stage()
    /// By node: migrations of this stage.
    private var busy: [Int]
    /// Where what moves in this stage comes from: it is there until the stage ends.
    private var leavesBehind: [Int: Int] = [:]

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
        busy = [Int](repeating: 0, count: centre.nodes.count)
    }

    /// Whether nothing moves in this stage yet.
    var isFresh: Bool { stage.moves.isEmpty }

    func exceeds(_ node: Int) -> Bool { zip(use[node], limit[node]).contains { $0 > $1 } }

    /// Whether a domain can still move in this stage.
    func canGo(_ domain: Int, _ to: Int) -> Bool {
        guard busy[to] < goal.migrationsPerNode else { return false }
        if let from = place[domain], busy[from] >= goal.migrationsPerNode { return false }
        return hasRoom(domain, to)
    }

    func hasRoom(_ domain: Int, _ node: Int) -> Bool {
        let demand = centre.domains[domain].demand
        for resource in demand.indices where demand[resource] > 0 {
            if use[node][resource] + demand[resource] > limit[node][resource] { return false }
        }
        return !groupsOf[domain].contains { group in
            groups[group].contains { $0 != domain && (place[$0] == node || leavesBehind[$0] == node) }
        }
    }

    mutating func begin(_ domain: Int, _ to: Int, _ why: ConsolidationPlan.Why) {
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
        stage.moves.append(
            ConsolidationPlan.Move(
                domain: domain, from: from, to: to, why: why, cost: from == nil ? nil : costs[domain], source: nil,
                target: prediction(to)))
    }

    mutating func endStage() {
        for (index, move) in stage.moves.enumerated() {
            guard let from = move.from else { continue }
            for resource in use[from].indices { use[from][resource] -= centre.domains[move.domain].demand[resource] }
            stage.moves[index].source = prediction(from)
        }
        let boot = stage.powersOn.map { centre.nodes[$0].bootTime }.max() ?? .zero
        stage.duration = boot + (stage.moves.compactMap { $0.cost?.duration }.max() ?? .zero)
        stages.append(stage)
        stage = ConsolidationPlan.Stage()
        leavesBehind = [:]
        busy = busy.map { _ in 0 }
    }

    private func prediction(_ node: Int) -> ConsolidationPlan.Prediction {
        ConsolidationPlan.Prediction(node: node, use: use[node], utilisation: centre.utilisation(use[node], of: node))
    }
}
