import Model

/// `{ name: web1, on: n1, cpu: 60%, memory: 2 GiB, dirty-rate: 5 MiB/s, only-on: [n1, n2], moved: 20 min }`, or
/// `{ name: web1, on: n1, sized-by: shop/web, memory: 2 GiB }`
struct DomainFields: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, on, cpu, vcpus, memory, network, pinned, moved
        case diskRead = "disk-read"
        case diskWrite = "disk-write"
        case dirtyRate = "dirty-rate"
        case onlyOn = "only-on"
        case notOn = "not-on"
        case sizedBy = "sized-by"
    }

    let path: [any CodingKey]
    let name: String
    /// The node that it runs on; nil: it waits to be started.
    let on: String?
    let amounts: [Resource: Int]
    let dirtyRate: Int?
    let isPinned: Bool
    /// How long ago it moved.
    let moved: Duration?
    let onlyOn: [String]?
    let notOn: [String]
    /// Who says what the file does not, and better than it; nil: nobody.
    let sizedBy: SizingSource?

    init(from decoder: any Decoder) throws {
        path = decoder.codingPath
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        name = try fields.value(.name, Units.name)
        on = try fields.decodeIfPresent(String.self, forKey: .on)
        amounts = try fields.amounts(areCapacities: false)
        dirtyRate =
            try fields.contains(.dirtyRate)
            ? fields.value(.dirtyRate) { (text) throws(UnitError) in text == "0" ? 0 : Int(try Units.byteRate(text)) }
            : nil
        isPinned = try fields.decodeIfPresent(Bool.self, forKey: .pinned) ?? false
        moved = try fields.contains(.moved) ? fields.value(.moved, Units.duration) : nil
        onlyOn = try fields.decodeIfPresent([String].self, forKey: .onlyOn)
        notOn = try fields.decodeIfPresent([String].self, forKey: .notOn) ?? []
        sizedBy =
            try fields.contains(.sizedBy)
            ? fields.value(.sizedBy) { (text) throws(UnitError) in try SizingSource(text) } : nil
        if isPinned, on == nil {
            throw fields.refusal(of: .pinned, "it runs nowhere, so that it cannot be held there; say 'on'")
        }
    }

    /// With the resources that the nodes say, and by node whether it is on.
    func domain(_ resources: [Resource], _ nodes: PlaceNames, _ isOn: [Bool]) throws -> DataCentre.Domain {
        for resource in resources where amounts[resource] == nil && sizedBy == nil {
            throw refusal(
                nil, "domain \(name) says no \(resource.rawValue), which nodes have; where it needs none, say 0")
        }
        // Memory is also what a migration copies.
        for resource in amounts.keys.sorted() where resource != .memory && !resources.contains(resource) {
            throw refusal(CodingKeys(rawValue: resource.rawValue), "no node says what it has of \(resource.rawValue)")
        }
        let node = try on.map { try nodes.place(of: $0, at: path + [CodingKeys.on]) }
        if let node, !isOn[node] { throw refusal(.on, "domain \(name) cannot run on \(on ?? ""), which is off") }
        return DataCentre.Domain(
            name, demand: resources.map { amounts[$0] ?? 0 }, node: node, memory: amounts[.memory] ?? 0,
            dirtyRate: dirtyRate ?? 0, isFixed: isPinned, allowedNodes: try allowedNodes(nodes))
    }

    private func allowedNodes(_ nodes: PlaceNames) throws -> [Int]? {
        let only = try onlyOn.map { try places($0, nodes, .onlyOn) }
        let not = try places(notOn, nodes, .notOn)
        if only == nil, not.isEmpty { return nil }
        let allowed = (only ?? Array(0..<nodes.count)).filter { !not.contains($0) }
        if allowed.isEmpty {
            throw refusal(only == nil ? .notOn : .onlyOn, "no node is left on which domain \(name) may run")
        }
        return allowed.sorted()
    }

    private func places(_ names: [String], _ nodes: PlaceNames, _ key: CodingKeys) throws -> [Int] {
        try names.enumerated().map { place, name in
            try nodes.place(of: name, at: path + [key, AnyKey(intValue: place)])
        }.uniqued()
    }

    private func refusal(_ key: CodingKeys?, _ message: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: path + (key.map { [$0] } ?? []), debugDescription: message))
    }
}

/// `{ together: [web1, cache1] }`, or `{ apart: [db1, db2] }`
struct RuleFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case together, apart }
    private let path: [any CodingKey]
    private let key: CodingKeys
    private let names: [String]

    init(from decoder: any Decoder) throws {
        path = decoder.codingPath
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let named = CodingKeys.allCases.filter { fields.contains($0) }
        guard let key = named.first, named.count == 1 else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: path,
                    debugDescription: "a rule is one of { together: [A, B] } and { apart: [A, B] }"))
        }
        self.key = key
        names = try fields.decode([String].self, forKey: key)
        if names.count < 2 { throw fields.refusal(of: key, "a rule is of two domains or more") }
    }

    func rule(_ domains: PlaceNames) throws -> PlacementRule {
        var members: [Int] = []
        for (place, name) in names.enumerated() {
            let path = path + [key, AnyKey(intValue: place)]
            let member = try domains.place(of: name, at: path)
            guard !members.contains(member) else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: path, debugDescription: "'\(name)' stands twice in this rule"))
            }
            members.append(member)
        }
        return key == .together ? .together(members) : .apart(members)
    }
}

/// `{ bandwidth: 125 MB/s, pause: 300 ms, at-once: 2, at-most: 20, cooldown: 1 h, within: 10 min, shared-disks: true }`
struct MigrationFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case bandwidth, pause, cooldown, within
        case sharedDisks = "shared-disks"
        case atOnce = "at-once"
        case atMost = "at-most"
    }

    private(set) var goal = ConsolidationGoal()
    let limit: Duration
    let sharesDisks: Bool

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        limit = try fields.value(.within, default: .seconds(600), Units.duration)
        sharesDisks = try fields.decodeIfPresent(Bool.self, forKey: .sharedDisks) ?? false
        goal.link.bandwidth = try fields.value(.bandwidth, default: goal.link.bandwidth) { (text) throws(UnitError) in
            Double(try Units.byteRate(text))
        }
        goal.link.longestPause = try fields.value(.pause, default: goal.link.longestPause, Units.duration)
        goal.cooldown = try fields.value(.cooldown, default: goal.cooldown, Units.duration)
        goal.migrationsPerNode = try fields.value(.atOnce, default: goal.migrationsPerNode) {
            (text) throws(UnitError) in Int(try Units.count(text, in: 1...64))
        }
        if fields.contains(.atMost) {
            goal.migrationBudget = try fields.value(.atMost) { (text) throws(UnitError) in
                Int(try Units.count(text, in: 0...1_000_000))
            }
        }
    }
}
