/// What a node draws, and at which share of its full speed.
package struct PowerDraw: Hashable, Sendable {
    package var watts: Double
    package var speed: Double
}

extension DataCentre.Node {
    /// With a share of the first resource in use: of the steps that hold it beside the reserve the one that draws least. Between idle
    /// and peak power of a step in proportion to the use (the linear model of Fan, Weber and Barroso, *Power Provisioning for a
    /// Warehouse-sized Computer*, ISCA 2007).
    package func draw(_ share: Double, reserve: Double = 0) -> PowerDraw {
        let full = DataCentre.PowerStep(speed: 1, idlePower: idlePower, peakPower: peakPower)
        let steps = powerSteps.filter { share <= $0.speed * (1 - reserve) } + [full]
        let draws = steps.map { step in
            PowerDraw(
                watts: step.idlePower + (step.peakPower - step.idlePower) * min(1, share / step.speed),
                speed: step.speed)
        }
        return draws.min { $0.watts < $1.watts } ?? PowerDraw(watts: peakPower, speed: 1)
    }
}

extension DataCentre {
    /// Watts of the nodes that are on under a placement, each at the step that suits it; of each step the `reserve` stays free.
    package func power(_ placement: [Int?], _ isOn: [Bool], reserve: Double = 0) -> Double {
        draws(placement, isOn, reserve: reserve).reduce(0) { $0 + ($1?.watts ?? 0) }
    }

    /// By node; nil of one that is off.
    package func draws(_ placement: [Int?], _ isOn: [Bool], reserve: Double = 0) -> [PowerDraw?] {
        let use = use(placement)
        return nodes.indices.map { place in
            let capacity = nodes[place].capacity[0]
            let share = capacity > 0 ? min(1, Double(use[place][0]) / Double(capacity)) : 0
            return isOn[place] ? nodes[place].draw(share, reserve: reserve) : nil
        }
    }

    /// How many domains run on a node that is used beyond what the reserve leaves of something that they need: response times grow
    /// where nothing is kept free, and the promises of these may not be kept.
    package func domainsAtRisk(_ placement: [Int?], _ goal: ConsolidationGoal) -> Int {
        let use = use(placement)
        return zip(domains, placement).count { domain, node in
            guard let node else { return false }
            return resources.indices.contains {
                domain.demand[$0] > 0 && use[node][$0] > goal.limit(nodes[node].capacity[$0], of: resources[$0])
            }
        }
    }

    /// The utilisation of the node that is used most, and of the one that is used least, of those that are on; zero when none is.
    package func extremes(_ placement: [Int?], _ isOn: [Bool]) -> (most: Double, least: Double) {
        let use = use(placement)
        let shares = nodes.indices.filter { isOn[$0] }.map { utilisation(use[$0], of: $0) }
        return (shares.max() ?? 0, shares.min() ?? 0)
    }
}
