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

/// What a campaign says while it runs.
package enum CampaignEvent: Sendable {
    case started(CampaignRecord)
    case experiment(Allocation, why: String, isControl: Bool)
    case phase(String, sent: Int, answered: Int)
    case measured(Cell, isControl: Bool)
    case control(ControlResult)
    case finished(CampaignRecord)
}

/// Why a campaign could not start or go on; nothing is left behind.
package enum CampaignError: Error, Sendable, CustomStringConvertible {
    case unknownDomain(String, known: [String])
    case notRunning(String)
    case noAddress(domain: String, IPAddress.Family? = nil)
    /// Requests come to another address than the file's `client` can ask.
    case clientOfOtherFamily(asked: IPAddress)
    case noTraffic(domain: String, interface: String)
    case encrypted(domain: String)
    case badVariant(String, file: String, reason: String)
    case controlFailed([String])
    case busy(String)

    package var description: String {
        switch self {
        case .unknownDomain(let name, let known):
            "there is no domain '\(name)' on this node; domains here: "
                + (known.isEmpty ? "none" : known.sorted().joined(separator: ", "))
        case .notRunning(let name): "the domain '\(name)' is not running; start it (virsh start \(name)) and run again"
        case .noAddress(let domain, let family):
            "no \(family.map { $0 == .v4 ? "IPv4 " : "IPv6 " } ?? "")address of the domain '\(domain)' is known: neither its "
                + "XML tells one nor do the node's DHCP server and neighbour table; add <ip address='…' prefix='…'/> to "
                + "the <interface> of a container, or ping a machine from the node"
        case .clientOfOtherFamily(let asked):
            "most requests come to \(asked), which the address of 'client' cannot ask; name one of IPv\(asked.family.rawValue)"
        case .noTraffic(let domain, let interface):
            "no request to '\(domain)' was seen on \(interface) within 10 s; is the service under load, and does the port "
                + "in 'serves' match?"
        case .encrypted(let domain):
            "the requests to '\(domain)' are encrypted and cannot be replayed; name the tier behind what ends the encryption "
                + "(the load balancer or proxy that holds the certificate), or let it speak plainly on a private network"
        case .badVariant(let name, let file, let reason):
            "the variant '\(name)' is no domain: \(file): \(reason); 'virsh dumpxml --inactive' prints one to begin with"
        case .controlFailed(let reasons):
            "the control clone could not be measured: " + reasons.joined(separator: "; ")
        case .busy(let id): "campaign \(id) is running already"
        }
    }
}

