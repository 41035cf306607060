import Model

/// Finds one move after the other: of the busiest node that can be relieved the one that gains most for what it costs.
struct BalancingSearch {
    struct Move {
        var item: Int
        var to: Int
        /// What the busier of both nodes has less, as a share.
        var gain: Double
        var minutes: Double
        /// Names of the domains.
        var names: String
    }

    private let problem: PackingProblem
    private let terms: BalancingTerms
    private let budget: Int
    private let names: [String]
    /// What may be used of a node, `node * resources + resource`.
    private let limit: [Double]
    private let minutes: [Double]
    /// By item: where it is, and whether it can move from there. What waits, is on several nodes or has moved cannot.
    private var place: [Int]
    private var isMovable: [Bool]
    /// The move that lacked least, when none gained enough.
    private(set) var best: Move?

    init(_ problem: PackingProblem, _ centre: DataCentre, _ goal: ConsolidationGoal, _ terms: BalancingTerms) {
        self.problem = problem
        self.terms = terms
        budget = goal.migrationBudget ?? .max
        names = problem.domains.map { $0.map { centre.domains[$0].name }.joined(separator: " and ") }
        limit = centre.nodes.flatMap { node in
            zip(node.capacity, centre.resources).map { Double(goal.limit($0, of: $1)) }
        }
        minutes = problem.domains.map { domains in
            domains.reduce(0.0) { sum, place in
                let domain = centre.domains[place]
                return sum + goal.link.cost(memory: domain.memory, dirtyRate: domain.dirtyRate).duration.seconds / 60
            }
        }
        place = problem.home
        isMovable = problem.domains.indices.map { item in
            !problem.isFixed[item] && problem.domains[item].allSatisfy { centre.domains[$0].node == problem.home[item] }
        }
    }

    /// The moves in an order in which each has room; `load` is then as after them.
    mutating func run(_ load: inout NodeLoad) -> [Move] {
        var moves: [Move] = []
        var left = budget
        while load.state.spread > terms.stop + NodeLoad.tolerance, let move = next(load, left) {
            let from = place[move.item]
            load.move(move.item, from: from, to: move.to)
            place[move.item] = move.to
            isMovable[move.item] = false
            left -= problem.domains[move.item].count
            moves.append(move)
        }
        return moves
    }

    private mutating func next(_ load: NodeLoad, _ left: Int) -> Move? {
        var itemsOn = [[Int]](repeating: [], count: problem.nodes)
        for (item, node) in place.enumerated() where isMovable[item] && problem.domains[item].count <= left {
            itemsOn[node].append(item)
        }
        let busiest = load.nodes.sorted { (load.share[$1], $0) < (load.share[$0], $1) }
        best = nil
        for from in busiest {
            var found: (move: Move, net: Double, toThen: Double)?
            for item in itemsOn[from] {
                let price = terms.gainPerMinute * minutes[item]
                let fromThen = load.share(of: from, -1, item)
                for to in load.nodes where load.share[to] < load.share[from] && isAllowed(item, to) {
                    let toThen = load.share(of: to, 1, item)
                    let gain = load.share[from] - max(fromThen, toThen)
                    guard gain > 0, min(fromThen, toThen) >= load.share[to] - NodeLoad.tolerance,
                        Self.isBetter(gain - price, toThen, found?.net, found?.toThen),
                        load.hasRoom(item, to, limit: limit),
                        load.isMoreEven(from, fromThen, to, toThen)
                    else { continue }
                    let move = Move(item: item, to: to, gain: gain, minutes: minutes[item], names: names[item])
                    found = (move, gain - price, toThen)
                }
            }
            guard let found else { continue }
            if found.net >= terms.gain - NodeLoad.tolerance { return found.move }
            if best.map({ found.net > $0.gain - terms.gainPerMinute * $0.minutes }) ?? true { best = found.move }
        }
        return nil
    }

    /// Of moves that gain the same for what they cost, that of the smaller domain.
    private static func isBetter(_ net: Double, _ toThen: Double, _ bestNet: Double?, _ bestToThen: Double?) -> Bool {
        guard let bestNet, let bestToThen else { return true }
        if abs(net - bestNet) > NodeLoad.tolerance { return net > bestNet }
        return toThen < bestToThen - NodeLoad.tolerance
    }

    private func isAllowed(_ item: Int, _ node: Int) -> Bool {
        let row = problem.allowedRow[item]
        guard row < 0 || problem.allowed[row + node] else { return false }
        for group in problem.groupStart[item]..<problem.groupStart[item + 1] {
            let members = problem.groups[group]
            for member in problem.memberStart[members]..<problem.memberStart[members + 1]
            where problem.members[member] != item && place[problem.members[member]] == node { return false }
        }
        return true
    }
}
