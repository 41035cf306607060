import Model

/// Finding a place for everything on the open nodes.
///
/// Consistent neighbourhood search as of Buljubašić and Vasquez, *Consistent Neighborhood Search for One-Dimensional Bin
/// Packing and Two-Dimensional Vector Packing*, Computers & Operations Research 76 (2016): a packing is always within its
/// limits, and an item that waits takes the place of others, so that what waits becomes smaller; what came lately does not
/// go at once. Beyond the paper, items have a home that costs to leave, more than one resource counts by its scarcity, and
/// rules are kept.
extension Packing {
    /// How an item that is at home may be sent away: its weight counts as much as so much of size; nil: not at all.
    struct Patience {
        var priceOfHome: Double?
        /// Steps without less waiting until it is given up.
        var steps: Int
        /// How many nodes a step looks at, of those that are open.
        var width: Int
    }

    /// First what is large.
    mutating func fill(_ random: inout SplitMix64) {
        let order = waiting.map { ($0, size[$0] * (0.9 + 0.2 * random.unit())) }.sorted { $0.1 > $1.1 }
        waiting = []
        for (item, _) in order {
            if let node = tightest(item) { put(item, node) } else { waiting.append(item) }
        }
    }

    /// - Returns: Whether nothing waits any more.
    mutating func settle(_ patience: Patience, _ random: inout SplitMix64, until mostEffort: Int = .max) -> Bool {
        var heldUntil = [Int](repeating: 0, count: problem.items)
        var least = Double.infinity
        var idle = 0
        var step = 0
        while !waiting.isEmpty {
            let sum = waiting.reduce(0.0) { $0 + size[$1] }
            if sum < least - 1e-12 {
                least = sum
                idle = 0
            } else {
                idle += 1
                if idle > max(patience.steps, 2 * waiting.count) || effort > mostEffort { return false }
            }
            step += 1
            level(&random)
            let item = unwait(at: Int.random(in: 0..<waiting.count, using: &random))
            if let node = tightest(item) {
                put(item, node)
                continue
            }
            guard let (node, leaves) = exchange(item, patience, heldUntil, step, &random) else {
                wait(item)
                continue
            }
            for other in leaves where other >= 0 { take(other) }
            put(item, node)
            heldUntil[item] = step + 5 + Int.random(in: 0..<10, using: &random)
            // What had to leave often fits elsewhere, and something else here.
            for other in leaves where other >= 0 {
                if let better = tightest(other, besides: node) { put(other, better) } else { wait(other) }
            }
            effort += waiting.count
            for place in waiting.indices.reversed() where fits(waiting[place], node) { put(unwait(at: place), node) }
        }
        return true
    }

    /// The node on which the item takes the place of the least, and of what: one item, or two.
    private mutating func exchange(
        _ item: Int, _ patience: Patience, _ heldUntil: [Int], _ step: Int, _ random: inout SplitMix64
    ) -> (Int, [Int])? {
        let resources = problem.resources
        var need = [Double](repeating: 0, count: resources)
        var best = Double.infinity
        var found: (Int, [Int])?
        let width = min(patience.width, open.count)
        let start = Int.random(in: 0..<open.count, using: &random)
        for offset in 0..<width {
            let place = start + offset
            let node = open[place < open.count ? place : place - open.count]
            guard allows(item, node) else { continue }
            var isTooSmall = false
            for resource in 0..<resources {
                let demand = problem.demand[item * resources + resource]
                if demand > problem.limit[node * resources + resource] { isTooSmall = true }
                need[resource] = demand - free[node * resources + resource]
            }
            if isTooSmall { continue }
            let looksForTwo = Int.random(in: 0..<8, using: &random) == 0
            var a = first[node]
            while a >= 0 {
                defer { a = next[a] }
                effort += 1
                guard let costOfA = cost(of: a, patience, heldUntil, step) else { continue }
                var isEnough = true
                for resource in 0..<resources where problem.demand[a * resources + resource] < need[resource] {
                    isEnough = false
                }
                if isEnough {
                    let score = costOfA - size[item] + 1e-3 * random.unit() * size[item]
                    if score < best, isApart(item, node, without: a) {
                        best = score
                        found = (node, [a, -1])
                    }
                    continue
                }
                guard looksForTwo, costOfA - size[item] < best else { continue }
                var b = next[a]
                while b >= 0 {
                    defer { b = next[b] }
                    effort += 1
                    guard let costOfB = cost(of: b, patience, heldUntil, step) else { continue }
                    let score = costOfA + costOfB - size[item]
                    guard score < best else { continue }
                    var isEnough = true
                    for resource in 0..<resources
                    where problem.demand[a * resources + resource] + problem.demand[b * resources + resource]
                        < need[resource]
                    { isEnough = false }
                    if isEnough, isApart(item, node, without: a, b) {
                        best = score
                        found = (node, [a, b])
                    }
                }
            }
        }
        return found
    }

    private func cost(of item: Int, _ patience: Patience, _ heldUntil: [Int], _ step: Int) -> Double? {
        if problem.isFixed[item] || heldUntil[item] > step { return nil }
        guard node[item] == problem.home[item] else { return size[item] }
        guard let price = patience.priceOfHome else { return nil }
        return size[item] + price * problem.weight[item]
    }

    /// Swaps strangers of two nodes so that what is free gathers on one of them.
    private mutating func level(_ random: inout SplitMix64) {
        guard open.count > 1 else { return }
        for _ in 0..<16 {
            let m = open[Int.random(in: 0..<open.count, using: &random)]
            let n = open[Int.random(in: 0..<open.count, using: &random)]
            guard m != n, let a = stranger(m, &random), let b = stranger(n, &random) else { continue }
            effort += 1
            let gain = size[a] - size[b]
            // The sum of squares of what is free has to grow.
            guard gain * (gain + gap(m) - gap(n)) > 1e-12 else { continue }
            let (fromM, fromN) = (a, b)
            take(fromM)
            take(fromN)
            if fits(fromM, n), fits(fromN, m) {
                put(fromM, n)
                if fits(fromN, m) {
                    put(fromN, m)
                    continue
                }
                take(fromM)
            }
            put(fromM, m)
            put(fromN, n)
        }
    }

    private func gap(_ node: Int) -> Double {
        var sum = 0.0
        for resource in 0..<problem.resources { sum += scarcity[resource] * free[node * problem.resources + resource] }
        return sum
    }

    /// One of a node's items that is not at home and may be moved.
    private func stranger(_ node: Int, _ random: inout SplitMix64) -> Int? {
        var found: Int?
        var count = 0
        var item = first[node]
        while item >= 0 {
            if node != problem.home[item], !problem.isFixed[item] {
                count += 1
                if Int.random(in: 0..<count, using: &random) == 0 { found = item }
            }
            item = next[item]
        }
        return found
    }
}