/// The run that fills a matrix within a time bound: control clone first, then what the driver asks for.
package struct Campaign {
    private let file: ServiceFile
    private let state: StateDirectory
    private let interrupt: InterruptSignal
    private let report: (CampaignEvent) -> Void
    private let clock = SteadyClock()
    /// Used for the predicted duration of the first experiment: boot, priming and removal.
    private static let overhead = Duration.seconds(6)
    private static let controlRepetitions = 2
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

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    package func run() throws -> CampaignRecord {
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

        let id = JournalOwner.newName(at: now)
        guard let lock = try FileLock.take(state.lock(id)) else { throw CampaignError.busy(id) }
        defer { withExtendedLifetime(lock) { _ = unsafe unlink(state.lock(id)) } }
        let store = try MatrixStore(state.matrices)
        let journal = try Journal(state.journal)
        try journal.register(
            JournalOwner(name: id, requester: ProcessIdentity.requester, purpose: "campaign of \(file.service)"))
        defer { try? journal.forget(id) }
        let point = try OnLinePoint(domain, original, axes: specification.axes)
        let maker = { (node: Node) in
            CloneMaker(node: node, nodeName: file.node, journal: journal, owner: id, clock: clock)
        }
        let meanings = try Meanings(file, of: original, maker: maker)
        var bound = specification
        bound.clone = try CloneMaker.resolved(specification.clone)
        // What cannot be cloned so is refused before anything is made.
        for variant in [nil] + meanings.allVariants {
            _ = try maker(node).plan(
                original, from: bound.clone, variant: variant, on: [name: try VolumeSite(tier.storage)])
        }
        var record = CampaignRecord(
            id: id, service: file.service, tier: tier.name,
            with: specification.with.isEmpty ? nil : specification.with,
            forward: file.forwardTiers.isEmpty ? nil : file.forwardTiers.map(\.name),
            clone: bound.clone == .disk ? nil : bound.clone, domain: name, connect: file.connect, node: file.node,
            started: now, sla: file.sla, goal: specification.goal, onLine: point.axes,
            matrix: ResultMatrix(axes: specification.axes))
        let tap = OnLineTap()
        try tap.start(
            interface: interface, clock: clock, servers: servers, nextTiers: scope.frontCalls,
            edgeCallers: scope.edgeCallers)
        do {
            let address = try waitForTraffic(tap, domain: name, interface: interface, servers)
            guard let caller = callers.first(where: { $0.family == address.family }) else {
                guard let callerName else { throw CampaignError.clientOfOtherFamily(asked: address) }
                throw CampaignError.noAddress(domain: callerName, address.family)
            }
            original.learn([address])
            let bench = Workbench(
                specification: bound, domain: domain, original: original, tier: tier,
                server: Endpoint(address, tier.serves.port), caller: caller, scope: scope, base: point.others,
                meanings: meanings, tap: tap, maker: maker(node), clock: clock, interrupt: interrupt,
                consoleEnd: { Console.end(of: $0) })
            try store.save(record)
            report(.started(record))
            try explore(&record, bench, store)
            record.matrix = Interpolator.fill(record.matrix)
            record.answer = Decision.answer(record)
            try tap.stop()
            try finish(&record, .done, store)
        } catch {
            try? tap.stop()
            let cause = (error as? CleanUpError)?.cause ?? error
            try? finish(&record, cause is Interrupted ? .interrupted : .failed, store)
            throw error
        }
        return record
    }

    private func finish(_ record: inout CampaignRecord, _ end: CampaignRecord.State, _ store: MatrixStore) throws {
        record.state = end
        record.finished = now
        try store.save(record)
        if end == .done { report(.finished(record)) }
    }

    private func explore(_ record: inout CampaignRecord, _ bench: Workbench, _ store: MatrixStore) throws {
        try control(&record, bench)
        try store.save(record)
        if record.control?.isWithinLimits != true { return }
        let specification = file.campaign
        let driver = Driver(goal: record.goal, sla: record.sla)
        var duration = specification.experiment + specification.warmUp + Self.overhead
        while true {
            let timeLeft = specification.timeBound - (now - record.started)
            guard
                case .measure(let allocation, let why) = driver.next(
                    record.matrix, timeLeft: timeLeft, duration: duration)
            else { return }
            let begun = now
            var cell = try experiment(allocation, why: why, bench, in: record.matrix)
            if case .invalid = cell.content, timeLeft >= duration + duration {
                // Once more: what made it invalid may have been a stall of the machine.
                report(.measured(cell, isControl: false))
                cell = try experiment(allocation, why: "again, as it was invalid", bench, in: record.matrix)
            }
            record.matrix[allocation] = cell
            try store.save(record)
            report(.measured(cell, isControl: false))
            duration = max(specification.experiment + specification.warmUp, now - begun)
        }
    }

    /// The clone at the on-line allocation. When that allocation is a cell, the control is its measurement too.
    ///
    /// A control that is out of line is repeated: a stall of the machine in the one or the other domain must not be taken
    /// for the sandbox's error. That it was repeated is part of the result.
    private func control(_ record: inout CampaignRecord, _ bench: Workbench) throws {
        for repeated in 0...Self.controlRepetitions {
            let cell = try experiment(
                record.onLine, why: "how far is the sandbox from the on-line domain?", bench, in: nil)
            guard case .measured(let measurement) = cell.content else {
                // What made it invalid may have been a stall of the machine, too.
                report(.measured(cell, isControl: true))
                if repeated < Self.controlRepetitions { continue }
                if case .invalid(_, let reasons) = cell.content { throw CampaignError.controlFailed(reasons) }
                throw CampaignError.controlFailed(["nothing was measured"])
            }
            let control = ControlResult(
                allocation: record.onLine, measurement: measurement, limits: file.campaign.control, repeated: repeated)
            record.control = control
            report(.measured(cell, isControl: true))
            report(.control(control))
            if control.isWithinLimits {
                if record.matrix[record.onLine] != nil { record.matrix[record.onLine] = cell }
                return
            }
        }
    }

    /// One experiment as a cell. Without a matrix it is the control, which checks no interpolation.
    private func experiment(
        _ allocation: Allocation, why: String, _ bench: Workbench, in matrix: ResultMatrix?
    ) throws -> Cell {
        report(.experiment(allocation, why: why, isControl: matrix == nil))
        let experiment = Experiment(bench: bench, allocation: allocation, isControl: matrix == nil) { phase, progress in
            report(.phase(phase.rawValue, sent: progress?.sent ?? 0, answered: progress?.answered ?? 0))
        }
        let result: Experiment.Result
        do {
            result = try experiment.run()
        } catch let error where matrix != nil && Self.isOfAllocation(error) {
            return Cell(allocation, .invalid(nil, reasons: ["\(error)"]))
        }
        guard result.invalidity.isEmpty, let measurement = result.measurement else {
            return Cell(allocation, .invalid(result.measurement, reasons: result.invalidity))
        }
        var cell = Cell(allocation, .measured(measurement))
        let metric = Metric(file.sla.statistic)
        if let predicted = matrix.flatMap({ Interpolator.fill($0)[allocation]?.estimate(metric) }),
            let measured = measurement.estimate(metric)
        {
            cell.check = Check(
                metric: metric, predicted: predicted, measured: measured.value, threshold: file.campaign.checkThreshold)
        }
        return cell
    }

    /// Whether another allocation may do: a clone that cannot live with this one is no reason to end the campaign.
    private static func isOfAllocation(_ error: any Error) -> Bool {
        switch error {
        case CloneError.doesNotBoot, CloneError.notPrepared: true
        case let error as AllocationError: error.isOfValue
        default: false
        }
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
