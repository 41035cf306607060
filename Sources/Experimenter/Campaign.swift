import Cloning
import Exploration
import Glibc
package import Hypervisor
package import Model
package import OperatingSystem
import Planning
import Proxies
package import Store
import Wire

/// The run that fills a matrix within a time bound: control clone first, then what the driver asks for.
package struct Campaign {
    /// What a run begins with.
    package enum Beginning: Sendable {
        case anew
        /// The same, under a name that the caller has chosen and knows before it begins; see `JournalOwner.newName`.
        case named(String)
        /// A campaign that was broken off, or whose axes or time bound shall be wider. What it measured is not measured
        /// again.
        case resume(CampaignRecord)
        /// A campaign of its own, of the same requests where that one played a trace. Which cells is in the file.
        case again(CampaignRecord)
        /// These cells of a campaign are checked; when one is not what was interpolated, the search goes on.
        case check(CampaignRecord, [Allocation])
        /// What a question to a campaign lacks for its answer is measured.
        case ask(CampaignRecord, MatrixQuestion, confidence: Double)
    }

    let file: ServiceFile
    private let state: StateDirectory
    private let interrupt: InterruptSignal
    let report: (CampaignEvent) -> Void
    private let clock = SteadyClock()
    /// Of a trace, behind what is measured: what keeps the clone busy until the last of that has its reply.
    private static let further = Duration.seconds(30)
    /// How long requests are counted to find which of several addresses is asked.
    private static let choice = Duration.seconds(1)

    package init(
        _ file: ServiceFile, state: StateDirectory, interrupt: InterruptSignal,
        report: @escaping (CampaignEvent) -> Void
    ) {
        self.file = file
        self.state = state
        self.interrupt = interrupt
        self.report = report
    }

    var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    package func run(_ beginning: Beginning = .anew) throws -> CampaignRecord {
        let specification = file.campaign
        let node = try Node(connect: file.connect)
        guard let tier = file.tier(specification.tier), let name = tier.domains.first else {
            throw CampaignError.unknownDomain(specification.tier, known: [])
        }
        // All domains of the file are looked up first: a wrong name is found before anything is made.
        for name in file.tiers.flatMap(\.domains) { _ = try Self.find(name, node) }
        let domain = try Self.find(name, node)
        var original = try domain.description()
        let servers = try Self.addresses(of: original, node).map {
            WatchedServer(Endpoint($0, tier.serves.port), tier.serves.protocolName)
        }
        let scope = try SandboxScope(file, front: name, node)
        let callerName = file.callers.first?.domains.first
        let callers =
            try callerName.map { try Self.addresses(of: try Self.find($0, node).description(), node) }
            ?? [specification.client].compactMap(\.self)
        if callers.isEmpty { throw CampaignError.unknownDomain("caller of \(tier.name)", known: []) }
        guard let interface = original.interfaces.first?.device else { throw CampaignError.notRunning(name) }

        let id = beginning.name ?? JournalOwner.newName(at: now)
        guard let lock = try FileLock.take(state.lock(id)) else { throw CampaignError.busy(id) }
        defer { withExtendedLifetime(lock) { _ = unsafe unlink(state.lock(id)) } }
        let store = try MatrixStore(state.matrices)
        let journal = try Journal(state.journal)
        try journal.register(
            JournalOwner(name: id, requester: ProcessIdentity.requester, purpose: "campaign of \(file.service)"))
        defer { try? journal.forget(id) }
        let point = try OnLinePoint(domain, original, joined: scope.joined, axes: specification.axes)
        let maker = { (journal: Journal) in
            { (node: Node) in
                CloneMaker(node: node, nodeName: file.node, journal: journal, owner: id, clock: clock)
            }
        }
        let meanings = try Meanings(file, of: original, maker: maker(journal))
        var bound = specification
        bound.clone = try CloneMaker.resolved(specification.clone)
        // What cannot be cloned so is refused before anything is made.
        for variant in [nil] + meanings.allVariants {
            _ = try maker(journal)(node).plan(
                original, from: bound.clone, variant: variant, on: [name: try VolumeSite(tier.storage)])
        }
        let begun = now
        var fresh = CampaignRecord(
            id: id, service: file.service, tier: tier.name,
            with: specification.with.isEmpty ? nil : specification.with,
            forward: file.forwardTiers.isEmpty ? nil : file.forwardTiers.map(\.name),
            clone: bound.clone == .disk ? nil : bound.clone, domain: name, connect: file.connect, node: file.node,
            started: begun, sla: file.sla, goal: specification.goal, search: specification.search, onLine: point.axes,
            matrix: ResultMatrix(axes: specification.axes, forbidden: specification.search.forbidden))
        fresh.version = BuildIdentity.current
        fresh.meanings = CampaignRecord.meanings(file)
        fresh.manner = specification.manner
        var record = try beginning.record.map { try fresh.goingOn(with: $0) } ?? fresh
        let driver = try Driver(record.matrix, goal: record.goal, sla: record.sla, specification.search)
        let inquiry = try beginning.inquiry(record)
        let tap = OnLineTap()
        let recorded = try specification.trace.map { path in
            try RecordedTraffic(
                path, fronts: servers,
                others: scope.nextTiers.map { WatchedServer($0.endpoint, $0.protocolName) },
                reach: specification.warmUp + specification.experiment.most + specification.timeShift + Self.further)
        }
        if case .again(let earlier) = beginning { try record.requireSubject(of: earlier) }
        record.trace = recorded?.words
        if beginning.record == nil { try record.keepEarlierWindows(of: store) }
        if let earlier = beginning.earlier, !RecordedTraffic.isSame(record.trace, asEarlier: earlier.trace) {
            throw CampaignError.otherQuestion(
                earlier.id, reason: "it played other requests (\(earlier.trace ?? "live ones"))")
        }
        if recorded == nil {
            try tap.start(
                interface: interface, clock: clock, servers: servers, nextTiers: scope.frontCalls,
                edgeCallers: scope.edgeCallers)
        }
        do {
            let address =
                try recorded?.front.address
                ?? waitForTraffic(tap, domain: name, interface: interface, servers)
            guard let caller = callers.first(where: { $0.family == address.family }) else {
                guard let callerName else { throw CampaignError.clientOfOtherFamily(asked: address) }
                throw CampaignError.noAddress(domain: callerName, address.family)
            }
            original.learn([address])
            let noise = LearnedNoise()
            let benches = try (0..<specification.sandboxes).map { _ in
                // A journal's connection is for one thread.
                let own = try maker(Journal(state.journal))
                return Workbench(
                    specification: bound, domain: domain, original: original, tier: tier, statistic: file.sla.statistic,
                    server: Endpoint(address, tier.serves.port), caller: caller, scope: scope, base: point.others,
                    meanings: try Meanings(file, of: original, maker: own), tap: tap, recorded: recorded,
                    maker: own(node), clock: clock,
                    interrupt: interrupt, noise: noise,
                    kept: KeptSandbox(isOpen: specification.reuses && record.isFresh == nil),
                    consoleEnd: { Console.end(of: $0) })
            }
            try store.save(record)
            report(.started(record))
            if let changed = beginning.record.map(fresh.otherManner), !changed.isEmpty {
                report(
                    .warning(
                        "what is measured from here on is measured otherwise: " + changed.joined(separator: "; ")))
            }
            let exploring = try Exploring(
                self, benches, driver, inquiry, store, deadline: begun + specification.timeBound,
                processors: Double(sysconf(CInt(_SC_NPROCESSORS_ONLN))))
            try exploring.withSandboxes {
                try exploring.run(&record, first: beginning.toCheck)
                try finish(&record, .done, driver, store)
                if inquiry == nil, specification.search.check.time == .after, try exploring.checkAfterwards(&record) {
                    try finish(&record, .done, driver, store)
                }
            }
            try tap.stop()
        } catch {
            try? tap.stop()
            let cause = (error as? CleanUpError)?.cause ?? error
            // What was an answer before it was checked remains one.
            let isAnswered = record.state == .done
            record.state = isAnswered ? .done : cause is Interrupted ? .interrupted : .failed
            try? store.save(record)
            throw error
        }
        return record
    }

    private func finish(
        _ record: inout CampaignRecord, _ end: CampaignRecord.State, _ driver: Driver, _ store: MatrixStore
    ) throws {
        record.matrix = try driver.filled(record.matrix)
        record.answer = Decision.answer(record)
        record.state = end
        record.finished = now
        try store.save(record)
        report(.finished(record))
    }

    /// The address at which the domain is asked: requests to its others are played there too.
    private func waitForTraffic(
        _ tap: OnLineTap, domain: String, interface: String, _ servers: [WatchedServer]
    ) throws -> IPAddress {
        let deadline = now + .seconds(10)
        while true {
            if let address = tap.busiestAddress {
                // One request says nothing about which is the usual one.
                if servers.count == 1 { return address }
                if interrupt.wait(seconds: Self.choice.seconds) == .interrupted { throw Interrupted() }
                return tap.busiestAddress ?? address
            }
            if interrupt.wait(seconds: 0.05) == .interrupted { throw Interrupted() }
            try tap.throwFailure()
            if tap.encryptedConnections > 0, tap.busiestAddress == nil { throw CampaignError.encrypted(domain: domain) }
            if now >= deadline { throw CampaignError.noTraffic(domain: domain, interface: interface) }
        }
    }

    package static func find(_ name: String, _ node: Node) throws -> Domain {
        guard let domain = try node.domain(name) else {
            throw CampaignError.unknownDomain(name, known: try node.domains().map(\.name))
        }
        guard domain.isActive else { throw CampaignError.notRunning(name) }
        return domain
    }

    static func addresses(of domain: DomainDescription, _ node: Node) throws -> [IPAddress] {
        let addresses = try NodeAddresses.addresses(of: domain, node)
        if addresses.isEmpty { throw CampaignError.noAddress(domain: domain.name) }
        return addresses
    }
}

extension Campaign.Beginning {
    /// What goes on.
    var record: CampaignRecord? {
        switch self {
        case .anew, .named, .again: nil
        case .resume(let record), .check(let record, _), .ask(let record, _, _): record
        }
    }

    /// Nil where it is to be made.
    fileprivate var name: String? { if case .named(let name) = self { name } else { record?.id } }

    /// The campaign whose requests it plays.
    fileprivate var earlier: CampaignRecord? { if case .again(let earlier) = self { earlier } else { record } }

    /// The question that the campaign goes on for, to its matrix as it is now.
    func inquiry(_ record: CampaignRecord) throws -> Inquiry? {
        guard case .ask(_, let question, let confidence) = self else { return nil }
        return try Inquiry(question, record, confidence: confidence)
    }

    var toCheck: [Allocation] { if case .check(_, let cells) = self { cells } else { [] } }
}
