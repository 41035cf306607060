import Model

/// `{ name: n1, cpu: 1600%, memory: 64 GiB, state: off, boot: 90 s, duty: stays-on, power: { idle: 90 W, busy: 240 W } }`; who
/// carries plans out also needs `connect: URI`, perhaps `transport: URI`, and `switch: { on: COMMAND, off: COMMAND }`
struct NodeFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, cpu, vcpus, memory, network, state, duty, boot, power, connect, transport, lab
        case powerSwitch = "switch"
        case diskRead = "disk-read"
        case diskWrite = "disk-write"
    }

    private enum State: String, CaseIterable { case on, off }

    let path: [any CodingKey]
    let amounts: [Resource: Int]
    let power: PowerFields?
    /// Nil where the node does not say how it is reached.
    let access: NodeAccess?
    /// Which node of the embedded lab it is; the lab knows how that is reached, and what powers it where nothing else is said.
    let labNode: LabNodeNumber?
    /// All but its capacity.
    let node: DataCentre.Node

    init(from decoder: any Decoder) throws {
        path = decoder.codingPath
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        amounts = try fields.amounts(areCapacities: true)
        power = try fields.decodeIfPresent(PowerFields.self, forKey: .power)
        let words = { (key: CodingKeys) in try fields.decodeIfPresent(String.self, forKey: key) }
        let power = try fields.decodeIfPresent(SwitchFields.self, forKey: .powerSwitch)?.power
        let transport = try words(.transport)
        access = try words(.connect).map { NodeAccess(connect: $0, transport: transport, power: power) }
        labNode =
            try fields.contains(.lab)
            ? LabNodeNumber(
                number: fields.value(.lab) { (text) throws(UnitError) in Int(try Units.count(text, in: 1...99)) },
                power: power) : nil
        for key in [CodingKeys.connect, .transport] where fields.contains(key) && labNode != nil {
            throw fields.refusal(of: key, "of a node of the lab, the lab knows it; leave it out")
        }
        for key in [CodingKeys.transport, .powerSwitch] where fields.contains(key) && access == nil && labNode == nil {
            throw fields.refusal(of: key, "say 'connect' first, by which the node is looked at")
        }
        var node = DataCentre.Node(
            try fields.value(.name, Units.name), capacity: [],
            isOn: try fields.choice(.state, default: State.on) == .on,
            duty: try fields.choice(.duty, default: DataCentre.Duty.free),
            bootTime: try fields.value(.boot, default: .seconds(120), Units.duration),
            idlePower: self.power?.idle ?? 0, peakPower: self.power?.busy ?? 0)
        node.powerSteps = self.power?.steps ?? []
        self.node = node
    }

    func refusal(_ message: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: path, debugDescription: "node \(node.name): \(message)"))
    }

    /// Amounts are compared and powers are added: all nodes say the same things.
    func requireLike(_ first: NodeFields) throws {
        for resource in DataCentreFile.countable where (amounts[resource] == nil) != (first.amounts[resource] == nil) {
            let (has, lacks) = amounts[resource] == nil ? (first, self) : (self, first)
            throw lacks.refusal(
                "it says no \(resource.rawValue), and node \(has.node.name) does; say it of all nodes, or of none")
        }
        guard (power == nil) == (first.power == nil) else {
            let (has, lacks) = power == nil ? (first, self) : (self, first)
            throw lacks.refusal("it says no power, and node \(has.node.name) does; say it of all nodes, or of none")
        }
    }

    func node(_ resources: [Resource]) throws -> DataCentre.Node {
        var node = node
        node.capacity = resources.map { amounts[$0] ?? 0 }
        return node
    }
}

/// `{ idle: 90 W, busy: 240 W }`, perhaps with `steps: [{ speed: 60%, idle: 80 W, busy: 130 W }]`
struct PowerFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case idle, busy, steps }
    let idle: Double
    let busy: Double
    let steps: [DataCentre.PowerStep]

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        idle = try fields.value(.idle, Units.watts)
        busy = try fields.value(.busy, Units.watts)
        if busy < idle { throw fields.refusal(of: .busy, "a busy node takes no less than an idle one") }
        steps = try fields.decodeIfPresent([PowerStepFields].self, forKey: .steps)?.map(\.step) ?? []
    }
}

private struct PowerStepFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case speed, idle, busy }
    let step: DataCentre.PowerStep

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        step = DataCentre.PowerStep(
            speed: try fields.value(.speed, Units.fraction), idlePower: try fields.value(.idle, Units.watts),
            peakPower: try fields.value(.busy, Units.watts))
        guard step.speed > 0, step.speed < 1 else {
            throw fields.refusal(
                of: .speed, "a step is slower than full speed, which idle and busy are of: more than 0%, less than 100%"
            )
        }
        if step.peakPower < step.idlePower {
            throw fields.refusal(of: .busy, "a busy node takes no less than an idle one")
        }
    }
}

extension KeyedDecodingContainer where Key: RawRepresentable<String> {
    /// What is said of each resource, in the units of `DataCentre`. A domain may need nothing: `0`, without a unit.
    func amounts(areCapacities: Bool) throws -> [Resource: Int] {
        var amounts: [Resource: Int] = [:]
        for resource in DataCentreFile.countable {
            guard let key = Key(rawValue: resource.rawValue), contains(key) else { continue }
            amounts[resource] = try value(key) { (text) throws(UnitError) in
                if text == "0", !areCapacities { return 0 }
                let number = try resource.parse(text).number ?? 0
                return DataCentre.amount(number, of: resource, isCapacity: areCapacities)
            }
        }
        return amounts
    }
}

/// `{ cpu: 10%, memory: 5% }`
struct ReserveFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case cpu, vcpus, memory, network
        case diskRead = "disk-read"
        case diskWrite = "disk-write"
    }

    private let path: [any CodingKey]
    private let shares: [Resource: Double]

    init(from decoder: any Decoder) throws {
        path = decoder.codingPath
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        var shares: [Resource: Double] = [:]
        for key in CodingKeys.allCases where fields.contains(key) {
            guard let resource = Resource(rawValue: key.rawValue) else { continue }
            shares[resource] = try fields.value(key) { (text) throws(UnitError) in
                let share = try Units.fraction(text)
                guard share < 1 else { throw UnitError(found: text, expected: "a percentage below 100%") }
                return share
            }
        }
        self.shares = shares
    }

    func shares(_ resources: [Resource]) throws -> [Resource: Double] {
        guard let odd = shares.keys.sorted().first(where: { !resources.contains($0) }) else { return shares }
        throw DecodingError.dataCorrupted(
            .init(
                codingPath: path + [AnyKey(stringValue: odd.rawValue)],
                debugDescription: "no node says what it has of \(odd.rawValue)"))
    }
}
