package import Model

/// Where simulated domains run, and how plans move them: the planner of real data centres, whose plans take the time that
/// booting and migrating take. Pure.
struct SimulatedPlacement {
    private struct Flight {
        let domain: Int
        let to: Int
        let ends: Timestamp
        /// For how long it stands at the end.
        let pause: Duration
    }

    private let terms: SimulationFile.Placement
    private let at: Timestamp
    private var centre: DataCentre
    /// What is left of a plan; the first has begun when `hasBegun`.
    private var stages: ArraySlice<ConsolidationPlan.Stage> = []
    private var hasBegun = false
    private var boots: [Int: Timestamp] = [:]
    private var flights: [Flight] = []
    private var moved: [RecentMove] = []
    private var next: Timestamp
    /// By domain: the processors that plans count.
    private var wanted: [Double] = []
    private var lastVerdict = ConsolidationPlan.Verdict.noChange
    /// By domain: for how long it still stands.
    private var standing: [Int: Duration] = [:]
    private var minuteWatts = 0.0
    private(set) var course = FleetCourse()

    init(_ terms: SimulationFile.Placement, _ file: SimulationFile, at time: Timestamp) {
        (self.terms, at, next) = (terms, time, time + terms.every)
        let resources: [Resource] = terms.memory == nil ? [.cpu] : [.cpu, .memory]
        let capacity =
            [DataCentre.amount(file.processors, of: .cpu, isCapacity: true)]
            + [terms.memory].compactMap(\.self)
        let nodes = (0..<file.nodes).map { place in
            var node = DataCentre.Node(
                "node \(place + 1)", capacity: capacity, isOn: place < file.nodes - terms.off, bootTime: terms.boot,
                idlePower: terms.power?.idle ?? 0, peakPower: terms.power?.busy ?? 0)
            node.powerSteps = terms.power?.steps ?? []
            return node
        }
        var domains: [DataCentre.Domain] = []
        for (service, nodes) in zip(file.services, file.places) {
            for (tier, node) in zip(service.tiers, nodes) {
                let demand = [DataCentre.amount(tier.cpu, of: .cpu)] + (terms.memory == nil ? [] : [tier.memory])
                domains.append(
                    DataCentre.Domain(
                        "\(service.name)-\(tier.name)", demand: demand, node: node, memory: tier.memory,
                        dirtyRate: tier.dirtyRate))
            }
        }
        centre = DataCentre(resources: resources, nodes: nodes, domains: domains)
    }

    /// - Throws: `PlacementError` for what cannot be planned.
    func check() throws(PlacementError) { try centre.check() }

    /// Where each domain runs, in the order of services and their tiers.
    func node(of domain: Int) -> Int { centre.domains[domain].node ?? 0 }

    /// Which part of this second a domain runs.
    func share(of domain: Int) -> Double { 1 - min(1, (standing[domain] ?? .zero).seconds) }

    /// One second: `quotas` and `uses` are the processors that domains were given and used, `failing` the nodes that are down. Without
    /// the manager, only what is under way comes to its end.
    mutating func step(
        quotas: [Double], uses: [Double], failing: [Int], isManaged: Bool, at time: Timestamp
    ) throws {
        if !standing.isEmpty { standing = standing.mapValues { $0 - .seconds(1) }.filter { $0.value > .zero } }
        wanted = terms.purpose == .balance ? uses : quotas
        account(uses, failing, time)
        if !failing.isEmpty,
            let fallen = failing.first(where: { node in
                flights.contains { $0.to == node || self.node(of: $0.domain) == node } || boots[node] != nil
            })
        {
            abandon("node \(fallen + 1) fails in the midst of it", at: time)
        }
        land(at: time)
        for (node, moment) in boots where time >= moment {
            centre.nodes[node].isOn = true
            boots[node] = nil
        }
        guard isManaged else { return }
        if let stage = stages.first {
            goOn(stage, at: time)
        } else if time >= next, failing.isEmpty {
            next = time + terms.every
            try plan(at: time)
        }
    }

    private mutating func account(_ uses: [Double], _ failing: [Int], _ time: Timestamp) {
        var busy = [Double](repeating: 0, count: centre.nodes.count)
        for domain in centre.domains.indices { busy[node(of: domain)] += uses[domain] }
        let watts = centre.nodes.indices.reduce(0.0) { sum, place in
            // One that boots draws what an idle one does.
            guard centre.nodes[place].isOn || boots[place] != nil, !failing.contains(place) else { return sum }
            let capacity = DataCentre.value(centre.nodes[place].capacity[0], of: .cpu)
            let draw = centre.nodes[place].draw(min(1, busy[place] / capacity), reserve: terms.goal.reserve[.cpu] ?? 0)
            return sum + draw.watts
        }
        course.joules += watts
        minuteWatts += watts
        guard Int((time - at).seconds) % 60 == 0 else { return }
        course.minutes.append((centre.nodes.count { $0.isOn }, minuteWatts / 60))
        minuteWatts = 0
    }

