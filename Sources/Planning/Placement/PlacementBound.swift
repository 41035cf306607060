/// What no placement can be better than: proven, by relaxations that are quick to solve.
struct PlacementBound: Sendable {
    let problem: PackingProblem
    let total: [Double]
    /// Domains that run, and how many of those of a node can stay there at most.
    let all: Double
    let keepable: [Double]
    /// The fewest nodes; nil when all that are usable are too small.
    let nodes: Int?
    /// The least sum of the nodes' weights, with `nodes`.
    let weight: Double

    init(_ problem: PackingProblem, _ centre: DataCentre) {
        self.problem = problem
        total = problem.totalDemand
        all = Double(centre.domains.count { $0.node != nil })
        keepable = Self.keepable(problem, centre)
        nodes = Self.nodes(problem, total)
        weight = Self.weight(problem, total)
    }

    /// By each resource alone (the largest nodes first), and by what cannot share a node.
    private static func nodes(_ problem: PackingProblem, _ total: [Double]) -> Int? {
        let forced = (0..<problem.nodes).filter { problem.isForced[$0] }
        let free = (0..<problem.nodes).filter { problem.isUsable[$0] && !problem.isForced[$0] }
        var bound = forced.count
        for resource in 0..<problem.resources {
            let size = { (node: Int) in problem.limit[node * problem.resources + resource] }
            var left = forced.reduce(total[resource]) { $0 - size($1) }
            var count = forced.count
            for capacity in free.map(size).sorted(by: >) {
                if left <= 0 { break }
                left -= capacity
                count += 1
            }
            if left > 0 { return nil }
            bound = max(bound, count)
            // Of what needs more than half of the largest node, no two share one.
            let half = (forced + free).map(size).max().map { $0 / 2 } ?? 0
            bound = max(
                bound, (0..<problem.items).count { problem.demand[$0 * problem.resources + resource] > half })
        }
        for group in 0..<(problem.memberStart.count - 1) {
            bound = max(bound, problem.memberStart[group + 1] - problem.memberStart[group])
        }
        return bound <= forced.count + free.count ? bound : nil
    }

    /// By each resource alone: parts of nodes, those that cost least for what they have first.
    private static func weight(_ problem: PackingProblem, _ total: [Double]) -> Double {
        let forced = (0..<problem.nodes).filter { problem.isForced[$0] }
        let base = forced.reduce(0.0) { $0 + problem.nodeWeight[$1] }
        var bound = base
        for resource in 0..<problem.resources {
            let size = { (node: Int) in problem.limit[node * problem.resources + resource] }
            var left = forced.reduce(total[resource]) { $0 - size($1) }
            var sum = base
            let free = (0..<problem.nodes).filter {
                problem.isUsable[$0] && !problem.isForced[$0] && size($0) > 0
            }
            for node in free.sorted(by: {
                problem.nodeWeight[$0] * size($1) < problem.nodeWeight[$1] * size($0)
            }) {
                if left <= 0 { break }
                sum += problem.nodeWeight[node] * min(1, left / size(node))
                left -= size(node)
            }
            bound = max(bound, sum)
        }
        return bound
    }

    /// By each resource alone: the domains that need least first. No rule is looked at.
    private static func keepable(_ problem: PackingProblem, _ centre: DataCentre) -> [Double] {
        var domainsOn = [[Int]](repeating: [], count: problem.nodes)
        for (domain, thing) in centre.domains.enumerated() {
            if let node = thing.node { domainsOn[node].append(domain) }
        }
        return domainsOn.enumerated().map { node, domains in
            var most = domains.count
            for resource in 0..<problem.resources {
                var left = problem.limit[node * problem.resources + resource]
                var kept = 0
                for demand in domains.map({ centre.domains[$0].demand[resource] }).sorted() {
                    left -= Double(demand)
                    if left < 0 { break }
                    kept += 1
                }
                most = min(most, kept)
            }
            return Double(most)
        }
    }

    /// The least migrations with `count` nodes on.
    func migrations(_ count: Int) -> Int {
        var choice = NodeChoice(self, kept: keepable)
        return Int((choice.choose(count).leastWeight - 1e-6).rounded(.up))
    }
}
