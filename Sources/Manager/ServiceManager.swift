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
        /// Steps of the decision that have been written and told.
        var told: (id: String, steps: Int)?
        var reading: SLAReading?

        init(_ file: ServiceFile, _ keeper: Keeper, next: Timestamp) {
            (self.file, self.keeper, self.next) = (file, keeper, next)
        }
    }

    private let wards: [Ward]
    private let node: Node
    private let actuator: Actuator
    private let store: DecisionStore
    private let state: StateDirectory
    private let interrupt: InterruptSignal
    private let clock: SteadyClock
    private let locks: [FileLock]
    private let report: (ManagerEvent) -> Void
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
        node = try Node(connect: connect)
        actuator = Actuator(node)
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
        (self.clock, self.store, self.state, self.interrupt, self.report) = (clock, store, state, interrupt, report)
        for ward in wards { ward.watch = try ServiceWatch(ward.file, clock: clock) }
    }

    /// Unlike any campaign's.
    private static func lockName(_ service: String) -> String {
        "manager-" + String(service.map { $0.isLetter || $0.isNumber ? $0 : "_" })
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
        campaign?.end()
        campaign = nil
        for ward in wards { try? ward.watch?.stop() }
    }

    private func check(_ ward: Ward, _ index: Int) throws {
        let rows: [TierInterval]
        do {
            if ward.watch == nil { ward.watch = try ServiceWatch(ward.file, clock: clock) }
            rows = try ward.watch?.closeInterval() ?? []
        } catch {
            // A domain that was started anew has another interface.
            try? ward.watch?.stop()
            ward.watch = nil
            return report(.deaf(service: ward.file.service, reason: "\(error)"))
        }
        guard let reading = rows.compactMap(\.sla).first else { return }
        ward.reading = reading
        let tiers = zip(ward.file.tiers, rows).map { tier, row in
            TierUse(
                tier.name, calls: tier.calls, requests: Double(row.requests),
                busy: (row.histogram.mean ?? 0) * Double(row.requests))
        }
        let orders = ward.keeper.check(ServiceCheck(time: now, sla: reading, tiers: tiers))
        report(.checked(service: ward.file.service, reading))
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
                    try actuator.apply(changes)
                    open += ward.keeper.settled(nil, at: now)
                } catch {
                    open += ward.keeper.settled("\(error)", at: now)
                }
            case .look(let changes): open += ward.keeper.looked(try actuator.present(changes), at: now)
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

    // MARK: - Campaigns

    private func startCampaign() throws {
        guard campaign == nil, let index = waiting.first else { return }
        waiting.removeFirst()
        let ward = wards[index]
        guard let decision = ward.keeper.decision, decision.state == .exploring,
            let tier = ward.keeper.terms.tiers.first(where: { $0.name == decision.tier })
        else { return }
        let sla = ward.file.sla
        let file = ward.file.asking(
            of: tier, sla: SLA(sla.statistic, below: .nanoseconds(Int64(decision.limit * 1e9)), over: sla.over))
        var beginning = Campaign.Beginning.anew
        if let id = decision.campaign, let record = try MatrixStore(state.matrices).campaign(id) {
            // It may have come to its end before that could be written down.
            if record.state == .done { return try take(record, index) }
            beginning = .resume(record)
        }
        campaign = try RunningCampaign(file, ward: index, decision: decision.id, beginning, state: state)
    }

    /// Tells what the campaign says, and takes its end.
    private func takeCampaign() throws {
        guard let running = campaign else { return }
        running.ended.clear()
        let ward = wards[running.ward]
        // One that was abandoned ends when there may be a new decision already.
        let isWanted = ward.keeper.decision?.id == running.decision
        for event in running.events() {
            if case .started(let record) = event, isWanted {
                ward.keeper.began(campaign: record.id)
                if let decision = ward.keeper.decision { try store.save(decision) }
            }
            report(.campaign(service: ward.file.service, event))
        }
        guard let outcome = running.outcome else { return }
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
        let outcome = Keeper.Exploration(record, changes: try actuator.changes(record, ward.file))
        try carryOut(ward.keeper.explored(outcome, at: now), index)
    }
}

/// Why nothing can be managed.
package enum ManagerError: Error, Sendable, CustomStringConvertible {
    case managedAlready(String)
    case notManaged(String)

    package var description: String {
        switch self {
        case .managedAlready(let service): "\(service) is managed by another process already; end that one first"
        case .notManaged(let service):
            "the file of \(service) does not say how to manage it; add a section, for instance manage: { act: propose }"
        }
    }
}
