import Model

/// A data centre as people write it: its nodes, what runs on them, the rules, and what a plan may do.
///
///     data-centre: lab
///     reserve: { cpu: 10% }
///     migration: { bandwidth: 125 MB/s, at-once: 2, cooldown: 1 h }
///     balance: { start: 15%, stop: 5%, gain: 3%, per-minute: 1% }
///     nodes:
///       - { name: n1, cpu: 1600%, memory: 64 GiB, power: { idle: 90 W, busy: 240 W } }
///     domains:
///       - { name: web1, on: n1, cpu: 60%, memory: 2 GiB, dirty-rate: 5 MiB/s }
///     rules:
///       - { apart: [web1, web2] }
package struct DataCentreFile: Hashable, Sendable {
    package var name: String
    package var centre: DataCentre
    /// What plans may do and have to keep; its purpose is to consolidate.
    package var goal: ConsolidationGoal
    /// How long a plan may wait until it is begun.
    package var planValidity: Duration
    /// When it is balanced, and what a move has to be worth then.
    package var balancing: BalancingTerms
    /// Whether the nodes say their power.
    package var saysPower: Bool
    /// By node: how it is reached; nil where it does not say.
    package var access: [NodeAccess?]
    /// By node: which one of the embedded lab it is. How that is reached, and what powers it on and off, says the lab.
    package var labNodes: [Int: LabNodeNumber]
    /// Of live migrations: after which one is given up, and whether all nodes have the same disks, whatever libvirt thinks.
    package var migrationLimit: Duration
    package var sharesDisks: Bool
    /// By domain, whose needs campaigns say; until one was taken (`size`) they need what the file says, or nothing.
    package internal(set) var sizing: [Int: DomainSizing]
    /// Running domains that do not say how fast they write memory; they are taken to write none.
    package var silentDomains: Int

    /// What nodes and domains can say amounts of, whose sum on a node means something.
    static let countable: [Resource] = [.cpu, .vcpus, .memory, .diskRead, .diskWrite, .network]
}

extension DataCentreFile: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name = "data-centre"
        case reserve, expires, migration, balance, nodes, domains, rules
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        name = try fields.value(.name, Units.name)
        let nodes = try fields.decode([NodeFields].self, forKey: .nodes)
        guard let first = nodes.first else { throw fields.refusal(of: .nodes, "a data centre needs at least one node") }
        let resources = Self.countable.filter { first.amounts[$0] != nil }
        guard !resources.isEmpty else {
            let words = Self.countable.map(\.rawValue).joined(separator: ", ")
            throw first.refusal("it says what it has of nothing; give it at least one of: \(words)")
        }
        saysPower = first.power != nil
        for node in nodes {
            try node.requireLike(first)
            // A step of frequency is one of processors.
            if resources.first != .cpu, node.power?.steps.isEmpty == false {
                throw node.refusal("its power has steps, which are shares of its processors; say its cpu, too")
            }
        }
        let nodeNames = try PlaceNames("node", nodes.map { ($0.node.name, $0.path) })
        let domains = try fields.decodeIfPresent([DomainFields].self, forKey: .domains) ?? []
        let domainNames = try PlaceNames("domain", domains.map { ($0.name, $0.path) })
        centre = DataCentre(
            resources: resources,
            nodes: try nodes.map { try $0.node(resources) },
            domains: try domains.map { try $0.domain(resources, nodeNames, nodes.map(\.node.isOn)) },
            rules: try fields.decodeIfPresent([RuleFields].self, forKey: .rules)?.map { try $0.rule(domainNames) } ?? []
        )
        sizing = [:]
        for (place, domain) in domains.enumerated() {
            sizing[place] = domain.sizedBy.map { DomainSizing($0, said: resources.map { domain.amounts[$0] }) }
        }
        silentDomains = domains.count { $0.dirtyRate == nil && $0.on != nil }
        access = nodes.map(\.access)
        labNodes = [:]
        for (place, node) in nodes.enumerated() {
            if let number = node.labNode?.number, let other = labNodes.first(where: { $0.value.number == number }) {
                throw node.refusal("it is node \(number) of the lab, and so is \(nodes[other.key].node.name)")
            }
            labNodes[place] = node.labNode
        }
        let migration = try fields.decodeIfPresent(MigrationFields.self, forKey: .migration)
        migrationLimit = migration?.limit ?? .seconds(600)
        sharesDisks = migration?.sharesDisks ?? false
        planValidity = try fields.value(.expires, default: .seconds(3600), Units.duration)
        goal = migration?.goal ?? ConsolidationGoal()
        goal.reserve = try fields.decodeIfPresent(ReserveFields.self, forKey: .reserve)?.shares(resources) ?? [:]
        balancing = try fields.decodeIfPresent(BalanceFields.self, forKey: .balance)?.terms ?? BalancingTerms()
        goal.recentMoves = domains.enumerated().compactMap { place, domain in
            domain.moved.map { RecentMove(domain: place, at: goal.now - $0) }
        }
        do { try centre.check() } catch { throw fields.refusal(of: .nodes, "\(error)") }
    }
}

/// Names and their places, each once.
struct PlaceNames {
    private let thing: String
    private let all: [String]
    private let places: [String: Int]

    init(_ thing: String, _ named: [(name: String, path: [any CodingKey])]) throws {
        self.thing = thing
        all = named.map(\.name)
        var places: [String: Int] = [:]
        for (place, entry) in named.enumerated() {
            guard places.updateValue(place, forKey: entry.name) == nil else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: entry.path + [AnyKey(stringValue: "name")],
                        debugDescription: "'\(entry.name)' stands twice; each \(thing) has a name of its own"))
            }
        }
        self.places = places
    }

    var count: Int { all.count }

    /// The place of a name that stands at `path`.
    func place(of name: String, at path: [any CodingKey]) throws -> Int {
        if let place = places[name] { return place }
        let hint = Nearest.hint(name, in: all)
        throw DecodingError.dataCorrupted(
            .init(codingPath: path, debugDescription: "there is no \(thing) '\(name)'\(hint)"))
    }
}
