package import Model

/// Nodes, the domains that run on them, and what has to hold of where they run. A value: what plans start from.
///
/// Amounts are whole numbers, one a resource in the order of `resources`, so that sums are exact: CPU in thousandths of a
/// core, everything else in the unit of its resource (bytes, bytes a second). `amount(_:of:)` makes them.
package struct DataCentre: Hashable, Codable, Sendable {
    /// What is counted; every capacity and demand has an amount for each.
    package var resources: [Resource]
    package var nodes: [Node]
    package var domains: [Domain]
    package var rules: [PlacementRule]

    package init(resources: [Resource], nodes: [Node], domains: [Domain], rules: [PlacementRule] = []) {
        self.resources = resources
        self.nodes = nodes
        self.domains = domains
        self.rules = rules
    }

    package struct Node: Hashable, Codable, Sendable {
        package var name: String
        /// By resource.
        package var capacity: [Int]
        package var isOn: Bool
        package var duty: Duty
        /// From power-on until domains can come.
        package var bootTime: Duration
        /// Watts with no load and with full load of the first resource.
        package var idlePower: Double
        package var peakPower: Double
        /// Slower than full speed; none where its frequency is not scaled.
        package var powerSteps: [PowerStep] = []

        package init(
            _ name: String, capacity: [Int], isOn: Bool = true, duty: Duty = .free, bootTime: Duration = .seconds(120),
            idlePower: Double = 0, peakPower: Double = 0
        ) {
            self.name = name
            self.capacity = capacity
            self.isOn = isOn
            self.duty = duty
            self.bootTime = bootTime
            self.idlePower = idlePower
            self.peakPower = peakPower
        }
    }

    /// A step of frequency and voltage (DVFS) at which a node can run.
    package struct PowerStep: Hashable, Codable, Sendable {
        /// The share of the first resource's capacity that it has then.
        package var speed: Double
        /// Watts without load, and with all of that in use.
        package var idlePower: Double
        package var peakPower: Double

        package init(speed: Double, idlePower: Double, peakPower: Double) {
            (self.speed, self.idlePower, self.peakPower) = (speed, idlePower, peakPower)
        }
    }

    /// What the operator has decided of a node beforehand.
    package enum Duty: String, Hashable, Codable, CaseIterable, Sendable {
        /// On or off as the plan sees fit.
        case free
        /// Stays on (or is powered on), with or without domains.
        case staysOn = "stays-on"
        /// Must be empty in the end, and is not powered on.
        case leaves
    }

    package struct Domain: Hashable, Codable, Sendable {
        package var name: String
        /// By resource.
        package var demand: [Int]
        /// Where it runs, a place in `nodes`; nil while it waits to be started.
        package var node: Int?
        /// Bytes that a migration copies.
        package var memory: Int
        /// Bytes of memory that it writes a second.
        package var dirtyRate: Int
        /// Not to be moved: pinned, or left out of planning.
        package var isFixed: Bool
        /// The only nodes that it may run on; nil: all.
        package var allowedNodes: [Int]?

        package init(
            _ name: String, demand: [Int], node: Int?, memory: Int = 0, dirtyRate: Int = 0, isFixed: Bool = false,
            allowedNodes: [Int]? = nil
        ) {
            self.name = name
            self.demand = demand
            self.node = node
            self.memory = memory
            self.dirtyRate = dirtyRate
            self.isFixed = isFixed
            self.allowedNodes = allowedNodes
        }
    }
}

/// What has to hold of several domains, by their places in `DataCentre.domains`.
package enum PlacementRule: Hashable, Codable, Sendable {
    /// All on one node (affinity).
    case together([Int])
    /// No two on one node (anti-affinity).
    case apart([Int])
}

extension DataCentre {
    /// The units in which amounts of a resource are counted, for one of its own.
    private static func fineness(_ resource: Resource) -> Double { resource == .cpu ? 1000 : 1 }

    /// An amount in the resource's own unit: cores, bytes, bytes a second.
    package static func value(_ amount: Int, of resource: Resource) -> Double { Double(amount) / fineness(resource) }

    /// What a domain needs: rounded up, so that the sum is not less than the truth. What a node has is asked with `isCapacity`.
    package static func amount(_ value: Double, of resource: Resource, isCapacity: Bool = false) -> Int {
        // What is a whole number of units but for the last bits of the fraction is that number.
        let units = value * fineness(resource)
        let whole = units.rounded()
        if abs(units - whole) < 1e-6 * max(1, whole) { return Int(whole) }
        return Int(units.rounded(isCapacity ? .down : .up))
    }

    /// Where each domain runs.
    package var placement: [Int?] { domains.map(\.node) }

    /// What is used of each node under a placement, by node and resource. A domain that waits uses nothing.
    package func use(_ placement: [Int?]) -> [[Int]] {
        var use = [[Int]](repeating: [Int](repeating: 0, count: resources.count), count: nodes.count)
        for (domain, node) in placement.enumerated() {
            guard let node else { continue }
            for resource in resources.indices { use[node][resource] += domains[domain].demand[resource] }
        }
        return use
    }

    /// The largest share of a resource's capacity that is used.
    package func utilisation(_ use: [Int], of node: Int) -> Double {
        zip(use, nodes[node].capacity).map { used, capacity in
            capacity > 0 ? Double(used) / Double(capacity) : used > 0 ? .infinity : 0
        }.max() ?? 0
    }
}
