import Model

/// Items on nodes while a search goes on: no node is ever beyond its limit, and what has no place waits in `waiting`.
struct Packing: Sendable {
    let problem: PackingProblem
    /// Nodes that items may be on, and which those are.
    private(set) var open: [Int]
    private(set) var isOpen: [Bool]
    /// Of each item; -1 for one that waits.
    private(set) var node: [Int]
    /// What is left of each node, `node * resources + resource`.
    private(set) var free: [Double]
    var waiting: [Int] = []
    /// The weight of what is not at home, up to a constant.
    private(set) var moved = 0.0
    /// How large an item is, by what is scarce.
    private(set) var size: [Double]
    /// What a unit of each resource counts in `size`.
    private(set) var scarcity: [Double]
    /// Comparisons of an item with a node so far.
    var effort = 0

    // Items of a node, as lists threaded through arrays; -1 ends.
    private(set) var first: [Int]
    private(set) var next: [Int]
    private var previous: [Int]

    /// Everything at home as far as nodes are open and it fits; the rest waits.
    init(_ problem: PackingProblem, open: [Int]) {
        self.init(problem, open: open, at: [])
        settleAtHome()
    }

    /// Items where `places` says, -1 for nowhere; nothing waits.
    init(_ problem: PackingProblem, open: [Int], at places: [Int]) {
        self.problem = problem
        self.open = open
        isOpen = [Bool](repeating: false, count: problem.nodes)
        for node in open { isOpen[node] = true }
        node = [Int](repeating: -1, count: problem.items)
        free = problem.limit
        first = [Int](repeating: -1, count: problem.nodes)
        next = [Int](repeating: -1, count: problem.items)
        previous = next
        scarcity = Self.scarcity(problem, open)
        size = []
        let resources = problem.resources
        size = (0..<problem.items).map { item in
            (0..<resources).reduce(0.0) { $0 + scarcity[$1] * problem.demand[item * resources + $1] }
        }
        moved = problem.weight.reduce(0, +)
        for (item, place) in places.enumerated() where place >= 0 { put(item, place) }
    }

    /// The fuller the open nodes will be of a resource, the more it counts.
    private static func scarcity(_ problem: PackingProblem, _ open: [Int]) -> [Double] {
        let total = problem.totalDemand
        var scarcity = (0..<problem.resources).map { resource in
            let room = open.reduce(0.0) { $0 + problem.limit[$1 * problem.resources + resource] }
            guard room > 0 else { return 0.0 }
            return 1 / (0.02 + max(0, 1 - total[resource] / room)) / room * Double(open.count)
        }
        // An item that fills a node of average size is of size one.
        let sum = (0..<problem.resources).reduce(0.0) { sum, resource in
            let room = open.reduce(0.0) { $0 + problem.limit[$1 * problem.resources + resource] }
            return sum + scarcity[resource] * room / Double(max(1, open.count))
        }
        if sum > 0 { for resource in scarcity.indices { scarcity[resource] /= sum } }
        return scarcity
    }

    /// Of a node with more than fits, the fewest leave: what is smallest of those whose leaving is enough, or else the largest.
    private mutating func settleAtHome() {
        let problem = problem
        let size = size
        let resources = problem.resources
        var atHome = [[Int]](repeating: [], count: problem.nodes)
        for item in 0..<problem.items {
            let home = problem.home[item]
            if home >= 0, isOpen[home], allows(item, home) { atHome[home].append(item) } else { waiting.append(item) }
        }
        for node in open {
            var items = atHome[node]
            var over = (0..<resources).map { resource in
                items.reduce(-problem.limit[node * resources + resource]) {
                    $0 + problem.demand[$1 * resources + resource]
                }
            }
            while over.contains(where: { $0 > 0 }) {
                let movable = items.indices.filter { !problem.isFixed[items[$0]] }
                let enough = movable.filter { place in
                    (0..<resources).allSatisfy { problem.demand[items[place] * resources + $0] >= over[$0] }
                }
                let cost = { (place: Int) in problem.weight[items[place]] }
                guard
                    let leaves = enough.min(by: {
                        (cost($0), size[items[$0]]) < (cost($1), size[items[$1]])
                    }) ?? movable.max(by: { size[items[$0]] * cost($1) < size[items[$1]] * cost($0) })
                else { break }
                let item = items.remove(at: leaves)
                for resource in 0..<resources { over[resource] -= problem.demand[item * resources + resource] }
                waiting.append(item)
            }
            // What must be apart may not be so now.
            for item in items.filter({ problem.isFixed[$0] }) + items.filter({ !problem.isFixed[$0] }) {
                if problem.isFixed[item] || isApart(item, node) { put(item, node) } else { waiting.append(item) }
            }
        }
    }
}

