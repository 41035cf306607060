import Model

/// What is wrong with where domains run now, so that something has to change.
struct PlacementIlls {
    private(set) var texts: [String] = []
    private static let shown = 5

    init(_ centre: DataCentre, _ goal: ConsolidationGoal) {
        let use = centre.use(centre.placement)
        let over = centre.nodes.indices.filter { node in
            centre.resources.indices.contains {
                use[node][$0] > goal.limit(centre.nodes[node].capacity[$0], of: centre.resources[$0])
            }
        }
        add("nodes have more than they may", over.map { centre.nodes[$0].name })
        add("domains wait to be started", centre.domains.filter { $0.node == nil }.map(\.name))
        add(
            "nodes must be emptied",
            centre.nodes.filter { $0.duty == .leaves && $0.isOn }.map(\.name))
        add("nodes must be powered on", centre.nodes.filter { $0.duty == .staysOn && !$0.isOn }.map(\.name))
        add(
            "domains are where they may not be",
            centre.domains.filter { domain in
                domain.node.map { !(domain.allowedNodes ?? [$0]).contains($0) } ?? false
            }.map(\.name))
        let broken = centre.rules.filter { rule in
            switch rule {
            case .together(let members): Set(members.compactMap { centre.domains[$0].node }).count > 1
            case .apart(let members):
                Dictionary(grouping: members.compactMap { centre.domains[$0].node }) { $0 }.contains {
                    $0.value.count > 1
                }
            }
        }
        add("rules are broken", broken.map { "\($0)" })
    }

    var isEmpty: Bool { texts.isEmpty }

    private mutating func add(_ what: String, _ names: [String]) {
        guard !names.isEmpty else { return }
        let list = names.prefix(Self.shown).joined(separator: ", ")
        texts.append("\(names.count) \(what): \(list)" + (names.count > Self.shown ? ", …" : ""))
    }
}
