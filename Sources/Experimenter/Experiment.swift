import Cloning
import Hypervisor
import Model
import OperatingSystem
import Proxies
import Telemetry

/// One configuration measured: clone, duplicate the workload, measure, remove.
struct Experiment {
    enum Phase: String, Sendable {
        case cloning, preparing, booting
        case warmingUp = "warming up"
        case measuring, draining
    }

    struct Result: Sendable {
        var measurement: Measurement?
        var invalidity: [String]
    }

    /// Live requests at boot quota before the measured allocation is set: caches fill, pools open.
    private static let priming = Duration.seconds(2)
    /// How long the last requests of the window may still be answered.
    private static let drainLimit = Duration.seconds(5)

    let bench: Workbench
    let allocation: Allocation
    /// As the on-line domain is: what differs in its replies is noise.
    let isControl: Bool
    let progress: (Phase, ReplayLoop.Progress?) -> Void
    /// What is heard: the campaign's, or of a trace one of its own.
    private let tap: OnLineTap
    private let player: TracePlayer?
    /// What became of every request, as it ends.
    private let replayed = ReplayedLog()
    /// How often the interval is looked at, where it decides how long is measured.
    private static let look = Duration.seconds(2)
    /// What was due within this is not looked at: the slow ones of it have not ended.
    private static let lag = Duration.seconds(2)
    private static let notice = Duration.milliseconds(250)

    init(
        bench: Workbench, allocation: Allocation, isControl: Bool,
        progress: @escaping (Phase, ReplayLoop.Progress?) -> Void
    ) throws {
        (self.bench, self.allocation, self.isControl, self.progress) = (bench, allocation, isControl, progress)
        tap = bench.recorded == nil ? bench.tap : OnLineTap()
        player = try bench.recorded.map { [tap] in try TracePlayer($0, tap, bench.clock) }
        if player != nil { tap.expect([bench.server], bench.scope.nextTiers) }
    }

    private func listen(_ subscription: Subscription) throws {
        tap.subscribe(subscription)
        try player?.start()
    }

    private var maker: CloneMaker { bench.meanings.maker(allocation) ?? bench.maker }

    func run() throws -> Result {
        let plan = try maker.plan(
            bench.original, from: bench.specification.clone, variant: bench.meanings.variant(allocation),
            on: try bench.volumeSites,
            with: bench.scope.joined.map(\.original), behind: bench.scope.behind.map(\.original))
        let server = bench.server
        guard let target = plan.front.identity.pair(server.address.family)?.outside else {
            throw CampaignError.noAddress(domain: bench.original.name, server.address.family)
        }
        // What no clone of the sandbox has an address for, none can ask.
        let nextTiers = bench.scope.nextTiers.filter { plan.identity.families.contains($0.endpoint.address.family) }
        let policy = AnswerPolicy(bench.specification.answers, timeShift: bench.specification.timeShift)
        let loop = try ReplayLoop(
            setting, target: Endpoint(target, server.port), source: bench.caller,
            answerPoints: nextTiers.map { next in
                AnswerPoint(next.endpoint, next.protocolName, tier: next.tier, forward: forward(next, plan))
            },
            policy: policy, clock: bench.clock, onEnd: { [replayed] in replayed.add($0) })
        let neighbours = [bench.caller] + nextTiers.map(\.endpoint.address)
        let callers = plan.identity.clones.reversed().flatMap(\.addresses).map(\.inside)
        let sandbox = try SandboxThread(
            [ProxyLeg(plan.identity, neighbours: neighbours.uniqued())]
                + plan.behind.map { ProxyLeg(behind: $0.identity, callers: callers) }, loop: loop)
        let subscription = Subscription(
            loop.inputs, timeShift: bench.specification.timeShift, shape: bench.meanings.shape(allocation))
        do {
            progress(.cloning, nil)
            // From now on, so that clones miss nothing of what happened since their snapshots; but no request comes before
            // they are prepared.
            let heardSince = bench.now
            if !needsPreparation { try listen(subscription) }
            let clones = try maker.make(plan, startingAllocation) { try sandbox.attach(bench.interrupt) }
            let result = try measure(clones, plan, sandbox, subscription, heardSince)
            try end(plan, sandbox, subscription)
            return result
        } catch {
            do { try end(plan, sandbox, subscription) } catch let left { throw CleanUpError(cause: error, left: left) }
            throw error
        }
    }

