import Cloning
import Hypervisor
import Model
import OperatingSystem
import Proxies

/// How an experiment comes to its sandbox.
extension Experiment {
    /// Live requests at boot quota before the measured allocation is set: caches fill, pools open.
    private static let priming = Duration.seconds(2)
    /// How long clones that are used again may take for what they still have to answer.
    private static let catchUpLimit = Duration.seconds(10)

    /// What the experiment before left, once its clones have answered all that the allocation before let wait; nil when there
    /// is nothing of use.
    func keptSandbox() throws -> LiveSandbox? {
        guard let sandbox = bench.kept.take() else { return nil }
        do {
            if sandbox.serves(allocation), try catchUp(sandbox) {
                sandbox.replayed.clear()
                return sandbox
            }
        } catch {
            do { try sandbox.end() } catch let left { throw CleanUpError(cause: error, left: left) }
            throw error
        }
        try sandbox.end()
        return nil
    }

    private func catchUp(_ sandbox: LiveSandbox) throws -> Bool {
        try setQuotasOfOthers(sandbox.clones) { $0.map { max(1, $0) } }
        let plenty = Allocation(startingAllocation.values.filter { $0.key == .cpu })
        try sandbox.maker.give(plenty, to: sandbox.clones.front, in: sandbox.plan) { try pause($0, sandbox) }
        let horizon = bench.now + Self.notice
        let deadline = horizon + Self.catchUpLimit
        sandbox.loop.inputs.put(.horizon(horizon))
        while sandbox.loop.progress.horizon < horizon || !sandbox.loop.progress.isDrained {
            guard bench.now < deadline, sandbox.clones.all.allSatisfy(\.domain.isActive) else { return false }
            progress(.draining, sandbox.loop.progress)
            try pause(0.05, sandbox)
        }
        return true
    }

    /// Clones that have booted under live load.
    func newSandbox() throws -> LiveSandbox {
        let maker = bench.meanings.maker(allocation) ?? bench.maker
        let plan = try maker.plan(
            bench.original, from: bench.specification.clone, variant: bench.meanings.variant(allocation),
            on: try bench.volumeSites,
            with: bench.scope.joined.map(\.original), behind: bench.scope.behind.map(\.original))
        let replayed = ReplayedLog()
        let loop = try replayLoop(plan, replayed)
        let neighbours = [bench.caller] + nextTiers(plan).map(\.endpoint.address)
        let callers = plan.identity.clones.reversed().flatMap(\.addresses).map(\.inside)
        let thread = try SandboxThread(
            [ProxyLeg(plan.identity, neighbours: neighbours.uniqued())]
                + plan.behind.map { ProxyLeg(behind: $0.identity, callers: callers) }, loop: loop)
        let tap = bench.recorded == nil ? bench.tap : OnLineTap()
        let player = try bench.recorded.map { try TracePlayer($0, tap, bench.clock) }
        if player != nil { tap.expect([bench.server], bench.scope.nextTiers) }
        let subscription = Subscription(
            loop.inputs, timeShift: bench.specification.timeShift, shape: bench.meanings.shape(allocation))
        progress(.cloning, nil)
        let parts = SandboxParts(
            maker: maker, plan: plan, allocation: allocation, learnsNoise: isControl, tap: tap, player: player,
            replayed: replayed, subscription: subscription, thread: thread)
        do {
            // From now on, so that clones miss nothing of what happened since their snapshots; but no request comes before
            // they are prepared.
            let heardSince = bench.now
            if !needsPreparation { try parts.listen() }
            let clones = try maker.make(plan, startingAllocation) { try thread.attach(bench.interrupt) }
            let sandbox = LiveSandbox(parts, clones)
            try boot(sandbox, heardSince)
            return sandbox
        } catch {
            do { try parts.end() } catch let left { throw CleanUpError(cause: error, left: left) }
            throw error
        }
    }

    /// What no clone of the sandbox has an address for, none can ask.
    private func nextTiers(_ plan: SandboxPlan) -> [Neighbour] {
        bench.scope.nextTiers.filter { plan.identity.families.contains($0.endpoint.address.family) }
    }

    private func replayLoop(_ plan: SandboxPlan, _ replayed: ReplayedLog) throws -> ReplayLoop {
        let server = bench.server
        guard let target = plan.front.identity.pair(server.address.family)?.outside else {
            throw CampaignError.noAddress(domain: bench.original.name, server.address.family)
        }
        return try ReplayLoop(
            setting, target: Endpoint(target, server.port), source: bench.caller,
            answerPoints: nextTiers(plan).map { next in
                AnswerPoint(next.endpoint, next.protocolName, tier: next.tier, forward: forward(next, plan))
            },
            policy: AnswerPolicy(bench.specification.answers, timeShift: bench.specification.timeShift),
            clock: bench.clock, onEnd: { replayed.add($0) })
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

    private func boot(_ sandbox: LiveSandbox, _ begun: Timestamp) throws {
        try setQuotasOfOthers(sandbox.clones) { $0.map { max(1, $0) } }
        var heardSince = begun
        if needsPreparation {
            try prepare(sandbox)
            heardSince = bench.now
            try sandbox.listen()
        }
        try waitForBoot(sandbox, heardSince)
        sandbox.bootTime = bench.now - heardSince
        try wait(Self.priming, sandbox, .booting)
        try requireAlive(sandbox.clones)
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

    private var needsPreparation: Bool {
        bench.meanings.command(allocation) != nil
            || ([bench.tier] + (bench.scope.behind + bench.scope.joined).map(\.tier)).contains { $0.prepare != nil }
    }

    private func prepare(_ sandbox: LiveSandbox) throws {
        let clones = sandbox.clones
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
    private func waitForBoot(_ sandbox: LiveSandbox, _ heardSince: Timestamp) throws {
        let specification = bench.specification
        let deadline = max(bench.now + specification.bootLimit, heardSince + specification.timeShift + .seconds(1))
        while sandbox.loop.progress.answered == 0 {
            try pause(0.02, sandbox)
            progress(.booting, nil)
            try requireAlive(sandbox.clones)
            if bench.now >= deadline {
                throw failure(toBoot: sandbox.clones.front, sandbox.loop.progress.logInFailure?.description)
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
}

extension Credentials {
    fileprivate init(_ logIn: TierLogIn) {
        self.init(user: logIn.user, password: logIn.password, database: logIn.database)
    }
}
