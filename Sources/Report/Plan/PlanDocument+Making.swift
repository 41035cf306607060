import Model
package import Planning

extension PlanDocument {
    package init(_ plan: ConsolidationPlan, of file: DataCentreFile) {
        self.init(
            file, file.goal.purpose == .expand ? .expand : .consolidate, plan.verdict, plan.stages, plan.placement,
            plan.isOn, reasons: plan.reasons)
        leastNodes = plan.leastNodes
        curve = plan.curve.map {
            Point(
                nodes: $0.nodes, migrations: $0.migrations, leastMigrations: $0.leastMigrations,
                isChosen: $0 == plan.chosen)
        }
    }

    package init(_ plan: BalancingPlan, of file: DataCentreFile) {
        self.init(
            file, .balance, plan.verdict, plan.stages, plan.placement, file.centre.nodes.map(\.isOn),
            reasons: plan.reasons)
    }

    private init(
        _ file: DataCentreFile, _ goal: PlanPurpose, _ verdict: ConsolidationPlan.Verdict,
        _ stages: [ConsolidationPlan.Stage],
        _ placement: [Int?], _ isOn: [Bool], reasons: [String]
    ) {
        let centre = file.centre
        let wasOn = centre.nodes.map(\.isOn)
        let before = centre.extremes(centre.placement, wasOn)
        let after = centre.extremes(placement, isOn)
        dataCentre = file.name
        self.goal = goal
        self.verdict = verdict
        self.reasons = reasons
        if !stages.isEmpty, file.silentDomains > 0 {
            self.reasons.append(
                "no dirty-rate is said of \(Format.count(file.silentDomains, "running domain")): predicted as if no memory were "
                    + "written while it moves")
        }
        let sized = file.sizing.sorted { $0.key < $1.key }.compactMap { place, sizing in
            sizing.campaign.map { id in
                "\(centre.domains[place].name) (\(id)\(sizing.found.map { ": \($0)" } ?? ""))"
            }
        }
        if !sized.isEmpty { self.reasons.append("sized by what campaigns found: \(sized.joined(separator: ", "))") }
        nodesOn = Change(before: wasOn.count { $0 }, after: isOn.count { $0 })
        migrations = stages.reduce(0) { $0 + $1.moves.count { $0.from != nil } }
        seconds = stages.reduce(0) { $0 + $1.duration.seconds }
        worst = Change(before: before.most, after: after.most)
        spread = Change(before: before.most - before.least, after: after.most - after.least)
        atRisk = Change(
            before: centre.domainsAtRisk(centre.placement, file.goal), after: centre.domainsAtRisk(placement, file.goal)
        )
        let reserve = centre.resources.first.flatMap { file.goal.reserve[$0] } ?? 0
        power =
            file.saysPower
            ? Change(
                before: centre.power(centre.placement, wasOn, reserve: reserve),
                after: centre.power(placement, isOn, reserve: reserve)) : nil
        limits = [:]
        for resource in centre.resources { limits[resource.rawValue] = 1 - (file.goal.reserve[resource] ?? 0) }
        curve = []
        self.stages = stages.map { Stage($0, centre) }
        let (useBefore, useAfter) = (centre.use(centre.placement), centre.use(placement))
        let draws = [
            centre.draws(centre.placement, wasOn, reserve: reserve), centre.draws(placement, isOn, reserve: reserve),
        ]
        nodes = centre.nodes.enumerated().map { place, node in
            Node(
                name: node.name, isOn: Change(before: wasOn[place], after: isOn[place]),
                use: Change(
                    before: Self.shares(useBefore[place], of: node, centre.resources),
                    after: Self.shares(useAfter[place], of: node, centre.resources)),
                speed: node.powerSteps.isEmpty
                    ? nil : Change(before: draws[0][place]?.speed, after: draws[1][place]?.speed))
        }
        domains = zip(centre.domains, placement).map { domain, place in
            Domain(
                name: domain.name,
                node: Change(
                    before: domain.node.map { centre.nodes[$0].name }, after: place.map { centre.nodes[$0].name }))
        }
    }

    static func shares(
        _ use: [Int], of node: DataCentre.Node, _ resources: [Resource]
    ) -> [String: Double] {
        var shares: [String: Double] = [:]
        for (place, resource) in resources.enumerated() {
            shares[resource.rawValue] = Double(use[place]) / Double(node.capacity[place])
        }
        return shares
    }
}

extension PlanDocument.Stage {
    fileprivate init(_ stage: ConsolidationPlan.Stage, _ centre: DataCentre) {
        seconds = stage.duration.seconds
        powersOn = stage.powersOn.map { centre.nodes[$0].name }
        powersOff = stage.powersOff.map { centre.nodes[$0].name }
        moves = stage.moves.map { move in
            PlanDocument.Move(
                domain: centre.domains[move.domain].name, from: move.from.map { centre.nodes[$0].name },
                to: centre.nodes[move.to].name, why: move.why, seconds: move.cost?.duration.seconds,
                pause: move.cost?.pause.seconds, bytes: move.cost?.sent,
                source: move.source.map { PlanDocument.Prediction($0, centre) },
                target: PlanDocument.Prediction(move.target, centre))
        }
    }
}

extension PlanDocument.Prediction {
    fileprivate init(_ prediction: ConsolidationPlan.Prediction, _ centre: DataCentre) {
        node = centre.nodes[prediction.node].name
        amounts = [:]
        for (amount, resource) in zip(prediction.use, centre.resources) {
            amounts[resource.rawValue] = DataCentre.value(amount, of: resource)
        }
        utilisation = prediction.utilisation
    }
}
