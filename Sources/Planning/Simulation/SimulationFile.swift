package import Model

/// A simulated data centre as people write it.
///
///     simulation: four services
///     seed: 1
///     for: 10 min
///     nodes: { count: 9, cpu: 200%, memory: 64 GiB, power: { idle: 90 W, busy: 240 W }, boot: 2 min, off: 2 }
///     placement: { purpose: consolidate, every: 10 min, reserve: { cpu: 10% } }
///     migration: { bandwidth: 125 MB/s, at-once: 2, cooldown: 1 h }
///     experiment: { length: 30 s, overhead: 12 s, noise: 5% }
///     services:
///       - name: shop
///         copies: 3
///         sla: { mean: 50 ms, over: 60 s }
///         load: [{ rate: 1000 }, { at: 2 min, rate: 1500 }]
///         tiers:
///           - { name: web, work: 0.3 ms, cpu: 60% }
///           - { name: app, work-of: shop/app, cpu: 80%, memory: 2 GiB, dirty-rate: 20 MiB/s }
///         manage: { act: apply, tiers: { app: { cpu: [80%, 100%, 120%] } } }
///     failures:
///       - { node: 3, at: 5 min, for: 90 s }
///       - { manager: true, at: 6 min, for: 30 s }
package struct SimulationFile: Sendable {
    package struct Tier: Sendable {
        package var name: String
        /// Processor time of one request, in seconds; nil until that of a campaign was taken (`workOf`).
        package var work: Double?
        /// The campaign that has measured it.
        package var workOf: SizingSource?
        /// In processors.
        package var cpu: Double
        /// In bytes, and bytes a second that it writes to it: what a migration copies.
        package var memory: Int
        package var dirtyRate: Int
        /// From 0; nil is the next one in turn.
        package var node: Int?
    }

    package struct LoadChange: Sendable {
        package var at: Duration
        /// Requests a second.
        package var rate: Double
        /// How long the change takes.
        package var over: Duration
    }

    package struct Service: Sendable {
        package var name: String
        package var sla: SLA
        package var load: [LoadChange]
        package var tiers: [Tier]
        package var manage: ManagementTerms?
    }

    package struct Failure: Sendable {
        /// Nil is the manager.
        package var node: Int?
        package var at: Duration
        package var length: Duration
    }

    package var name: String
    package var seed: UInt64
    package var length: Duration
    package var nodes: Int
    /// Processors of each node.
    package var processors: Double
    package var experiment: Duration
    /// Of an experiment, beside its window: clone, boot, warm-up.
    package var overhead: Duration
    /// Of response times from second to second, as a fraction.
    package var noise: Double
    package var services: [Service]
    package var failures: [Failure]
    /// Nil: everything stays where it is.
    package var placement: Placement?
}

extension SimulationFile: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case simulation, seed, nodes, experiment, services, failures, placement, migration
        case length = "for"
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        name = try fields.decode(String.self, forKey: .simulation)
        seed = try fields.decodeIfPresent(UInt64.self, forKey: .seed) ?? 1
        length = try fields.value(.length, Units.duration)
        if length > .seconds(31 * 86_400) { throw fields.refusal(of: .length, "a month is the longest") }
        let nodeFields = try fields.decode(SimulatedNodesFields.self, forKey: .nodes)
        (nodes, processors) = (nodeFields.count, nodeFields.cpu)
        let experimentFields = try fields.decodeIfPresent(ExperimentFields.self, forKey: .experiment)
        experiment = experimentFields?.length ?? .seconds(30)
        overhead = experimentFields?.overhead ?? .seconds(12)
        noise = experimentFields?.noise ?? 0.05
        services = try fields.decode([ServiceFields].self, forKey: .services).flatMap(\.services)
        failures = try fields.decodeIfPresent([FailureFields].self, forKey: .failures)?.map(\.failure) ?? []
        placement = try fields.decodeIfPresent(SimulatedPlacementFields.self, forKey: .placement)?
            .placement(nodeFields, try fields.decodeIfPresent(MigrationFields.self, forKey: .migration))
        if placement == nil, fields.contains(.migration) || nodeFields.off > 0 {
            throw fields.refusal(
                of: fields.contains(.migration) ? .migration : .nodes,
                "nothing moves, and nothing is powered on; say 'placement:'")
        }
        if services.isEmpty { throw fields.refusal(of: .services, "there is no service to simulate") }
        if Set(services.map(\.name)).count != services.count {
            throw fields.refusal(of: .services, "two services have the same name")
        }
        let named = services.flatMap(\.tiers).compactMap(\.node) + failures.compactMap(\.node)
        if let odd = named.first(where: { $0 >= nodes }) {
            throw fields.refusal(of: .nodes, "node \(odd + 1) is named, and there are \(nodes)")
        }
        let usable = nodes - nodeFields.off
        if let odd = services.flatMap(\.tiers).compactMap(\.node).first(where: { $0 >= usable }) {
            throw fields.refusal(of: .nodes, "a tier runs on node \(odd + 1), and only \(usable) are on")
        }
        if let placement {
            do { try SimulatedPlacement(placement, self, at: Timestamp(nanoseconds: 0)).check() } catch {
                throw fields.refusal(of: .placement, "\(error)")
            }
        }
    }
}

