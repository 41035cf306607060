import Model

/// A data centre and a goal as contiguous numbers, which the search goes through. Domains that must be together are one
/// item. Amounts are whole numbers held as `Double`, so sums and differences are exact.
struct PackingProblem: Sendable {
    let resources: Int
    let nodes: Int
    /// Why there can be no placement, as far as it is seen at once.
    private(set) var contradiction: String?
    /// What may be used of a node, `node * resources + resource`.
    var limit: [Double] = []
    /// Nodes that may be on, that must be, and that are.
    var isUsable: [Bool] = []
    var isForced: [Bool] = []
    var isOn: [Bool] = []
    var nodeWeight: [Double]
    /// Seconds until a node can take something.
    private(set) var bootTime: [Double] = []

    /// Domains of each item.
    private(set) var domains: [[Int]] = []
    /// What an item needs, `item * resources + resource`.
    private(set) var demand: [Double] = []
    /// Where most of an item is; -1 for one that waits.
    private(set) var home: [Int] = []
    /// What it saves to have it there: migrations, and below one the share of the time that all migrations would take.
    private(set) var weight: [Double] = []
    /// Where else some of an item's domains are, when they are not all at its home, and what those save; by
    /// `otherStart[item]..<otherStart[item + 1]`.
    private(set) var otherStart: [Int] = [0]
    private(set) var otherNode: [Int] = []
    private(set) var otherWeight: [Double] = []
    private(set) var isFixed: [Bool] = []
    /// Where in `allowed` an item's row of nodes begins; -1: everywhere.
    private(set) var allowedRow: [Int] = []
    private(set) var allowed: [Bool] = []
    /// Groups of items that must be apart: those of an item, and the items of a group, both as ranges in flat arrays.
    private(set) var groupStart: [Int] = []
    private(set) var groups: [Int] = []
    private(set) var memberStart: [Int] = [0]
    private(set) var members: [Int] = []

    var items: Int { home.count }

    init(_ centre: DataCentre, _ goal: ConsolidationGoal) throws(PlacementError) {
        try centre.check()
        try goal.check(centre)
        resources = centre.resources.count
        nodes = centre.nodes.count
        nodeWeight = goal.nodeWeights.isEmpty ? [Double](repeating: 1, count: nodes) : goal.nodeWeights
        for node in centre.nodes {
            limit += zip(node.capacity, centre.resources).map { Double(goal.limit($0, of: $1)) }
            isOn.append(node.isOn)
            isForced.append(
                node.duty == .staysOn || goal.purpose == .expand && node.isOn && node.duty != .leaves)
            bootTime.append(node.isOn ? 0 : node.bootTime.seconds)
            isUsable.append(node.duty != .leaves && (node.isOn || goal.mayPowerOn || node.duty == .staysOn))
        }
        try addItems(centre, goal)
        try addGroups(centre)
        holdFixed(centre, goal)
        checkFixed(centre, goal)
    }

    /// What may not be moved stays, also beyond the limit; then nothing comes to it.
    private mutating func holdFixed(_ centre: DataCentre, _ goal: ConsolidationGoal) {
        var held = [Double](repeating: 0, count: limit.count)
        var needed = held
        for item in 0..<items where isFixed[item] {
            isForced[home[item]] = true
            for resource in 0..<resources {
                needed[home[item] * resources + resource] += demand[item * resources + resource]
                for domain in domains[item] where goal.bar(domain, centre.domains[domain]) != nil {
                    held[home[item] * resources + resource] += Double(centre.domains[domain].demand[resource])
                }
            }
        }
        for place in limit.indices {
            limit[place] = max(limit[place], held[place])
            if needed[place] > limit[place] {
                contradiction =
                    "\(centre.nodes[place / resources].name) is too small for what may not leave it and what must be with that"
            }
        }
    }

    /// What must be with something that may not be moved has to be allowed there.
    private mutating func checkFixed(_ centre: DataCentre, _ goal: ConsolidationGoal) {
        var held = [Int?](repeating: nil, count: centre.domains.count)
        for item in 0..<items where isFixed[item] { for domain in domains[item] { held[domain] = home[item] } }
        let isFree = { (domain: Int) in goal.bar(domain, centre.domains[domain]) == nil }
        for (domain, thing) in centre.domains.enumerated() where isFree(domain) {
            guard let node = held[domain], let allowed = thing.allowedNodes, !allowed.contains(node) else { continue }
            contradiction =
                "\(thing.name) must be on \(centre.nodes[node].name) with what may not leave it, and may not be there"
        }
        for case .apart(let members) in centre.rules {
            let there = Dictionary(grouping: members.filter { held[$0] != nil }) { held[$0] ?? -1 }
            for domains in there.values where domains.count > 1 && domains.contains(where: isFree) {
                let names = domains.map { centre.domains[$0].name }.joined(separator: ", ")
                contradiction = "\(names) must be apart, but what may not be moved holds them on one node"
            }
        }
    }