    /// The clone of what an out-proxy stands for, if it forwards.
    private func forward(_ next: Neighbour, _ plan: SandboxPlan) -> ForwardTarget? {
        let family = next.endpoint.address.family
        guard let clone = plan.behind.first(where: { $0.original.name == next.domain })?.identity.pair(family) else {
            return nil
        }
        var setting = Shadow.Setting(next.protocolName, logIn: next.logIn.map(Credentials.init))
        setting.patience = bench.specification.bootLimit
        let sources = plan.identity.clones.compactMap { $0.pair(family) }.map { ($0.outside, $0.inside) }
        return ForwardTarget(
            Endpoint(clone.outside, next.endpoint.port), setting, sources: Dictionary(uniqueKeysWithValues: sources))
    }

    private var setting: InProxySetting {
        var setting = InProxySetting(bench.tier.serves.protocolName)
        setting.logIn = bench.tier.logIn.map(Credentials.init)
        setting.correspondence = Correspondence(
            bench.tier.serves.protocolName, rules: bench.specification.sessions, noise: bench.noise.value,
            learnsNoise: isControl)
        return setting
    }

    private func end(_ plan: SandboxPlan, _ sandbox: SandboxThread, _ subscription: Subscription) throws {
        tap.unsubscribe(subscription)
        defer {
            try? player?.stop()
            _ = try? sandbox.stop()
        }
        try maker.remove(plan)
    }

    private func measure(
        _ clones: ClonedTiers, _ plan: SandboxPlan, _ sandbox: SandboxThread, _ subscription: Subscription,
        _ heardSince: Timestamp
    ) throws -> Result {
        let specification = bench.specification
        try setQuotasOfOthers(clones) { $0.map { max(1, $0) } }
        var heardSince = heardSince
        if needsPreparation {
            try prepare(clones, sandbox)
            heardSince = bench.now
            try listen(subscription)
        }
        try waitForBoot(clones, sandbox, heardSince)
        let booted = bench.now
        try wait(Self.priming, sandbox, .booting)
        try requireAlive(clones)

        try setQuotasOfOthers(clones) { $0 }
        try maker.give(allocation.over(bench.base), to: clones.front, in: plan) { try pause($0, sandbox) }
        // From here on: what is replayed in the window was captured a time shift before it.
        let unseenBefore = tap.unseen
        player?.begin()
        // What is replayed was heard a time shift ago, and of a trace all shall be of this beginning.
        let shift = specification.timeShift
        try wait(player == nil ? specification.warmUp : max(specification.warmUp, shift), sandbox, .warmingUp)

        let start = bench.now
        let before = sandbox.loop.progress
        let meter = try CPUMeter(clones.front.domain, at: start)
        let onLineMeter = try CPUMeter(bench.domain, at: start)
        let energy = NodeEnergy()
        let end = try waitForEnd(sandbox, since: start) { energy?.look() }
        let stopped = bench.now
        let cpuUsed = try meter.cores(at: stopped)
        let reading = energy?.reading()
        let onLineCPUUsed = try onLineMeter.cores(at: bench.now)
        try drain(sandbox, subscription, start..<end, start - shift..<end - shift)
        let stop = bench.now
        let after = sandbox.loop.progress
        let answers = after.answers.since(before.answers)
        try sandbox.stop()
        if isControl { bench.noise.value = sandbox.loop.outcome.noise }

        let window = Tally.steady(replayed.all, window: start..<end, end: stop)
        let onLine = tap.window(window.lowerBound - shift..<end - shift)
        var tally = Tally(
            replayed: replayed.all, onLine: onLine, window: window, end: stop, originals: subscription.originals)
        if let count = subscription.count(in: window) { tally.account.captured = count }
        tally.account.unseen = tap.unseen - unseenBefore
        var invalidity = Tally.invalidity(tally.account, answers, specification)
        if !invalidity.isEmpty, answers.unmatched > 0, let failure = after.forwardFailure {
            invalidity.append("nothing could be forwarded: \(failure)")
        }
        if !invalidity.isEmpty, clones.all.count > 1 {
            let missed = Tally.missed(replayed.all, before: start)
            invalidity += Tally.remark(missed: missed, bootTime: booted - heardSince).map { [$0] } ?? []
        }
        guard
            let times = ResponseTimes(tally.samples, answered: tally.answeredInTime, window: end - window.lowerBound),
            let onLineTimes = onLine.responseTimes
        else {
            invalidity.append(
                "\(tally.account.sent) requests in the window; intervals need \(2 * RunStatistics.sections)")
            return Result(measurement: nil, invalidity: invalidity)
        }
        var measurement = Measurement(
            started: window.lowerBound, window: (end - window.lowerBound).seconds, clone: times, onLine: onLineTimes,
            requests: tally.account, answers: answers, comparison: after.comparison.since(before.comparison),
            cpuUsed: cpuUsed, onLineCPUUsed: onLineCPUUsed,
            energy: reading?.estimate(
                cpuUsed: cpuUsed, throughput: times.throughput, over: (stopped - start).seconds,
                idle: specification.energy?.idle)
                ?? specification.energy?.estimate(cpuUsed: cpuUsed, throughput: times.throughput),
            pause: clones.front.capture?.pause?.seconds,
            settling: window.lowerBound > start ? (window.lowerBound - start).seconds : nil)
        if isControl { measurement.ratios = tally.ratios(to: onLine.samples) }
        return Result(measurement: measurement, invalidity: invalidity)
    }

