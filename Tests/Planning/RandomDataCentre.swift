import Model
import Planning

/// Data centres of every kind, drawn from a generator: what is random is only its seed.
struct RandomDataCentre {
    var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func once(in times: Int) -> Bool { number(1...times) == 1 }

    /// `isBent`: rules, pins, limited nodes, nodes that leave, domains that wait.
    mutating func next(nodes: Int, domains: Int, resources: Int = 2, isBent: Bool = false) -> DataCentre {
        let names: [Resource] = [.cpu, .memory, .network, .diskRead]
        var centre = DataCentre(
            resources: Array(names.prefix(resources)),
            nodes: (0..<nodes).map { place in
                let size = number(2...4) * 10
                return DataCentre.Node(
                    "n\(place)", capacity: (0..<resources).map { _ in size + number(0...5) }, isOn: !once(in: 5),
                    idlePower: 100, peakPower: 300)
            }, domains: [])
        if !centre.nodes.contains(where: \.isOn) { centre.nodes[0].isOn = true }
        let on = centre.nodes.indices.filter { centre.nodes[$0].isOn }
        centre.domains = (0..<domains).map { place in
            var domain = DataCentre.Domain(
                "d\(place)", demand: (0..<resources).map { _ in number(1...12) }, node: on[number(0...(on.count - 1))],
                memory: number(1...8) << 30, dirtyRate: number(0...20) << 20)
            if isBent {
                domain.isFixed = once(in: 12)
                if !domain.isFixed, once(in: 12) { domain.node = nil }
                if !domain.isFixed, once(in: 8) {
                    domain.allowedNodes = centre.nodes.indices.filter { _ in !once(in: 3) }
                }
            }
            return domain
        }
        if isBent {
            for _ in 0..<2 {
                var members = Array(0..<domains)
                members.shuffle(using: &random)
                let rule = Array(members.prefix(number(2...3)))
                centre.rules.append(once(in: 2) ? .together(rule) : .apart(rule))
            }
            let node = number(0...(nodes - 1))
            if once(in: 3) { centre.nodes[node].duty = once(in: 2) ? .leaves : .staysOn }
        }
        return centre
    }
}
