package import Model
package import Planning

extension PlanDocument {
    /// Why the plan cannot be carried out on a data centre as it is now; empty when it can, step by step.
    package func staleness(in file: DataCentreFile) -> [String] {
        guard dataCentre == file.name else { return ["the plan is for \(dataCentre), and the file is of \(file.name)"] }
        if let contradiction { return ["it contradicts itself: \(contradiction)"] }
        let reasons = differences(from: file.centre, file.goal)
        if !reasons.isEmpty { return reasons }
        // Every name is known now, and everything is where the plan found it.
        return PlanAudit.faults(of: stages(in: file), file.centre, file.goal)
    }

    /// Why it is too old to be begun; nil while it is not, or where it does not say when it was made. What was begun may be ended.
    package func expiry(in file: DataCentreFile, at time: Timestamp) -> String? {
        guard let made else { return nil }
        let age = Double(time.nanoseconds) / 1e9 - made
        guard age > file.planValidity.seconds else { return nil }
        return
            "it was made \(Format.duration(.seconds(age))) ago, and plans hold for \(Format.duration(file.planValidity)) "
            + "('expires:' of the file)"
    }

    /// Its steps by the places that names have in a file, for a plan that is not stale in it.
    package func stages(in file: DataCentreFile) -> [ConsolidationPlan.Stage] { stages.map { $0.steps(file) } }

    /// Of its steps and what it says of nodes and domains.
    private var contradiction: String? {
        var place: [String: String] = [:]
        for domain in domains { place[domain.name] = domain.node.before ?? "" }
        let known = Set(nodes.map(\.name))
        for stage in stages {
            for node in stage.powersOn + stage.powersOff + stage.moves.map(\.to) where !known.contains(node) {
                return "its steps name node \(node), which it does not list"
            }
            for move in stage.moves where place.updateValue(move.to, forKey: move.domain) == nil {
                return "its steps name domain \(move.domain), which it does not list"
            }
        }
        let lost = domains.first { place[$0.name] != $0.node.after ?? "" }
        return lost.map { "its steps do not lead domain \($0.name) to \($0.node.after ?? "nowhere")" }
    }

    private func differences(from centre: DataCentre, _ goal: ConsolidationGoal) -> [String] {
        var reasons: [String] = []
        let nodeNames = centre.nodes.map(\.name)
        for node in nodes {
            guard let place = nodeNames.firstIndex(of: node.name) else {
                reasons.append("node \(node.name) is gone")
                continue
            }
            if centre.nodes[place].isOn != node.isOn.before {
                let (now, then) = node.isOn.before ? ("off", "on") : ("on", "off")
                reasons.append("node \(node.name) is \(now); the plan found it \(then)")
            }
        }
        reasons += differences(ofDomains: centre)
        for resource in resources where !centre.resources.contains(resource) {
            reasons.append("no node says \(resource.rawValue) any more")
        }
        for resource in centre.resources {
            let limit = 1 - (goal.reserve[resource] ?? 0)
            let found = limits[resource.rawValue]
            if found.map({ abs($0 - limit) > 1e-9 }) ?? true {
                reasons.append(
                    "\(Format.percent(limit)) of \(resource.rawValue) may be used; the plan found "
                        + (found.map(Format.percent) ?? "no limit"))
            }
        }
        // What is used is told only where nothing else is: it follows from the rest.
        return reasons.isEmpty ? differences(ofUse: centre) : reasons
    }

    private func differences(ofDomains centre: DataCentre) -> [String] {
        let places = Dictionary(uniqueKeysWithValues: zip(centre.domains.map(\.name), centre.domains.indices))
        let text = { (node: String?) in node.map { "on \($0)" } ?? "not running" }
        var reasons: [String] = []
        for domain in domains {
            guard let place = places[domain.name] else {
                reasons.append("domain \(domain.name) is gone")
                continue
            }
            let now = centre.domains[place].node.map { centre.nodes[$0].name }
            guard now != domain.node.before else { continue }
            reasons.append(
                "domain \(domain.name) is \(text(now)); the plan found it \(text(domain.node.before))"
                    + (now == domain.node.after ? ", and sends it where it is" : ""))
        }
        let known = Set(domains.map(\.name))
        reasons += centre.domains.filter { !known.contains($0.name) }.map { "domain \($0.name) is new" }
        return reasons
    }

    private func differences(ofUse centre: DataCentre) -> [String] {
        let use = centre.use(centre.placement)
        let shares = Dictionary(
            uniqueKeysWithValues: centre.nodes.indices.map { place in
                (centre.nodes[place].name, Self.shares(use[place], of: centre.nodes[place], centre.resources))
            })
        return nodes.flatMap { node in
            resources.compactMap { resource in
                let (now, found) = (shares[node.name]?[resource.rawValue] ?? 0, node.use.before[resource.rawValue] ?? 0)
                guard abs(now - found) > 1e-9 else { return nil }
                return "of node \(node.name) \(Format.percent(now)) of \(resource.rawValue) is used; the plan found "
                    + Format.percent(found)
            }
        }
    }
}

extension PlanDocument.Stage {
    /// By the places that names have in a file, which has all of them; costs are those of the file.
    fileprivate func steps(_ file: DataCentreFile) -> ConsolidationPlan.Stage {
        let centre = file.centre
        let node = { (name: String) in centre.nodes.firstIndex { $0.name == name } }
        let prediction = { (prediction: PlanDocument.Prediction) -> ConsolidationPlan.Prediction? in
            node(prediction.node).map { place in
                ConsolidationPlan.Prediction(
                    node: place,
                    // Within what is counted at all: files may say anything.
                    use: centre.resources.map {
                        DataCentre.amount(min(max(prediction.amounts[$0.rawValue] ?? 0, 0), 9e15), of: $0)
                    }, utilisation: prediction.utilisation)
            }
        }
        return ConsolidationPlan.Stage(
            powersOn: powersOn.compactMap(node),
            moves: moves.compactMap { move in
                guard let place = centre.domains.firstIndex(where: { $0.name == move.domain }), let to = node(move.to),
                    let target = prediction(move.target)
                else { return nil }
                let domain = centre.domains[place]
                return ConsolidationPlan.Move(
                    domain: place, from: move.from.flatMap(node), to: to, why: move.why,
                    cost: move.from == nil
                        ? nil : file.goal.link.cost(memory: domain.memory, dirtyRate: domain.dirtyRate),
                    source: move.source.flatMap(prediction), target: target)
            }, powersOff: powersOff.compactMap(node))
    }
}