extension Packing {
    func allows(_ item: Int, _ node: Int) -> Bool {
        let row = problem.allowedRow[item]
        return row < 0 || problem.allowed[row + node]
    }

    /// Whether nothing on the node must be apart from the item, but for what is about to leave.
    func isApart(_ item: Int, _ node: Int, without a: Int = -1, _ b: Int = -1) -> Bool {
        var group = problem.groupStart[item]
        let end = problem.groupStart[item + 1]
        while group < end {
            let members = problem.memberStart[problem.groups[group]]..<problem.memberStart[problem.groups[group] + 1]
            for place in members {
                let other = problem.members[place]
                if self.node[other] == node, other != item, other != a, other != b { return false }
            }
            group += 1
        }
        return true
    }

    @inline(__always) func hasRoom(_ item: Int, _ node: Int) -> Bool {
        let resources = problem.resources
        for resource in 0..<resources
        where problem.demand[item * resources + resource] > free[node * resources + resource] { return false }
        return true
    }

    /// Whether an item could be on a node that has nothing else but what is fixed there and must be apart from it.
    func holds(_ item: Int, _ node: Int) -> Bool {
        let resources = problem.resources
        for resource in 0..<resources
        where problem.demand[item * resources + resource] > problem.limit[node * resources + resource] { return false }
        return allows(item, node) && isApart(item, node)
    }

    func fits(_ item: Int, _ node: Int) -> Bool { hasRoom(item, node) && allows(item, node) && isApart(item, node) }

    /// Puts an item that has no place; whoever calls has seen that it fits, and takes it out of `waiting`.
    mutating func put(_ item: Int, _ place: Int) {
        node[item] = place
        next[item] = first[place]
        previous[item] = -1
        if first[place] >= 0 { previous[first[place]] = item }
        first[place] = item
        for resource in 0..<problem.resources {
            free[place * problem.resources + resource] -= problem.demand[item * problem.resources + resource]
        }
        moved -= problem.saves(item, place)
    }

    /// Takes an item off its node; whoever calls puts it somewhere, or into `waiting`.
    mutating func take(_ item: Int) {
        let place = node[item]
        moved += problem.saves(item, place)
        node[item] = -1
        if previous[item] >= 0 { next[previous[item]] = next[item] } else { first[place] = next[item] }
        if next[item] >= 0 { previous[next[item]] = previous[item] }
        for resource in 0..<problem.resources {
            free[place * problem.resources + resource] += problem.demand[item * problem.resources + resource]
        }
    }

    mutating func wait(_ item: Int) { waiting.append(item) }

    mutating func unwait(at place: Int) -> Int {
        waiting.swapAt(place, waiting.count - 1)
        return waiting.removeLast()
    }

    /// The node where an item leaves the least behind, and that evenly (Panigrahy, Talwar, Uyeda and Wieder, *Heuristics for
    /// Vector Bin Packing*, 2011, the norm-based greedy); nil when it fits nowhere. Home is best of all.
    mutating func tightest(_ item: Int, besides: Int = -1) -> Int? {
        let home = problem.home[item]
        if home >= 0, home != besides, isOpen[home], fits(item, home) { return home }
        for place in problem.otherStart[item]..<problem.otherStart[item + 1] {
            let node = problem.otherNode[place]
            if node != besides, isOpen[node], fits(item, node) { return node }
        }
        let resources = problem.resources
        var best = Double.infinity
        var found: Int?
        effort += open.count
        let demand = item * resources
        for node in open where node != besides {
            var sum = 0.0
            var squares = 0.0
            var resource = 0
            while resource < resources {
                let left = free[node * resources + resource] - problem.demand[demand + resource]
                if left < 0 { break }
                let counts = left * scarcity[resource]
                sum += counts
                squares += counts * counts
                resource += 1
            }
            guard resource == resources, squares < best else { continue }
            let uneven = squares - sum * sum / Double(resources)
            let score = squares + 0.5 * uneven
            if score < best, allows(item, node), isApart(item, node) {
                best = score
                found = node
            }
        }
        return found
    }
}
