/// Tries all placements of a small data centre, by depth-first branch and bound: what it finds moves least, and what it does
/// not find is not there, unless it ran out of visits.
struct PlacementTree {
    private let problem: PackingProblem
    /// What it costs to have a node on, in migrations.
    private let costs: [Double]
    private let order: [Int]
    private var packing: Packing
    private var count = 0
    private var used: [Int]
    private var usedCount = 0
    /// What placed items save, and what those after each place in `order` could at most.
    private var saved = 0.0
    private let hope: [Double]
    private var bestSaved = -Double.infinity
    private var bestNodes: [Int]?
    private var visits = 0

    /// Above so many pairs of an item and a node nothing is tried.
    private static let largest = 200

    /// Nil for a problem that is too large.
    init?(_ problem: PackingProblem, _ costs: [Double]) {
        guard problem.items * problem.nodes <= Self.largest else { return nil }
        self.problem = problem
        self.costs = costs
        let empty = Packing(problem, open: [])
        packing = Packing(problem, open: Array(0..<problem.nodes), at: empty.node)
        let size = packing.size
        let isFixed = problem.isFixed
        order = (0..<problem.items).sorted { a, b in
            if isFixed[a] != isFixed[b] { return isFixed[a] }
            return (size[a], b) > (size[b], a)
        }
        var hope = [0.0]
        for item in order.reversed() { hope.append((hope.last ?? 0) + problem.weight[item]) }
        self.hope = hope.reversed()
        used = problem.isForced.map { $0 ? 1 : 0 }
    }

    /// The placement on at most `count` nodes that moves least.
    ///
    /// - Returns: Nodes by item, nil when there is none; and whether that is proven.
    mutating func best(_ count: Int, visits: Int) -> (nodes: [Int]?, isProven: Bool) {
        self.count = count
        self.visits = visits
        usedCount = used.count { $0 > 0 }
        bestSaved = -.infinity
        bestNodes = nil
        saved = 0
        guard usedCount <= count else { return (nil, true) }
        descend(0)
        return (bestNodes, self.visits > 0)
    }

    private mutating func descend(_ depth: Int) {
        visits -= 1
        guard visits > 0, saved + hope[depth] > bestSaved + 1e-9 else { return }
        guard depth < order.count else {
            bestSaved = saved
            bestNodes = packing.node
            return
        }
        let item = order[depth]
        let home = problem.home[item]
        if home >= 0 { visit(item, home, depth) }
        if problem.isFixed[item] { return }
        for node in 0..<problem.nodes where node != home { visit(item, node, depth) }
    }

    private mutating func visit(_ item: Int, _ node: Int, _ depth: Int) {
        let isNew = used[node] == 0
        guard problem.isUsable[node] || problem.isForced[node], !isNew || usedCount < count else { return }
        guard problem.isFixed[item] || packing.fits(item, node) else { return }
        packing.put(item, node)
        used[node] += 1
        if isNew {
            usedCount += 1
            saved -= costs[node]
        }
        saved += problem.saves(item, node)
        descend(depth + 1)
        saved -= problem.saves(item, node)
        if isNew {
            usedCount -= 1
            saved += costs[node]
        }
        used[node] -= 1
        packing.take(item)
    }
}
