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
        var invalidity: Invalidity
    }

    /// How long the last requests of the window may still be answered.
    private static let drainLimit = Duration.seconds(5)
    /// How often the interval is looked at, where it decides how long is measured.
    private static let look = Duration.seconds(2)
    /// What was due within this is not looked at: the slow ones of it have not ended.
    private static let lag = Duration.seconds(2)
    /// The loop has to know of the end of a window before it has come.
    static let notice = Duration.milliseconds(250)

    let bench: Workbench
    let allocation: Allocation
    /// As the on-line domain is: what differs in its replies is noise.
    let isControl: Bool
    let progress: (Phase, ReplayLoop.Progress?) -> Void

    /// In the sandbox that the experiment before left where that serves, else in a new one, which is left in its turn where
    /// clones may be used again.
    func run() throws -> Result {
        let sandbox = try keptSandbox() ?? newSandbox()
        do {
            let result = try measure(sandbox)
            sandbox.served += 1
            if bench.kept.isOpen, result.invalidity.isEmpty, !sandbox.isStopped {
                bench.kept.keep(sandbox)
            } else {
                try sandbox.end()
            }
            return result
        } catch {
            do { try sandbox.end() } catch let left { throw CleanUpError(cause: error, left: left) }
            throw error
        }
    }

    private func measure(_ sandbox: LiveSandbox) throws -> Result {
        let specification = bench.specification
        let (tap, clones) = (sandbox.tap, sandbox.clones)
        try setQuotasOfOthers(clones) { $0 }
        for clone in clones.joined {
            try sandbox.maker.give(allocation.ofOthers, to: clone, in: sandbox.plan) { try pause($0, sandbox) }
        }
        try sandbox.maker.give(allocation.over(bench.base), to: clones.front, in: sandbox.plan) {
            try pause($0, sandbox)
        }
        // From here on: what is replayed in the window was captured a time shift before it.
        let unseenBefore = tap.unseen
        sandbox.player?.begin()
        // What is replayed was heard a time shift ago, and of a trace all shall be of this beginning.
        let shift = specification.timeShift
        try wait(sandbox.player == nil ? specification.warmUp : max(specification.warmUp, shift), sandbox, .warmingUp)

        let start = bench.now
        let before = sandbox.loop.progress
        var meter = try CPUMeter(clones.front.domain, at: start)
        let onLineMeter = try CPUMeter(bench.domain, at: start)
        let energy = NodeEnergy()
        let processors = ProcessorTimes()
        let end = try waitForEnd(sandbox, since: start) {
            energy?.look()
            meter.look(at: bench.now)
        }
        let stopped = bench.now
        let cpuUsed = try meter.cores(at: stopped)
        let reading = energy?.reading()
        let stolen = processors.flatMap { before in ProcessorTimes().map { $0.shareStolen(since: before) } }
        let onLineCPUUsed = try onLineMeter.cores(at: bench.now)
        try drain(sandbox, start..<end, start - shift..<end - shift)
        let stop = bench.now
        let after = sandbox.loop.progress
        let answers = after.answers.since(before.answers)
        if !after.isDrained || !bench.kept.isOpen || sandbox.learnsNoise { try sandbox.stop() }
        if sandbox.learnsNoise { bench.noise.value = sandbox.loop.outcome.noise }

        let replayed = sandbox.replayed.all
        let window = Tally.steady(replayed, window: start..<end, end: stop)
        let onLine = tap.window(window.lowerBound - shift..<end - shift)
        var tally = Tally(
            replayed: replayed, onLine: onLine, window: window, end: stop, originals: sandbox.subscription.originals)
        if let count = sandbox.subscription.count(in: window) { tally.account.captured = count }
        tally.account.unseen = tap.unseen - unseenBefore
        var invalidity = Tally.invalidity(tally.account, answers, specification)
        if !invalidity.isEmpty, answers.unmatched > 0, let failure = after.forwardFailure {
            invalidity.ofAllocation.append("nothing could be forwarded: \(failure)")
        }
        if !invalidity.isEmpty, clones.all.count > 1, let bootTime = sandbox.bootTime {
            let missed = Tally.missed(replayed, before: start)
            if let remark = Tally.remark(missed: missed, bootTime: bootTime) { invalidity.remark(remark) }
        }
        if let stolen, stolen > specification.stolenLimit {
            invalidity.ofOthers.append(Tally.stolen(stolen, specification))
        }
        guard
            let times = ResponseTimes(tally.samples, answered: tally.answeredInTime, window: end - window.lowerBound),
            let onLineTimes = onLine.responseTimes
        else {
            invalidity.ofOthers.append(
                "\(tally.account.sent) requests in the window; intervals need \(RunStatistics.fewest)")
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
        measurement.cpuHalf = meter.half
        measurement.capture = clones.front.capture?.ability?.description
        if let stolen, stolen > 0 { measurement.stolen = stolen }
        if sandbox.served > 0 { measurement.served = sandbox.served }
        measurement.ratios = tally.ratios(to: onLine.samples)
        return Result(measurement: measurement, invalidity: invalidity)
    }

    /// `look` is called about once a second.
    func wait(
        _ duration: Duration, _ sandbox: LiveSandbox, _ phase: Phase, look: () -> Void = {}
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
    private func waitForEnd(_ sandbox: LiveSandbox, since start: Timestamp, look: () -> Void) throws -> Timestamp {
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
            let window = Tally.steady(sandbox.replayed.all, window: start..<end, end: end)
            let samples = sandbox.replayed.all.compactMap { request in
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
        let end = bench.now + Self.notice
        sandbox.loop.inputs.put(.horizon(end))
        try wait(Self.notice, sandbox, .measuring, look: look)
        return end
    }

    /// Until everything of the window has its reply, the on-line requests that were `heard` for it as well: those have had a
    /// time shift longer already, and get as much again at most.
    private func drain(
        _ sandbox: LiveSandbox, _ window: Range<Timestamp>, _ heard: Range<Timestamp>
    ) throws {
        let deadline = bench.now + Self.drainLimit
        let patience = window.upperBound + bench.specification.timeShift
        while bench.now < deadline,
            !sandbox.loop.progress.isDrained || bench.now < patience && !sandbox.tap.window(heard).isAnswered
        {
            progress(.draining, sandbox.loop.progress)
            try pause(0.05, sandbox)
        }
    }

    /// The clones that are not under test have what they have on-line, unless the allocation is about them.
    func setQuotasOfOthers(_ clones: ClonedTiers, _ adapt: (Double?) -> Double?) throws {
        for (clone, domain) in zip(clones.behind + clones.joined, bench.scope.behind + bench.scope.joined) {
            try clone.domain.setCPUQuota(adapt(domain.quota))
        }
    }

    func pause(_ seconds: Double, _ sandbox: LiveSandbox) throws {
        if bench.interrupt.wait(seconds: seconds) == .interrupted { throw Interrupted() }
        if bench.abandonment.isAsked { throw Abandoned() }
        try sandbox.throwFailure()
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