    private mutating func addItems(_ centre: DataCentre, _ goal: ConsolidationGoal) throws(PlacementError) {
        let costs = centre.domains.map { goal.link.cost(memory: $0.memory, dirtyRate: $0.dirtyRate).duration.seconds }
        let allTime = max(costs.reduce(0, +), 1e-9) * 1.001
        for members in Self.blocks(centre) {
            let item = items
            domains.append(members)
            demand += (0..<resources).map { resource in
                members.reduce(0.0) { $0 + Double(centre.domains[$1].demand[resource]) }
            }
            let running = members.filter { centre.domains[$0].node != nil }
            let bound = running.filter { goal.bar($0, centre.domains[$0]) != nil }
            isFixed.append(!bound.isEmpty)
            let places = Dictionary(grouping: bound.isEmpty ? running : bound) { centre.domains[$0].node ?? -1 }
            guard bound.isEmpty || places.count == 1 else {
                let names = bound.map { centre.domains[$0].name }.joined(separator: ", ")
                throw .wrong("rule", "\(names) must be together, but none of them may be moved")
            }
            let there = places.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
            home.append(there.first?.key ?? -1)
            let saved = there.map { place in place.value.reduce(0.0) { $0 + 1 + costs[$1] / allTime } }
            weight.append(saved.first ?? 0)
            otherNode += there.dropFirst().map(\.key)
            otherWeight += saved.dropFirst()
            otherStart.append(otherNode.count)
            if !bound.isEmpty, centre.nodes[home[item]].duty == .leaves {
                throw .wrong(
                    "node \(centre.nodes[home[item]].name)",
                    "it must be emptied, but \(centre.domains[bound[0]].name) may not be moved: "
                        + (goal.bar(bound[0], centre.domains[bound[0]]) ?? ""))
            }
            addAllowed(members.compactMap { centre.domains[$0].allowedNodes })
        }
    }

    private mutating func addAllowed(_ lists: [[Int]]) {
        guard let first = lists.first else { return allowedRow.append(-1) }
        let common = lists.dropFirst().reduce(Set(first)) { $0.intersection($1) }
        allowedRow.append(allowed.count)
        allowed += (0..<nodes).map(common.contains)
    }

    /// Domains joined by the rules, in the order of their first.
    private static func blocks(_ centre: DataCentre) -> [[Int]] {
        var leader = Array(centre.domains.indices)
        func find(_ domain: Int) -> Int {
            var domain = domain
            while leader[domain] != domain { domain = leader[domain] }
            return domain
        }
        for case .together(let members) in centre.rules {
            for member in members.dropFirst() {
                let (a, b) = (find(members[0]), find(member))
                leader[max(a, b)] = min(a, b)
            }
        }
        var blocks = [[Int]](repeating: [], count: leader.count)
        for domain in centre.domains.indices { blocks[find(domain)].append(domain) }
        return blocks.filter { !$0.isEmpty }
    }

    private mutating func addGroups(_ centre: DataCentre) throws(PlacementError) {
        var itemOf = [Int](repeating: 0, count: centre.domains.count)
        for (item, members) in domains.enumerated() { for domain in members { itemOf[domain] = item } }
        var groupsOf = [[Int]](repeating: [], count: items)
        for case .apart(let apart) in centre.rules {
            guard Set(apart.map { itemOf[$0] }).count == apart.count else {
                let names = apart.map { centre.domains[$0].name }.joined(separator: ", ")
                throw .wrong("rule", "\(names) must be apart, but other rules hold some of them together")
            }
            for domain in apart {
                groupsOf[itemOf[domain]].append(memberStart.count - 1)
                members.append(itemOf[domain])
            }
            memberStart.append(members.count)
        }
        for list in groupsOf {
            groupStart.append(groups.count)
            groups += list
        }
        groupStart.append(groups.count)
    }

    /// What it saves to have an item on a node.
    func saves(_ item: Int, _ node: Int) -> Double {
        if node == home[item] { return weight[item] }
        for place in otherStart[item]..<otherStart[item + 1] where otherNode[place] == node {
            return otherWeight[place]
        }
        return 0
    }

    /// What all items need together, by resource.
    var totalDemand: [Double] {
        var total = [Double](repeating: 0, count: resources)
        for item in 0..<items {
            for resource in 0..<resources { total[resource] += demand[item * resources + resource] }
        }
        return total
    }
}
