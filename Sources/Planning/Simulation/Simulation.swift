package import Model

/// A data centre in simulated time, kept by the same code as a real one: `Keeper` decides, the driver of real campaigns picks the
/// experiments. Pure, and from a seed: the same file says the same.
package struct Simulation {
    /// What became of one service.
    package struct Course: Sendable {
        package let service: String
        package let sla: SLA
        /// Mean response time, in seconds, minute by minute; nil without an answer.
        package internal(set) var minutes: [Double?] = []
        /// Requests a second, minute by minute.
        package internal(set) var rates: [Double] = []
        /// How long the SLA's figure was above its limit.
        package internal(set) var violated: Duration = .zero
        /// From the first violation to the last second of it.
        package internal(set) var firstViolation: Timestamp?
        package internal(set) var lastViolation: Timestamp?
        package internal(set) var experiments = 0
        package internal(set) var decisions: [ManagedDecision] = []
        /// Processors at the end, by tier.
        package internal(set) var quotas: [Double] = []

        init(_ file: SimulationFile.Service) { (service, sla) = (file.name, file.sla) }
    }

    private struct Ward {
        var service: SimulatedService
        var keeper: Keeper?
        var campaign: SimulatedCampaign?
        /// A tier that is to be asked about, with its limit, when its node's manager has ended the campaign before.
        var waiting: (tier: ManagedTier, limit: Double, since: Timestamp)?
        var course: Course
        var minute: (count: Double, sum: Double, rate: Double) = (0, 0, 0)
        var next: Timestamp
    }

    private let file: SimulationFile
    private var wards: [Ward]
    private var placement: SimulatedPlacement?
    /// Processors that are wanted of each node.
    private var demands: [Double] = []
    /// The moment at which the simulation begins: midnight.
    private static let start = Timestamp(nanoseconds: 0)

    package init(_ file: SimulationFile) {
        self.file = file
        var seeds = SplitMix64(seed: file.seed)
        placement = file.placement.map { SimulatedPlacement($0, file, at: Self.start) }
        wards = zip(file.services, file.places).map { service, nodes in
            Ward(
                service: SimulatedService(service, nodes: nodes, seed: seeds.next()),
                keeper: Self.keeper(service, past: []), course: Course(service),
                next: Self.start + (service.manage?.every ?? .seconds(10)))
        }
    }

    private static func keeper(_ service: SimulationFile.Service, past: [ManagedDecision]) -> Keeper? {
        guard let terms = service.manage, let entry = service.tiers.first else { return nil }
        let name = service.name
        return Keeper(
            service: name, sla: service.sla, entry: entry.name, terms: terms, past: past,
            newID: { "\(name)-\($0.nanoseconds / 1_000_000_000)" })
    }

    /// Runs to the end.
    package mutating func run() throws -> [Course] {
        var wasDown = false
        for second in 1...max(1, Int(file.length.seconds)) {
            let time = Self.start + .seconds(second)
            let passed = Duration.seconds(second)
            let isDown = fails(nil, passed)
            try place(passed, time, isManaged: !isDown)
            shareNodes(passed)
            // Not while they are in self, which is read meanwhile: each would be changed in a copy of all.
            var current: [Ward] = []
            swap(&current, &wards)
            for index in current.indices {
                step(&current[index], passed, time)
                if isDown { continue }
                if wasDown { try restart(&current[index], time) }
                try keep(&current[index], passed, time)
            }
            if !isDown { try beginCampaigns(&current, time) }
            swap(&current, &wards)
            wasDown = isDown
        }
        return wards.map { ward in
            var course = ward.course
            course.decisions += [ward.keeper?.decision].compactMap(\.self)
            course.quotas = ward.service.stations.map(\.quota)
            return course
        }
    }

    /// What became of the nodes; nil where nothing moves.
    package var fleet: FleetCourse? { placement?.course }

    private func fails(_ node: Int?, _ passed: Duration) -> Bool {
        file.failures.contains { $0.node == node && $0.at <= passed && passed < $0.at + $0.length }
    }

    private mutating func place(_ passed: Duration, _ time: Timestamp, isManaged: Bool) throws {
        guard var placed = placement else { return }
        let uses = wards.flatMap { ward in
            let rate = ward.service.rate(at: passed)
            return ward.service.stations.map { $0.demand(rate) }
        }
        try placed.step(
            quotas: wards.flatMap { $0.service.stations.map(\.quota) }, uses: uses,
            failing: file.failures.compactMap(\.node).filter { fails($0, passed) }, isManaged: isManaged, at: time)
        var domain = 0
        for index in wards.indices {
            for station in wards[index].service.stations.indices {
                wards[index].service.stations[station].node = placed.node(of: domain)
                domain += 1
            }
        }
        placement = placed
    }

    /// Each node gives its tiers what they could use, or all the same part of it.
    private mutating func shareNodes(_ passed: Duration) {
        demands = Array(repeating: 0.0, count: file.nodes)
        for ward in wards {
            let rate = ward.service.rate(at: passed)
            for station in ward.service.stations { demands[station.node] += station.demand(rate) }
        }
        let shares = demands.indices.map { node in
            fails(node, passed) ? 0 : demands[node] > file.processors ? file.processors / demands[node] : 1
        }
        var domain = 0
        for index in wards.indices {
            for place in wards[index].service.stations.indices {
                wards[index].service.stations[place].share =
                    shares[wards[index].service.stations[place].node] * (placement?.share(of: domain) ?? 1)
                domain += 1
            }
        }
    }

    private func step(_ ward: inout Ward, _ passed: Duration, _ time: Timestamp) {
        let rate = ward.service.rate(at: passed)
        ward.service.step(rate, noise: file.noise)
        if let (count, sum) = ward.service.lastSecond {
            ward.minute.count += count
            ward.minute.sum += sum
        }
        ward.minute.rate += rate
        if ward.service.reading.state == .violated {
            ward.course.violated += .seconds(1)
            ward.course.firstViolation = ward.course.firstViolation ?? time
            ward.course.lastViolation = time
        }
        guard Int(passed.seconds) % 60 == 0 else { return }
        ward.course.minutes.append(ward.minute.count > 0 ? ward.minute.sum / ward.minute.count : nil)
        ward.course.rates.append(ward.minute.rate / 60)
        ward.minute = (0, 0, 0)
    }

    // MARK: - The manager

    private func keep(_ ward: inout Ward, _ passed: Duration, _ time: Timestamp) throws {
        guard ward.keeper != nil else { return }
        if var campaign = ward.campaign {
            let hasEnded = try campaign.step(ward.service, rate: ward.service.rate(at: passed), at: time)
            ward.campaign = campaign
            if hasEnded { try take(campaign, &ward, time) }
        }
        guard time >= ward.next, let every = ward.keeper?.terms.every else { return }
        ward.next = time + every
        let check = ServiceCheck(
            time: time, length: every, sla: ward.service.reading, tiers: ward.service.use())
        let before = ward.keeper?.decision
        let orders = ward.keeper?.check(check) ?? []
        if let before, before.id != ward.keeper?.decision?.id { ward.course.decisions.append(before) }
        try carryOut(orders, &ward, time)
    }

    private func take(_ campaign: SimulatedCampaign, _ ward: inout Ward, _ time: Timestamp) throws {
        ward.campaign = nil
        ward.course.experiments += campaign.experiments
        let record = campaign.record
        let place = ward.service.file.tiers.firstIndex { $0.name == record.tier } ?? 0
        let changes = record.answer?.allocation?[.cpu].map { wanted in
            AllocationChange(
                domain: record.domain, resource: .cpu, from: .number(ward.service.stations[place].quota), to: wanted)
        }
        let outcome = Keeper.Exploration(
            record, changes: [changes].compactMap(\.self),
            room: NodeRoom(
                processors: file.processors, busy: demands[ward.service.stations[place].node], memory: nil))
        try carryOut(ward.keeper?.explored(outcome, at: time) ?? [], &ward, time)
    }

    private func carryOut(_ orders: [Keeper.Order], _ ward: inout Ward, _ time: Timestamp) throws {
        var open = orders[...]
        while let order = open.popFirst() {
            switch order {
            case .explore(let name, let limit):
                guard let tier = ward.keeper?.terms.tiers.first(where: { $0.name == name }) else { continue }
                if ward.campaign != nil {
                    ward.campaign?.beginAgain(at: time)
                } else {
                    ward.waiting = (tier, limit, time)
                }
            case .abandon: (ward.campaign, ward.waiting) = (nil, nil)
            case .set(let changes):
                for change in changes { set(change, &ward) }
                open += ward.keeper?.settled(nil, at: time) ?? []
            case .look(let changes):
                let present = changes.map { change in
                    place(change, ward).map { Setting.number(ward.service.stations[$0].quota) }
                }
                open += ward.keeper?.looked(present, at: time) ?? []
            }
        }
    }

    /// A manager keeps what is on its node, and makes one campaign after the other: a broken promise goes before what is merely too
    /// much.
    private func beginCampaigns(_ wards: inout [Ward], _ time: Timestamp) throws {
        let waiting = wards.indices.compactMap { index in wards[index].waiting.map { (index, $0.since) } }
            .sorted { ($0.1.nanoseconds, $0.0) < ($1.1.nanoseconds, $1.0) }.map(\.0)
        if waiting.isEmpty { return }
        var busy = Set(wards.compactMap { ward in ward.campaign.map { ward.service.stations[$0.tier].node } })
        let violated = waiting.filter { wards[$0].keeper?.decision?.cause == .violated }
        for index in violated + waiting.filter({ !violated.contains($0) }) {
            guard let (tier, limit, _) = wards[index].waiting,
                let place = wards[index].service.file.tiers.firstIndex(where: { $0.name == tier.name }),
                busy.insert(wards[index].service.stations[place].node).inserted
            else { continue }
            wards[index].waiting = nil
            wards[index].keeper?.began()
            wards[index].campaign = try SimulatedCampaign(
                wards[index].keeper?.decision?.id ?? "", wards[index].service.file, tier, limit: limit,
                onLine: wards[index].service.stations[place].quota, file, at: time,
                seed: wards[index].service.random.next())
        }
    }

    private func place(_ change: AllocationChange, _ ward: Ward) -> Int? {
        ward.service.file.tiers.firstIndex { "\(ward.service.file.name)-\($0.name)" == change.domain }
    }

    private func set(_ change: AllocationChange, _ ward: inout Ward) {
        guard let place = place(change, ward), let quota = change.to.number else { return }
        ward.service.stations[place].quota = quota
    }

    /// A manager that was away knows what it had written down, and hears anew.
    private func restart(_ ward: inout Ward, _ time: Timestamp) throws {
        guard let keeper = ward.keeper else { return }
        let past = ward.course.decisions + [keeper.decision].compactMap(\.self)
        ward.keeper = Self.keeper(ward.service.file, past: past)
        _ = ward.service.use()
        let orders = ward.keeper?.begin(at: time) ?? []
        // What came to its end meanwhile has no campaign any more.
        if ward.keeper?.decision?.state != .exploring { (ward.campaign, ward.waiting) = (nil, nil) }
        try carryOut(orders, &ward, time)
    }
}