    /// What the clone under test boots with: what it is to have, but for a core at least, and for what would make it boot
    /// slowly. A machine's balloon is empty until its guest has booted. Another node may have no whole core to give: its
    /// kernel would refuse a quota above the one of all its domains.
    private var startingAllocation: Allocation {
        let whole = allocation.over(bench.base)
        var start = Allocation(whole.values.filter { [.vcpus, .processors, .memory, .variant].contains($0.key) })
        if bench.original.isMachine { start.values[.memory] = nil }
        let least: Double = bench.meanings.maker(allocation) == nil ? 1 : 0
        start.values[.cpu] = (whole[.cpu]?.number).map { .number(max(least, $0)) }
        return start
    }

    /// The clones that are not under test have what they have on-line.
    private func setQuotasOfOthers(_ clones: ClonedTiers, _ adapt: (Double?) -> Double?) throws {
        for (clone, domain) in zip(clones.behind + clones.joined, bench.scope.behind + bench.scope.joined) {
            try clone.domain.setCPUQuota(adapt(domain.quota))
        }
    }

    private var needsPreparation: Bool {
        bench.meanings.command(allocation) != nil
            || ([bench.tier] + (bench.scope.behind + bench.scope.joined).map(\.tier)).contains { $0.prepare != nil }
    }

    private func prepare(_ clones: ClonedTiers, _ sandbox: SandboxThread) throws {
        // Callees before their callers.
        let others = zip(clones.behind + clones.joined, (bench.scope.behind + bench.scope.joined).map(\.tier))
        var steps = (others + [(clones.front, bench.tier)]).map { ($0, $1, $1.prepare) }
        steps.append((clones.front, bench.tier, bench.meanings.command(allocation)))
        for case (let clone, let tier, let command?) in steps {
            let preparation = Preparation(
                tier: tier.name, command: command, limit: bench.specification.bootLimit, secret: tier.logIn?.password)
            try preparation.run(in: clone, clock: bench.clock) { seconds in
                progress(.preparing, nil)
                try pause(seconds, sandbox)
            }
        }
    }

    /// The clones have booted when the one in front has answered a live request, of which none is due before the time
    /// shift is over.
    private func waitForBoot(_ clones: ClonedTiers, _ sandbox: SandboxThread, _ heardSince: Timestamp) throws {
        let specification = bench.specification
        let deadline = max(bench.now + specification.bootLimit, heardSince + specification.timeShift + .seconds(1))
        while sandbox.loop.progress.answered == 0 {
            try pause(0.02, sandbox)
            progress(.booting, nil)
            try requireAlive(clones)
            if bench.now >= deadline {
                throw failure(toBoot: clones.front, sandbox.loop.progress.logInFailure?.description)
            }
        }
    }

