import Model

/// Goes through numbers of nodes for the placements between few nodes and few migrations.
struct PlacementSearch {
    private let problem: PackingProblem
    let bound: PlacementBound
    private var choice: NodeChoice
    private var random: SplitMix64
    private let effort: Int
    private var spent = 0
    private var best: [Int: Packing] = [:]
    /// What nodes got for what did not fit without them.
    private var learnt: [Double]
    /// What it costs to have a node on, in migrations.
    private let costs: [Double]
    private var lastTried: [Int] = []

    init(_ problem: PackingProblem, _ centre: DataCentre, effort: Int, seed: UInt64) {
        self.problem = problem
        self.effort = effort
        bound = PlacementBound(problem, centre)
        random = SplitMix64(seed: seed)
        learnt = [Double](repeating: 0, count: problem.nodes)
        let everywhere = Packing(problem, open: Array(0..<problem.nodes))
        var kept = learnt
        for item in 0..<problem.items where problem.home[item] >= 0 && everywhere.node[item] == problem.home[item] {
            kept[problem.home[item]] += problem.weight[item]
        }
        choice = NodeChoice(bound, kept: kept)
        // Nodes that cost less come first, whatever runs there; of equal ones those that boot sooner, if that moves no more.
        let cheapest = problem.nodeWeight.min() ?? 0
        let dearest = max(problem.nodeWeight.max() ?? 0, 1e-300)
        let slowest = max(problem.bootTime.max() ?? 0, 1) * 2 * Double(problem.nodes)
        let all = bound.all
        costs = zip(problem.nodeWeight, problem.bootTime).map { weight, boot in
            (weight - cheapest) / dearest * 2 * all + boot / slowest
        }
    }

    /// How many nodes a step of a packing looks at: enough, and no more in large data centres.
    private var width: Int { max(32, 16_384 * problem.nodes / max(1, problem.items)) }

    /// Placements, fewest nodes first, each with fewer migrations than those before; `asked` is a number of nodes that is
    /// looked at in any case.
    mutating func run(asked: Int? = nil) -> [Packing] {
        guard let least = bound.nodes else { return [] }
        let most = (0..<problem.nodes).count { problem.isUsable[$0] || problem.isForced[$0] }
        let onNow = (0..<problem.nodes).count { (problem.isUsable[$0] && problem.isOn[$0]) || problem.isForced[$0] }
        if var tree = PlacementTree(problem, costs) {
            if tryAll(&tree, from: least, to: max(least, onNow), most) { return curve }
        }
        guard let fewest = fewest(from: least, to: most) else { return [] }
        // From there in growing steps to the nodes that are on: fewer migrations.
        var count = fewest
        var step = 1
        while count < onNow {
            count = min(count + step, onNow)
            if count > fewest + 2 { step *= 2 }
            _ = solve(count)
        }
        if let asked, asked > fewest, asked < onNow, best[asked] == nil { _ = solve(asked) }
        return curve
    }

    private var curve: [Packing] {
        var curve: [Packing] = []
        for (_, packing) in best.sorted(by: { $0.key < $1.key })
        where packing.moved < curve.last?.moved ?? .infinity { curve.append(packing) }
        return curve
    }

    /// - Returns: Whether all that there is was found, and nothing more can be.
    private mutating func tryAll(_ tree: inout PlacementTree, from least: Int, to enough: Int, _ most: Int) -> Bool {
        var count = least
        while count <= most, count <= enough || best.isEmpty {
            let (nodes, isProven) = tree.best(count, visits: max(1000, effort / 8))
            guard isProven else { return false }
            if let nodes {
                var isUsed = problem.isForced
                for node in nodes { isUsed[node] = true }
                best[count] = Packing(problem, open: isUsed.indices.filter { isUsed[$0] }, at: nodes)
            }
            count += 1
        }
        return true
    }

