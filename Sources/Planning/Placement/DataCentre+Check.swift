package import Model

/// A data centre or a goal that contradicts itself.
package enum PlacementError: Error, Hashable, CustomStringConvertible {
    case missing(Resource, in: String)
    /// Of a node or a domain: what is wrong, and what would be right.
    case wrong(String, String)

    package var description: String {
        switch self {
        case .missing(let resource, let place):
            "\(place) says no \(resource.rawValue); give it a value, or leave the resource out of the data centre"
        case .wrong(let thing, let why): "\(thing): \(why)"
        }
    }
}

extension DataCentre {
    /// Amounts up to here, and sums of them, are exact as `Double`, which the search counts in.
    private static let largestSum = 1 << 53

    /// - Throws: `PlacementError` for the first thing that cannot be.
    func check() throws(PlacementError) {
        guard !resources.isEmpty, Set(resources).count == resources.count else {
            throw .wrong("data centre", "it needs at least one resource, each once")
        }
        for node in nodes { try check(node.capacity, of: "node \(node.name)") }
        for domain in domains { try check(domain) }
        for (place, resource) in resources.enumerated() {
            let amounts = domains.map { $0.demand[place] } + nodes.map { $0.capacity[place] }
            guard amounts.reduce(0.0, { $0 + Double($1) }) < Double(Self.largestSum) else {
                throw .wrong("data centre", "the sum of \(resource.rawValue) is too large; count it in larger units")
            }
        }
        for rule in rules {
            let members =
                switch rule {
                case .together(let all), .apart(let all): all
                }
            guard members.allSatisfy(domains.indices.contains), Set(members).count == members.count else {
                throw .wrong("rule \(rule)", "it names a domain twice, or one that there is not")
            }
        }
    }

    private func check(_ amounts: [Int], of thing: String) throws(PlacementError) {
        guard amounts.count == resources.count, amounts.allSatisfy({ $0 >= 0 && $0 < Self.largestSum }) else {
            throw .wrong(thing, "it needs an amount of zero or more for each of \(resources.count) resources")
        }
    }

    private func check(_ domain: Domain) throws(PlacementError) {
        let thing = "domain \(domain.name)"
        try check(domain.demand, of: thing)
        guard domain.memory >= 0, domain.dirtyRate >= 0 else {
            throw .wrong(thing, "memory and dirty rate are zero or more")
        }
        if let allowed = domain.allowedNodes, !allowed.allSatisfy(nodes.indices.contains) {
            throw .wrong(thing, "it is allowed on a node that there is not")
        }
        guard let node = domain.node else {
            if domain.isFixed { throw .wrong(thing, "it is fixed, but runs nowhere") }
            return
        }
        guard nodes.indices.contains(node) else { throw .wrong(thing, "it runs on a node that there is not") }
        guard nodes[node].isOn else { throw .wrong(thing, "it runs on \(nodes[node].name), which is off") }
    }
}
