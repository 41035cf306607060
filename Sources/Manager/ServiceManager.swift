import Experimenter
import Hypervisor
package import Model
package import OperatingSystem
import Planning
package import Store

/// Keeps the promises of services: hears, asks the keeper of each what to do, does that and tells how it ended. Decides
/// nothing; every decision is on the disk before it is acted on, and what was begun goes on after a restart.
///
/// One campaign runs at a time: two would disturb each other's measurements and production.
package final class ServiceManager {
    private final class Ward {
        let file: ServiceFile
        var keeper: Keeper
        var watch: ServiceWatch?
        var next: Timestamp
        /// When it was heard last.
        var heard: Timestamp
        /// Steps of the decision that have been written and told.
        var told: (id: String, steps: Int)?
        var reading: SLAReading?
        /// What the plan would use more.
        var furtherProcessors = 0.0

        init(_ file: ServiceFile, _ keeper: Keeper, next: Timestamp) {
            (self.file, self.keeper, self.next, heard) = (file, keeper, next, next)
        }
    }

    private let wards: [Ward]
    private let connect: String
    private let store: DecisionStore
    private let state: StateDirectory
    private let interrupt: InterruptSignal
    private let clock: SteadyClock
    private let locks: [FileLock]
    private let report: (ManagerEvent) -> Void
    private var meter: NodeMeter
    private var campaign: RunningCampaign?
    /// Services whose campaign waits for its turn.
    private var waiting: [Int] = []

    /// `files` are of one node, each with `manage`.
    ///
    /// - Throws: when a service is managed by another process already, or a domain is not there.
    package init(
        _ files: [ServiceFile], state: StateDirectory, interrupt: InterruptSignal,
        report: @escaping (ManagerEvent) -> Void
    ) throws {
        guard let connect = files.first?.connect else { preconditionFailure("a manager without a service") }
        let clock = SteadyClock()
        let store = try DecisionStore(state.decisions)
        self.connect = connect
        locks = try files.map { file in
            guard let lock = try FileLock.take(state.lock(Self.lockName(file.service))) else {
                throw ManagerError.managedAlready(file.service)
            }
            return lock
        }
        let now = Timestamp(nanoseconds: clock.now)
        wards = try files.map { file in
            guard let terms = file.manage, let entry = file.entryTier else {
                throw ManagerError.notManaged(file.service)
            }
            let keeper = Keeper(
                service: file.service, sla: file.sla, entry: entry.name, terms: terms,
                past: try store.decisions(of: file.service), newID: JournalOwner.newName)
            return Ward(file, keeper, next: now + terms.every)
        }
        meter = NodeMeter(at: now)
        (self.clock, self.store, self.state, self.interrupt, self.report) = (clock, store, state, interrupt, report)
        // Whatever a file names wrongly is said at once; what merely does not run may come.
        let node = try Node(connect: connect)
        for name in files.flatMap(\.tiers).flatMap(\.domains) where try node.domain(name) == nil {
            throw CampaignError.unknownDomain(name, known: try node.domains().map(\.name))
        }
        for ward in wards {
            do { ward.watch = try ServiceWatch(ward.file, clock: clock) } catch let error as WatchError {
                throw error
            } catch {}
            ward.heard = now
        }
    }

    /// libvirt may have been started anew since the last time.
    private var actuator: Actuator { get throws { Actuator(try Node(connect: connect)) } }

    /// Unlike any campaign's.
    private static func lockName(_ service: String) -> String {
        "manager-"
            + service.utf8.map { byte in
                let scalar = Unicode.Scalar(byte)
                return byte < 0x80 && scalar.properties.isAlphabetic || (0x30...0x39).contains(byte)
                    ? String(Character(scalar)) : "%" + String(byte, radix: 16)
            }.joined()
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    /// Until the interrupt comes, or for so long. What is open then goes on with the next start.
    ///
    /// - Returns: whether every service kept its promise at the last check.
    package func run(for duration: Duration?) throws -> Bool {
        defer { withExtendedLifetime(locks) {} }
        let end = duration.map { now + $0 } ?? .distantFuture
        do {
            for (index, ward) in wards.enumerated() {
                ward.told = ward.keeper.decision.map { ($0.id, $0.steps.count) }
                report(
                    .watching(
                        service: ward.file.service, tiers: ward.keeper.terms.tiers.map(\.name),
                        since: ward.keeper.isBusy ? ward.keeper.decision : nil))
                try carryOut(ward.keeper.begin(at: now), index)
            }
            while now < end {
                let next = min(end, wards.map(\.next).min() ?? end)
                let wakeUps = [campaign?.ended].compactMap(\.self)
                if interrupt.wait(seconds: (next - now).seconds, or: wakeUps) == .interrupted { break }
                // Clones are no part of what the node does for its domains.
                meter.look(at: now, counts: campaign == nil)
                try takeCampaign()
                for (index, ward) in wards.enumerated() where now >= ward.next {
                    // A step that is over already, because the machine stood still, is made up for by a longer interval.
                    while ward.next <= now { ward.next = ward.next + ward.keeper.terms.every }
                    try check(ward, index)
                }
            }
            endAll()
        } catch {
            endAll()
            throw error
        }
        return wards.allSatisfy { $0.reading?.state != .violated }
    }

    private func endAll() {
        if let campaign {
            campaign.interrupt()
            campaign.join()
            for event in campaign.events() { report(.campaign(service: wards[campaign.ward].file.service, event)) }
        }
        campaign = nil
        for ward in wards { try? ward.watch?.stop() }
    }

    private func check(_ ward: Ward, _ index: Int) throws {
        let rows: [TierInterval]
        do {
            guard let watch = ward.watch else {
                ward.watch = try ServiceWatch(ward.file, clock: clock)
                ward.heard = now
                return
            }
            rows = try watch.closeInterval()
        } catch {
            // A domain that was started anew has another interface.
            try? ward.watch?.stop()
            ward.watch = nil
            report(.deaf(service: ward.file.service, reason: "\(error)"))
            return try carryOut(ward.keeper.deaf(at: now), index)
        }
        guard let entry = rows.first(where: { $0.sla != nil }), let reading = entry.sla else { return }
        ward.reading = reading
        let tiers = zip(ward.file.tiers, rows).map { tier, row in
            TierUse(
                tier.name, calls: tier.calls, requests: Double(row.requests),
                busy: (row.histogram.mean ?? 0) * Double(row.requests))
        }
        let check = ServiceCheck(
            time: now, length: now - ward.heard, sla: reading, tiers: tiers, errors: Double(entry.errors))
        ward.heard = check.time
        let orders = ward.keeper.check(check)
        let first = tiers.first { $0.name == entry.tier }
        report(
            .checked(
                service: ward.file.service, reading, length: check.length, requests: first?.requests ?? 0,
                busy: first?.busy ?? 0))
        try carryOut(orders, index)
    }

    /// Writes the decision down first: what is not on the disk is not done.
    private func carryOut(_ orders: [Keeper.Order], _ index: Int) throws {
        let ward = wards[index]
        var open = orders[...]
        try writeDown(ward)
        while let order = open.popFirst() {
            switch order {
            case .explore: waiting.append(index)
            case .abandon:
                waiting.removeAll { $0 == index }
                if campaign?.ward == index { campaign?.interrupt() }
            case .set(let changes):
                do {
                    try set(changes, ward)
                    open += ward.keeper.settled(nil, at: now)
                } catch {
                    open += ward.keeper.settled("\(error)", at: now)
                }
            case .look(let changes):
                // What cannot be read now is asked again at the next check.
                do { open += ward.keeper.looked(try actuator.present(changes), at: now) } catch {
                    report(.deaf(service: ward.file.service, reason: "\(error)"))
                }
            }
            try writeDown(ward)
        }
        try startCampaign()
    }

    private func writeDown(_ ward: Ward) throws {
        guard let decision = ward.keeper.decision else { return }
        let first = ward.told?.id == decision.id ? ward.told?.steps ?? 0 : 0
        guard first < decision.steps.count else { return }
        try store.save(decision)
        ward.told = (decision.id, decision.steps.count)
        for step in decision.steps[first...] { report(.step(decision, step)) }
    }

    /// A plan may have waited: whether the node has room is asked once more.
    private func set(_ changes: [AllocationChange], _ ward: Ward) throws {
        guard ward.keeper.decision?.state == .applying else { return try actuator.apply(changes) }
        if let lack = meter.room?.lack(for: changes, more: ward.furtherProcessors) { throw ManagerError.noRoom(lack) }
        try actuator.apply(changes)
        meter.grant(ward.furtherProcessors)
        ward.furtherProcessors = 0
    }

    // MARK: - Campaigns

    private func startCampaign() throws {
        guard campaign == nil else { return }
        // A broken promise goes before what is merely too much.
        let first = waiting.firstIndex { wards[$0].keeper.decision?.cause == .violated } ?? waiting.indices.first
        guard let first else { return }
        let index = waiting.remove(at: first)
        let ward = wards[index]
        guard let decision = ward.keeper.decision, decision.state == .exploring,
            let tier = ward.keeper.terms.tiers.first(where: { $0.name == decision.tier })
        else { return try startCampaign() }
        let sla = ward.file.sla
        let file = ward.file.asking(
            of: tier, sla: SLA(sla.statistic, below: .nanoseconds(Int64(decision.limit * 1e9)), over: sla.over))
        do {
            var beginning = Campaign.Beginning.named(decision.id)
            if let record = try MatrixStore(state.matrices).campaign(decision.id) {
                // It may have come to its end before that could be written down.
                if record.state == .done { return try take(record, index) }
                beginning = .resume(record)
            }
            campaign = try RunningCampaign(file, ward: index, decision: decision.id, beginning, state: state)
        } catch {
            try carryOut(ward.keeper.explored(.failed("the campaign cannot begin: \(error)"), at: now), index)
        }
    }

    /// Tells what the campaign says, and takes its end.
    private func takeCampaign() throws {
        guard let running = campaign else { return }
        running.ended.clear()
        let ward = wards[running.ward]
        // In this order: what it says last comes before its outcome.
        let outcome = running.outcome
        // One that was abandoned ends when there may be a new decision already.
        let isWanted = ward.keeper.decision?.id == running.decision
        for event in running.events() {
            if case .started = event, isWanted {
                ward.keeper.began()
                if let decision = ward.keeper.decision { try store.save(decision) }
            }
            report(.campaign(service: ward.file.service, event))
        }
        guard let outcome else { return }
        running.join()
        campaign = nil
        switch outcome {
        case _ where !isWanted: break
        case .success(let record): try take(record, running.ward)
        case .failure(let error):
            try carryOut(ward.keeper.explored(.failed("the campaign failed: \(error)"), at: now), running.ward)
        }
        try startCampaign()
    }

    private func take(_ record: CampaignRecord, _ index: Int) throws {
        let ward = wards[index]
        if meter.room == nil, interrupt.wait(seconds: 1) != .interrupted { meter.look(at: now, counts: true) }
        let outcome: Keeper.Exploration
        do {
            let changes = try actuator.changes(record, ward.file)
            outcome = Keeper.Exploration(record, changes: changes, room: meter.room)
            ward.furtherProcessors = record.furtherProcessors
        } catch {
            outcome = .failed(
                "what campaign \(record.id) found cannot be compared with what the domains have: \(error)")
        }
        try carryOut(ward.keeper.explored(outcome, at: now), index)
    }
}

/// Why nothing can be managed, or changed.
package enum ManagerError: Error, Sendable, CustomStringConvertible {
    case managedAlready(String)
    case notManaged(String)
    case noRoom(String)

    package var description: String {
        switch self {
        case .managedAlready(let service): "\(service) is managed by another process already; end that one first"
        case .notManaged(let service):
            "the file of \(service) does not say how to manage it; add a section, for instance manage: { act: propose }"
        case .noRoom(let lack): lack
        }
    }
}