private struct ExperimentFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case length, overhead, noise }
    let length, overhead: Duration
    let noise: Double

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        length = try fields.value(.length, default: .seconds(30), Units.duration)
        overhead = try fields.value(.overhead, default: .seconds(12), Units.duration)
        noise = try fields.value(.noise, default: 0.05, Units.fraction)
    }
}

private struct ServiceFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case name, copies, sla, load, tiers, manage }
    let services: [SimulationFile.Service]

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let name = try fields.value(.name, Units.name)
        let copies = try fields.value(.copies, default: 1) { (text) throws(UnitError) in
            Int(try Units.count(text, in: 1...100_000))
        }
        let sla = try fields.decode(SLAFields.self, forKey: .sla).sla
        let load = try fields.decode([LoadFields].self, forKey: .load).map(\.change)
        let tiers = try fields.decode([SimulatedTierFields].self, forKey: .tiers).map(\.tier)
        if tiers.isEmpty { throw fields.refusal(of: .tiers, "a service has a tier at least") }
        if load.first.map({ $0.at > .zero }) ?? true || zip(load, load.dropFirst()).contains(where: { $0.at >= $1.at })
        {
            throw fields.refusal(
                of: .load, "the first rate holds from the beginning, without 'at', and each other from a later moment")
        }
        let manage = try fields.decodeIfPresent(ManagementFields.self, forKey: .manage)?
            .terms(tiers: tiers.map(\.name), usual: nil)
        if let other = manage?.tiers.flatMap(\.axes).first(where: { $0.resource != .cpu }) {
            throw fields.refusal(of: .manage, "simulated tiers have 'cpu' only, no '\(other.resource.rawValue)'")
        }
        services = (1...copies).map { number in
            SimulationFile.Service(
                name: copies == 1 ? name : "\(name)-\(number)", sla: sla, load: load, tiers: tiers, manage: manage)
        }
    }
}

private struct SimulatedTierFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, work, cpu, memory, node
        case workOf = "work-of"
        case dirtyRate = "dirty-rate"
    }
    let tier: SimulationFile.Tier

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        guard fields.contains(.work) != fields.contains(.workOf) else {
            throw fields.refusal(
                of: .work, "say one of work: DURATION and work-of: SERVICE/TIER, whose campaign has measured it")
        }
        let node = try fields.decodeIfPresent(Int.self, forKey: .node)
        if let node, node < 1 { throw fields.refusal(of: .node, "nodes are counted from 1") }
        tier = SimulationFile.Tier(
            name: try fields.value(.name, Units.name),
            work: try fields.contains(.work) ? fields.value(.work, Units.duration).seconds : nil,
            workOf: try fields.contains(.workOf)
                ? fields.value(.workOf) { (text) throws(UnitError) in try SizingSource(text) } : nil,
            cpu: try fields.value(.cpu, Units.fraction),
            memory: try fields.contains(.memory) ? Int(fields.value(.memory, Units.bytes)) : 0,
            dirtyRate: try fields.contains(.dirtyRate) ? Int(fields.value(.dirtyRate, Units.byteRate)) : 0,
            node: node.map { $0 - 1 })
        if tier.cpu <= 0 { throw fields.refusal(of: .cpu, "a tier without any processor answers nothing") }
        if tier.cpu > SimulationFile.mostProcessors {
            throw fields.refusal(of: .cpu, "no domain has that many processors")
        }
    }
}

private struct LoadFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case at, rate, over }
    let change: SimulationFile.LoadChange

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let rate = try fields.decode(Double.self, forKey: .rate)
        guard rate.isFinite, rate >= 0, rate <= 1e7 else {
            throw fields.refusal(of: .rate, "expected requests a second, such as 1000")
        }
        change = SimulationFile.LoadChange(
            at: try fields.value(.at, default: .zero, Units.duration), rate: rate,
            over: try fields.value(.over, default: .zero, Units.duration))
    }
}

private struct FailureFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case node, manager, at
        case length = "for"
    }
    let failure: SimulationFile.Failure

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let node = try fields.decodeIfPresent(Int.self, forKey: .node)
        let isManager = try fields.decodeIfPresent(Bool.self, forKey: .manager) ?? false
        guard (node != nil) != isManager, node.map({ $0 >= 1 }) ?? true else {
            throw fields.refusal(of: .node, "say what fails: a node, counted from 1, or manager: true")
        }
        failure = SimulationFile.Failure(
            node: node.map { $0 - 1 }, at: try fields.value(.at, Units.duration),
            length: try fields.value(.length, Units.duration))
    }
}
