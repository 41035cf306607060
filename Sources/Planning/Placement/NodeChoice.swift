/// Which nodes stay on: of `count` nodes with room for everything, those on which most can stay where it is.
///
/// A knapsack with a constraint for each resource, by its Lagrangian relaxation (Fisher, *The Lagrangian Relaxation Method
/// for Solving Integer Programming Problems*, Management Science 1981): for any prices of the resources the nodes of the
/// largest value are found by sorting; the prices rise where the room is too small. Each price gives a proven bound.
struct NodeChoice {
    private let bound: PlacementBound
    private var problem: PackingProblem { bound.problem }
    /// What search adds to a node's value: noise, and what was learnt of what did not fit.
    var bias: [Double]
    /// How much room there has to be beyond what is needed, as a share of it.
    var slack = 0.0
    private var prices: [Double]
    /// The weight that stays on a node.
    private let kept: [Double]

    struct Result {
        /// Nodes, in ascending order; nil when no prices gave enough room.
        var nodes: [Int]?
        /// At least this weight is not at home, with any `count` nodes. It holds where neither bias nor slack was set.
        var leastWeight: Double
    }

    init(_ bound: PlacementBound, kept: [Double]) {
        self.bound = bound
        self.kept = kept
        bias = [Double](repeating: 0, count: bound.problem.nodes)
        prices = [Double](repeating: 0, count: bound.problem.resources)
    }

    private static let steps = 80

    mutating func choose(_ count: Int) -> Result {
        let forced = (0..<problem.nodes).filter { problem.isForced[$0] }
        let free = (0..<problem.nodes).filter { problem.isUsable[$0] && !problem.isForced[$0] }
        let wanted = count - forced.count
        let all = bound.all
        guard wanted >= 0, wanted <= free.count else { return Result(nodes: nil, leastWeight: 0) }
        // Prices are for a node's share of the sum of all.
        let scale = (0..<problem.resources).map { bound.total[$0] > 0 ? 1 / bound.total[$0] : 0 }
        let need = scale.map { $0 > 0 ? 1 + slack : 0 }
        var result = Result(nodes: nil, leastWeight: 0)
        var best = -Double.infinity
        var value = [Double](repeating: 0, count: problem.nodes)
        var pace = all
        var order = free
        prices = prices.map { _ in 0 }
        for _ in 0..<Self.steps {
            for node in 0..<problem.nodes {
                var sum = kept[node] + bias[node]
                for resource in 0..<problem.resources {
                    sum += prices[resource] * scale[resource] * problem.limit[node * problem.resources + resource]
                }
                value[node] = sum
            }
            // Among equals what is on, then the larger: more fits.
            order.sort {
                if value[$0] != value[$1] { return value[$0] > value[$1] }
                if problem.isOn[$0] != problem.isOn[$1] { return problem.isOn[$0] }
                return $0 < $1
            }
            let chosen = forced + order.prefix(wanted)
            var room = [Double](repeating: 0, count: problem.resources)
            var stays = 0.0
            var sum = 0.0
            for node in chosen {
                stays += kept[node] + bias[node]
                sum += value[node]
                for resource in 0..<problem.resources {
                    room[resource] += scale[resource] * problem.limit[node * problem.resources + resource]
                }
            }
            let price = zip(prices, need).reduce(0.0) { $0 + $1.0 * $1.1 }
            result.leastWeight = max(result.leastWeight, all - sum + price)
            let missing = (0..<problem.resources).map { need[$0] - room[$0] }
            if missing.allSatisfy({ $0 <= 1e-12 }), stays > best {
                best = stays
                result.nodes = chosen.sorted()
            }
            var length = 0.0
            for resource in 0..<problem.resources where missing[resource] > 0 || prices[resource] > 0 {
                length += missing[resource] * missing[resource]
            }
            if length < 1e-18 { break }
            for resource in 0..<problem.resources {
                prices[resource] = max(0, prices[resource] + pace * missing[resource] / length.squareRoot())
            }
            pace *= 0.9
        }
        if let nodes = result.nodes {
            result.nodes = improved(nodes, scale.indices.map { need[$0] > 0 ? need[$0] / scale[$0] : 0 })
        }
        return result
    }

    /// Swaps nodes of a choice for others on which more can stay, as long as there is room enough.
    private func improved(_ nodes: [Int], _ need: [Double]) -> [Int] {
        let resources = problem.resources
        var isChosen = [Bool](repeating: false, count: problem.nodes)
        for node in nodes { isChosen[node] = true }
        var room = (0..<resources).map { resource in
            nodes.reduce(-need[resource]) { $0 + problem.limit[$1 * resources + resource] }
        }
        let value = (0..<problem.nodes).map { kept[$0] + bias[$0] }
        var inside = nodes.filter { !problem.isForced[$0] }.sorted { (value[$0], $0) < (value[$1], $1) }
        var outside = (0..<problem.nodes).filter { problem.isUsable[$0] && !isChosen[$0] }
            .sorted { (value[$0], -$0) > (value[$1], -$1) }
        var changed = true
        while changed {
            changed = false
            search: for (place, comes) in outside.enumerated() {
                for (other, goes) in inside.enumerated() {
                    if value[goes] >= value[comes] { continue search }
                    let fits = (0..<resources).allSatisfy { resource in
                        room[resource] + problem.limit[comes * resources + resource]
                            - problem.limit[goes * resources + resource] >= -1e-9
                    }
                    guard fits else { continue }
                    for resource in 0..<resources {
                        room[resource] +=
                            problem.limit[comes * resources + resource] - problem.limit[goes * resources + resource]
                    }
                    outside.remove(at: place)
                    inside.remove(at: other)
                    outside.insert(goes, at: outside.firstIndex { value[$0] < value[goes] } ?? outside.count)
                    inside.insert(comes, at: inside.firstIndex { value[$0] > value[comes] } ?? inside.count)
                    isChosen[goes] = false
                    isChosen[comes] = true
                    changed = true
                    break search
                }
            }
        }
        return isChosen.indices.filter { isChosen[$0] }
    }
}