    private mutating func land(at time: Timestamp) {
        for flight in flights where time >= flight.ends {
            centre.domains[flight.domain].node = flight.to
            standing[flight.domain] = flight.pause
            course.longestPause = max(course.longestPause, flight.pause)
            course.migrations += 1
            moved.append(RecentMove(domain: flight.domain, at: time))
        }
        flights.removeAll { time >= $0.ends }
    }

    /// Boots first, then migrations, then what is powered off.
    private mutating func goOn(_ stage: ConsolidationPlan.Stage, at time: Timestamp) {
        if !hasBegun {
            if let lack = lack(stage) { return abandon(lack, at: time) }
            hasBegun = true
            for node in stage.powersOn { boots[node] = time + terms.boot }
            course.powersOn += stage.powersOn.count
        }
        guard boots.isEmpty else { return }
        if flights.isEmpty, stage.moves.contains(where: { node(of: $0.domain) != $0.to }) {
            // Nodes have booted meanwhile.
            if let lack = lack(stage) { return abandon(lack, at: time) }
            flights = stage.moves.map { move in
                Flight(
                    domain: move.domain, to: move.to, ends: time + (move.cost?.duration ?? .zero),
                    pause: move.cost?.pause ?? .zero)
            }
        }
        guard flights.isEmpty else { return }
        for node in stage.powersOff { centre.nodes[node].isOn = false }
        course.powersOff += stage.powersOff.count
        stages.removeFirst()
        hasBegun = false
    }

    /// What domains want now is what plans have to do with.
    private mutating func count() {
        for (domain, processors) in wanted.enumerated() {
            centre.domains[domain].demand[0] = DataCentre.amount(processors, of: .cpu)
        }
    }

    /// What the keeper has given since the plan was made may have taken the room.
    private mutating func lack(_ stage: ConsolidationPlan.Stage) -> String? {
        count()
        var use = centre.use(centre.placement)
        for move in stage.moves {
            for place in centre.resources.indices { use[move.to][place] += centre.domains[move.domain].demand[place] }
            for (place, resource) in centre.resources.enumerated()
            where use[move.to][place] > terms.goal.limit(centre.nodes[move.to].capacity[place], of: resource) {
                return "\(centre.nodes[move.to].name) has no room for \(centre.domains[move.domain].name) any more"
            }
        }
        return nil
    }

    private mutating func abandon(_ reason: String, at time: Timestamp) {
        // What is under way stays where it came from, and what boots stays off.
        (stages, flights, boots, hasBegun) = ([], [], [:], false)
        course.abandoned += 1
        course.events.append((time, "the plan was given up: \(reason)"))
    }

    private mutating func plan(at time: Timestamp) throws {
        count()
        var goal = terms.goal
        goal.now = time
        moved.removeAll { time - $0.at >= goal.cooldown }
        goal.recentMoves = moved
        let (verdict, found, reasons): (ConsolidationPlan.Verdict, [ConsolidationPlan.Stage], [String])
        switch terms.purpose {
        case .balance:
            let plan = try Balancing.plan(centre, goal, terms.balancing)
            (verdict, found, reasons) = (plan.verdict, plan.stages, plan.reasons)
        case .consolidate:
            let plan = try Consolidation.plan(centre, goal)
            (verdict, found, reasons) = (plan.verdict, plan.stages, plan.reasons)
        }
        defer { lastVerdict = verdict }
        switch verdict {
        case .noChange: return
        case .change:
            stages = found[...]
            course.plans += 1
        // Once, as long as it stays so.
        case .impossible: guard lastVerdict != .impossible else { return }
        }
        course.events.append((time, reasons.joined(separator: "; ")))
    }
}

/// What became of the nodes of a simulation.
package struct FleetCourse: Sendable {
    package internal(set) var plans = 0
    /// Plans that could not be carried out to their end.
    package internal(set) var abandoned = 0
    package internal(set) var migrations = 0
    package internal(set) var powersOn = 0
    package internal(set) var powersOff = 0
    package internal(set) var longestPause: Duration = .zero
    /// Of all nodes, over the whole time.
    package internal(set) var joules = 0.0
    /// Minute by minute: nodes that are on, and what all draw.
    package internal(set) var minutes: [(nodes: Int, watts: Double)] = []
    package internal(set) var events: [(time: Timestamp, text: String)] = []
}
