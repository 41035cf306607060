/// How much is used of the nodes that balancing looks at, and how evenly.
struct NodeLoad {
    /// Shares that differ by no more are the same: sums in another order differ in their last bits.
    static let tolerance = 1e-9

    private let problem: PackingProblem
    private let capacity: [Double]
    /// By node and resource.
    private var use: [Double]
    /// Those that are on and not to be emptied.
    let nodes: [Int]
    /// By node: the share of the resource that is used most.
    private(set) var share: [Double]
    private var sum = 0.0
    private var sumOfSquares = 0.0

    init(_ problem: PackingProblem, _ centre: DataCentre) {
        self.problem = problem
        capacity = centre.nodes.flatMap { $0.capacity.map(Double.init) }
        let used = centre.use(centre.placement)
        use = used.flatMap { $0.map(Double.init) }
        share = used.indices.map { centre.utilisation(used[$0], of: $0) }
        nodes = used.indices.filter { centre.nodes[$0].isOn && centre.nodes[$0].duty != .leaves }
        for node in nodes { count(share[node], 1) }
    }

    private mutating func count(_ share: Double, _ sign: Double) {
        sum += sign * share
        sumOfSquares += sign * share * share
    }

    private func variance(_ sum: Double, _ sumOfSquares: Double) -> Double {
        let count = Double(max(1, nodes.count))
        return max(0, sumOfSquares / count - (sum / count) * (sum / count))
    }

    var state: BalancingPlan.State {
        let shares = nodes.map { share[$0] }
        let worst = shares.max() ?? 0
        return BalancingPlan.State(
            worst: worst, spread: worst - (shares.min() ?? 0), deviation: variance(sum, sumOfSquares).squareRoot())
    }

    /// The share of a node with an item more, or less.
    func share(of node: Int, _ sign: Double, _ item: Int) -> Double {
        var most = 0.0
        for resource in 0..<problem.resources {
            let place = node * problem.resources + resource
            let used = use[place] + sign * problem.demand[item * problem.resources + resource]
            most = max(most, capacity[place] > 0 ? used / capacity[place] : used > 0 ? .infinity : 0)
        }
        return most
    }

    func hasRoom(_ item: Int, _ node: Int, limit: [Double]) -> Bool {
        (0..<problem.resources).allSatisfy { resource in
            let place = node * problem.resources + resource
            let needed = problem.demand[item * problem.resources + resource]
            return needed == 0 || use[place] + needed <= limit[place]
        }
    }

    /// Whether the deviation is less when two nodes have these shares.
    func isMoreEven(_ a: Int, _ shareOfA: Double, _ b: Int, _ shareOfB: Double) -> Bool {
        let then = variance(
            sum - share[a] - share[b] + shareOfA + shareOfB,
            sumOfSquares - share[a] * share[a] - share[b] * share[b] + shareOfA * shareOfA + shareOfB * shareOfB)
        return then < variance(sum, sumOfSquares) - Self.tolerance
    }

    mutating func move(_ item: Int, from: Int, to: Int) {
        for (node, sign) in [(from, -1.0), (to, 1.0)] {
            count(share[node], -1)
            share[node] = share(of: node, sign, item)
            count(share[node], 1)
            for resource in 0..<problem.resources {
                use[node * problem.resources + resource] += sign * problem.demand[item * problem.resources + resource]
            }
        }
    }
}
