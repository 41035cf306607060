import Model

extension SimulationFile {
    /// How the planner keeps the nodes.
    package struct Placement: Sendable {
        enum Purpose: String, CaseIterable { case balance, consolidate }

        var purpose: Purpose
        var every: Duration
        /// With the reserve, the link and the cooldown.
        var goal: ConsolidationGoal
        var balancing: BalancingTerms
        /// Of each node, in bytes; nil where it does not matter.
        var memory: Int?
        var boot: Duration
        var power: PowerFields?
        /// How many nodes, the last ones, are off at the beginning.
        var off: Int
    }

    /// Tiers whose work a campaign has measured: service, tier, and that campaign.
    package var measuredTiers: [(service: Int, tier: Int, source: SizingSource)] {
        services.enumerated().flatMap { service, file in
            file.tiers.enumerated().compactMap { tier, fields in fields.workOf.map { (service, tier, $0) } }
        }
    }

    package mutating func take(_ work: Double, service: Int, tier: Int) { services[service].tiers[tier].work = work }

    /// No machine has more.
    static let mostProcessors = 10_000.0

    /// By service and tier: the node where it begins. Tiers that name none are dealt out in turn to those that are on.
    var places: [[Int]] {
        var turn = 0
        let usable = nodes - (placement?.off ?? 0)
        return services.map { service in
            service.tiers.map { tier in
                if let node = tier.node { return node }
                defer { turn += 1 }
                return turn % usable
            }
        }
    }
}

/// `{ count: 9, cpu: 400%, memory: 64 GiB, power: { idle: 90 W, busy: 240 W }, boot: 2 min, off: 3 }`
struct SimulatedNodesFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case count, cpu, memory, power, boot, off }
    let count: Int
    let cpu: Double
    let memory: Int?
    let power: PowerFields?
    let boot: Duration
    let off: Int

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        count = try fields.value(.count) { (text) throws(UnitError) in Int(try Units.count(text, in: 1...100_000)) }
        cpu = try fields.value(.cpu, Units.fraction)
        if cpu <= 0 { throw fields.refusal(of: .cpu, "a node needs processors, such as 400%") }
        if cpu > SimulationFile.mostProcessors { throw fields.refusal(of: .cpu, "no node has that many processors") }
        memory = try fields.contains(.memory) ? Int(fields.value(.memory, Units.bytes)) : nil
        power = try fields.decodeIfPresent(PowerFields.self, forKey: .power)
        boot = try fields.value(.boot, default: .seconds(120), Units.duration)
        off = try fields.value(.off, default: 0) { (text) throws(UnitError) in
            Int(try Units.count(text, in: 0...100_000))
        }
        if off >= count { throw fields.refusal(of: .off, "one node at least has to be on") }
    }
}

/// `{ purpose: consolidate, every: 10 min, reserve: { cpu: 10% }, balance: { start: 15% } }`
struct SimulatedPlacementFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case purpose, every, reserve, balance }
    private let purpose: SimulationFile.Placement.Purpose
    private let every: Duration
    private let reserve: ReserveFields?
    private let balancing: BalancingTerms

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        purpose = try fields.choice(.purpose, default: .consolidate)
        every = try fields.value(.every, default: .seconds(600), Units.duration)
        if every < .seconds(10) { throw fields.refusal(of: .every, "ten seconds are the shortest") }
        reserve = try fields.decodeIfPresent(ReserveFields.self, forKey: .reserve)
        balancing = try fields.decodeIfPresent(BalanceFields.self, forKey: .balance)?.terms ?? BalancingTerms()
    }

    func placement(_ nodes: SimulatedNodesFields, _ migration: MigrationFields?) throws -> SimulationFile.Placement {
        var goal = migration?.goal ?? ConsolidationGoal()
        goal.reserve = try reserve?.shares(nodes.memory == nil ? [.cpu] : [.cpu, .memory]) ?? [:]
        return SimulationFile.Placement(
            purpose: purpose, every: every, goal: goal, balancing: balancing, memory: nodes.memory, boot: nodes.boot,
            power: nodes.power, off: nodes.off)
    }
}

extension CampaignRecord {
    /// Seconds of processor time of one request, from all that was measured; nil where nothing was.
    package var work: Double? {
        let measured = matrix.cells.compactMap(\.measurement) + controls.map(\.measurement)
        let (used, answered) = measured.reduce((0.0, 0.0)) { sums, one in
            (sums.0 + one.cpuUsed * one.window, sums.1 + one.clone.throughput * one.window)
        }
        return answered > 0 && used > 0 ? used / answered : nil
    }
}
