extension DataCentre {
    /// Watts of the nodes that are on under a placement: between idle and peak, in proportion to the use of the first resource
    /// (the linear model of Fan, Weber and Barroso, *Power Provisioning for a Warehouse-sized Computer*, ISCA 2007).
    package func power(_ placement: [Int?], _ isOn: [Bool]) -> Double {
        let use = use(placement)
        return nodes.indices.filter { isOn[$0] }.reduce(0.0) { sum, place in
            let node = nodes[place]
            let share = node.capacity[0] > 0 ? min(1, Double(use[place][0]) / Double(node.capacity[0])) : 0
            return sum + node.idlePower + (node.peakPower - node.idlePower) * share
        }
    }

    /// The utilisation of the node that is used most, and of the one that is used least, of those that are on; zero when none is.
    package func extremes(_ placement: [Int?], _ isOn: [Bool]) -> (most: Double, least: Double) {
        let use = use(placement)
        let shares = nodes.indices.filter { isOn[$0] }.map { utilisation(use[$0], of: $0) }
        return (shares.max() ?? 0, shares.min() ?? 0)
    }
}
