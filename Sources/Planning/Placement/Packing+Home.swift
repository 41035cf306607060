import Model

extension Packing {
    /// Brings items home again whose homes are open, one after the other, as long as everything else still has a place.
    mutating func bringHome(_ random: inout SplitMix64, width: Int, until mostEffort: Int) {
        var isTired = [Bool](repeating: false, count: problem.items)
        var improved = true
        while improved, effort < mostEffort {
            improved = false
            var away = (0..<problem.items).filter { item in
                let home = problem.home[item]
                return home >= 0 && node[item] != home && isOpen[home] && !isTired[item]
            }
            // The smaller, the easier.
            away.sort { size[$0] < size[$1] }
            for item in away where effort < mostEffort && allows(item, problem.home[item]) {
                var trial = self
                if trial.bring(item, &random, width: width), trial.moved < moved {
                    self = trial
                    improved = true
                } else {
                    effort = trial.effort
                    isTired[item] = true
                }
            }
        }
    }

    /// Strangers at its home make room: the fewest, then the smallest.
    private mutating func bring(_ item: Int, _ random: inout SplitMix64, width: Int) -> Bool {
        let home = problem.home[item]
        let resources = problem.resources
        // The trial is a copy.
        effort += problem.items / 2
        take(item)
        while !hasRoom(item, home) {
            var best = (lacks: Double.infinity, size: Double.infinity)
            var leaves: Int?
            var other = first[home]
            while other >= 0 {
                defer { other = next[other] }
                guard problem.home[other] != home, !problem.isFixed[other] else { continue }
                var lacks = 0.0
                for resource in 0..<resources {
                    let need =
                        problem.demand[item * resources + resource] - free[home * resources + resource]
                        - problem.demand[other * resources + resource]
                    if need > 0 { lacks += need * scarcity[resource] }
                }
                if (lacks, size[other]) < best {
                    best = (lacks, size[other])
                    leaves = other
                }
            }
            guard let leaves else { return false }
            take(leaves)
            wait(leaves)
        }
        guard isApart(item, home) else { return false }
        put(item, home)
        return settle(Patience(priceOfHome: nil, steps: 30, width: width), &random, until: effort + 400_000)
    }
}