    private func requireAlive(_ clones: ClonedTiers) throws {
        if let ended = clones.all.first(where: { !$0.domain.isActive }) { throw failure(toBoot: ended) }
    }

    private func failure(toBoot clone: Clone, _ words: String? = nil) -> CloneError {
        .doesNotBoot(
            domain: clone.original, within: bench.specification.bootLimit,
            lastWords: words ?? bench.consoleEnd(clone.identity.domain))
    }

    /// `look` is called about once a second.
    private func wait(
        _ duration: Duration, _ sandbox: SandboxThread, _ phase: Phase, look: () -> Void = {}
    ) throws {
        let deadline = bench.now + duration
        while true {
            let left = (deadline - bench.now).seconds
            look()
            progress(phase, sandbox.loop.progress)
            if left <= 0 { return }
            try pause(min(1, left), sandbox)
        }
    }

    /// Until enough was measured: the interval is narrow enough twice in a row, so that it is not by luck of one look, or
    /// the time is over. The end of the window.
    ///
    /// What is due behind it keeps the clone busy until the last request of the window has its reply.
    private func waitForEnd(_ sandbox: SandboxThread, since start: Timestamp, look: () -> Void) throws -> Timestamp {
        let length = bench.specification.experiment
        guard let precision = length.precision else {
            let end = start + length.most
            sandbox.loop.inputs.put(.horizon(end))
            try wait(end - bench.now, sandbox, .measuring, look: look)
            return end
        }
        try wait(length.least, sandbox, .measuring, look: look)
        var narrow = 0
        while narrow < 2, bench.now - start < length.most {
            let end = bench.now - Self.lag
            let window = Tally.steady(replayed.all, window: start..<end, end: end)
            let samples = replayed.all.compactMap { request in
                window.contains(request.due)
                    ? request.responseTime(until: end).map { ResponseSample(due: request.due, response: $0) } : nil
            }
            let estimate = RunStatistics.estimate(bench.statistic, of: samples)
            let isNarrow = estimate.map { ($0.upper - $0.lower) / 2 <= precision * $0.value } ?? false
            narrow = isNarrow ? narrow + 1 : 0
            if narrow < 2 {
                try wait(min(Self.look, length.most - (bench.now - start)), sandbox, .measuring, look: look)
            }
        }
        // The loop has to know of it before it has come.
        let end = bench.now + Self.notice
        sandbox.loop.inputs.put(.horizon(end))
        try wait(Self.notice, sandbox, .measuring, look: look)
        return end
    }

    /// Until everything of the window has its reply, the on-line requests that were `heard` for it as well: those have had a
    /// time shift longer already, and get as much again at most.
    private func drain(
        _ sandbox: SandboxThread, _ subscription: Subscription, _ window: Range<Timestamp>, _ heard: Range<Timestamp>
    ) throws {
        let deadline = bench.now + Self.drainLimit
        let patience = window.upperBound + bench.specification.timeShift
        tap.unsubscribe(subscription)
        while bench.now < deadline,
            !sandbox.loop.progress.isDrained || bench.now < patience && !tap.window(heard).isAnswered
        {
            progress(.draining, sandbox.loop.progress)
            try pause(0.05, sandbox)
        }
    }

    private func pause(_ seconds: Double, _ sandbox: SandboxThread) throws {
        if bench.interrupt.wait(seconds: seconds) == .interrupted { throw Interrupted() }
        if bench.abandonment.isAsked { throw Abandoned() }
        try sandbox.throwFailure()
        try tap.throwFailure()
        try maker.requireRoom()
    }
}

extension AnswerAccount {
    func since(_ earlier: AnswerAccount) -> AnswerAccount {
        var difference = self
        difference.exact -= earlier.exact
        difference.template -= earlier.template
        difference.nearest -= earlier.nearest
        difference.forwarded -= earlier.forwarded
        difference.unmatched -= earlier.unmatched
        difference.waited -= earlier.waited
        difference.overrun -= earlier.overrun
        return difference
    }
}

extension Credentials {
    fileprivate init(_ logIn: TierLogIn) {
        self.init(user: logIn.user, password: logIn.password, database: logIn.database)
    }
}