    /// The fewest nodes on which everything was packed: upwards in doubling steps, then back.
    private mutating func fewest(from least: Int, to most: Int) -> Int? {
        var failed = least - 1
        var step = 1
        var count = least
        while !canDo(count) {
            failed = count
            if count == most { return nil }
            count = min(most, count + step)
            if count > least + 2 { step *= 2 }
        }
        while count - failed > 1 {
            let middle = (count + failed) / 2
            if canDo(middle) { count = middle } else { failed = middle }
        }
        _ = solve(count)
        return count
    }

    /// Whether everything can be packed on so many nodes, as far as a first look says.
    private mutating func canDo(_ count: Int) -> Bool {
        for node in learnt.indices { learnt[node] = 0 }
        lastTried = []
        let enough = spent + effort / 6
        for slack in [Self.firstSlack, 0.5 * Self.firstSlack, 0, 1.5 * Self.firstSlack, Self.firstSlack, 0] {
            if let packing = attempt(count, slack: slack) {
                best[count] = packing
                return true
            }
            if spent > enough { break }
        }
        return false
    }

    /// Looks for the packing with so many nodes that moves least: the less room to spare, the more can stay.
    private mutating func solve(_ count: Int) -> Bool {
        for node in learnt.indices { learnt[node] = 0 }
        lastTried = []
        var low = 0.0
        var high = Self.mostSlack
        var slack = Self.firstSlack
        var fails = 0
        for _ in 0..<Self.attempts where high - low > Self.enoughSlack && !isLeast(count) {
            if let packing = attempt(count, slack: slack) {
                if packing.moved < best[count]?.moved ?? .infinity { best[count] = packing }
                // The choice of nodes could have been the same with more room.
                high = min(slack, spare(packing.open))
                slack = (low + high) / 2
            } else if best[count] != nil {
                low = slack
                slack = (low + high) / 2
            } else {
                fails += 1
                // Another time with what was learnt, then with more room.
                slack = fails == 1 ? slack : slack + Self.firstSlack
            }
        }
        return best[count] != nil
    }

    /// Whether what was found with so many nodes is proven to move least.
    private func isLeast(_ count: Int) -> Bool {
        guard let packing = best[count] else { return false }
        return Int(packing.moved) <= bound.migrations(count)
    }

    private static let firstSlack = 0.008
    private static let mostSlack = 0.04
    private static let enoughSlack = 0.001
    private static let attempts = 6

    /// The share of what is needed that the scarcest resource of these nodes has beyond it.
    private func spare(_ nodes: [Int]) -> Double {
        (0..<problem.resources).map { resource in
            let room = nodes.reduce(0.0) { $0 + problem.limit[$1 * problem.resources + resource] }
            return bound.total[resource] > 0 ? room / bound.total[resource] - 1 : .infinity
        }.min() ?? 0
    }

    private mutating func attempt(_ count: Int, slack: Double) -> Packing? {
        choice.slack = slack
        for node in learnt.indices { choice.bias[node] = learnt[node] - costs[node] }
        guard let nodes = choice.choose(count).nodes else { return nil }
        // The same nodes once more give another packing only by chance.
        if nodes == lastTried, let packing = best[count], packing.open == nodes { return packing }
        lastTried = nodes
        let share = max(200_000, effort / 80)
        var packing = Packing(problem, open: nodes)
        packing.fill(&random)
        var isSettled = false
        for price in [nil, 0.02] where !isSettled {
            isSettled = packing.settle(
                Packing.Patience(priceOfHome: price, steps: 150, width: width), &random, until: packing.effort + share)
        }
        if isSettled { packing.bringHome(&random, width: width, until: packing.effort + share) } else { learn(packing) }
        spent += packing.effort
        return isSettled ? packing : nil
    }

    /// Where what waits could not be on any open node even alone, those that could take it become worth more.
    private mutating func learn(_ packing: Packing) {
        for item in packing.waiting where !packing.open.contains(where: { packing.holds(item, $0) }) {
            for node in 0..<problem.nodes
            where !packing.isOpen[node] && problem.isUsable[node] && packing.holds(item, node) {
                learnt[node] += 2 * bound.all / Double(problem.nodes) + problem.weight[item]
            }
        }
    }
}
