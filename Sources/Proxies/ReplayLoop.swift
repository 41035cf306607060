package import Model
package import OperatingSystem
package import Wire
import Synchronization

/// Where recorded answers are served from: an address of the next tier, which belongs to the sandbox's namespace here.
package struct AnswerPoint: Sendable {
    package let endpoint: Endpoint
    package let protocolName: ApplicationProtocol
    /// Points of one tier share what was recorded of it.
    package let tier: String
    /// Who is asked what the recording does not answer.
    package let forward: ForwardTarget?

    package init(
        _ endpoint: Endpoint, _ protocolName: ApplicationProtocol, tier: String, forward: ForwardTarget? = nil
    ) {
        self.endpoint = endpoint
        self.protocolName = protocolName
        self.tier = tier
        self.forward = forward
    }
}

/// What the loop is told while it runs.
package enum ReplayInput: Sendable {
    case item(ReplayItem)
    /// What the on-line server answered to a request that was given before.
    case expected(RequestKey, ExpectedReply)
    /// What a next tier answered on-line.
    case exchange(RecordedExchange, history: Bool)
    /// Everything that the next tiers answered on-line up to this time has been told.
    case heard(Timestamp)
    /// Nobody will wait for what is due from this time on.
    case horizon(Timestamp)
}

/// The thin shell around in-proxy and out-proxy: sockets, timers and one thread. It decides nothing.
///
/// `run` belongs to one thread, whose network namespace it uses; `inputs`, `progress` and `stop` may be used from any.
package final class ReplayLoop: Sendable {
    /// What others may see while the loop runs.
    package struct Progress: Sendable {
        /// Inputs that were taken from the mailbox.
        package var taken = 0
        package var sent = 0
        package var answered = 0
        /// Due before the horizon, and neither answered nor given up.
        package var waiting = 0
        /// Still to come due before the horizon; 0 when nothing is, else no less than that.
        package var scheduled = 0
        /// Nobody waits for what is due from then on.
        package var horizon = Timestamp.distantFuture
        package var unsolicited = 0
        package var comparison = ComparisonAccount()
        package var logInFailure: LogInFailure?
        package var answers = AnswerAccount()
        /// Why nobody gets in to what is forwarded to.
        package var forwardFailure: LogInFailure?
        package var isDrained: Bool { scheduled == 0 && waiting == 0 }
    }

    package struct Result: Sendable {
        /// Empty when they were told as they ended.
        package var requests: [ReplayedRequest] = []
        package var comparison = ComparisonAccount()
        /// What differed, for a replay that was to learn it.
        package var noise = ReplyNoise()
        package var answers = AnswerAccount()
    }

    package let inputs: Mailbox<ReplayInput>
    private let shared = Mutex(Progress())
    private let result = Mutex(Result())
    private let stopped = Atomic(false)
    private let clock: SteadyClock
    private let setting: InProxySetting
    private let target: Endpoint
    private let source: IPAddress?
    private let answerPoints: [AnswerPoint]
    private let policy: AnswerPolicy
    private let slack: Duration
    private let onReply: (@Sendable (RequestKey, Reply) -> Void)?
    private let onEnd: (@Sendable ([ReplayedRequest]) -> Void)?

    /// With a `slack` the loop looks after its sockets and its schedule no sooner than that after the last look: what is
    /// due in between is late by at most so much, and goes together, which costs a fraction of the processor's time.
    /// `onReply` is given replies, if `setting` keeps them, and `onEnd` what became of requests, both on the loop's
    /// thread. Without `onEnd` all requests are kept for `outcome`.
    package init(
        _ setting: InProxySetting = InProxySetting(), target: Endpoint, source: IPAddress?,
        answerPoints: [AnswerPoint] = [], policy: AnswerPolicy = AnswerPolicy(), slack: Duration = .zero,
        clock: SteadyClock,
        onReply: (@Sendable (RequestKey, Reply) -> Void)? = nil, onEnd: (@Sendable ([ReplayedRequest]) -> Void)? = nil
    ) throws(SystemError) {
        inputs = try Mailbox()
        self.setting = setting
        self.target = target
        self.source = source
        self.answerPoints = answerPoints
        self.policy = policy
        self.slack = slack
        self.clock = clock
        self.onReply = onReply
        self.onEnd = onEnd
    }

    package var progress: Progress { shared.withLock { $0 } }

    /// What became of everything; complete once `run` has returned.
    package var outcome: Result { result.withLock { $0 } }

    /// Ends the loop soon; what waits for a reply stays waiting.
    package func stop() {
        stopped.store(true, ordering: .releasing)
        inputs.wakeUp.signal()
    }

    /// Runs until stopped, in the calling thread's network namespace.
    package func run() throws(SystemError) {
        WorkerThread.wakePrecisely()
        Sockets.allowMany()
        var worker = try Worker(
            setting, target: target, source: source, answerPoints: answerPoints, policy: policy, slack: slack,
            clock: clock, wakeUp: inputs.wakeUp)
        worker.requests.proxy.onReply = onReply
        var kept: [ReplayedRequest] = []
        let tell = { (ended: [ReplayedRequest]) in
            if let onEnd = self.onEnd { onEnd(ended) } else { kept += ended }
        }
        while !stopped.load(ordering: .acquiring) {
            if worker.untaken.isEmpty { worker.untaken = inputs.takeAll()[...] }
            worker.takeSome()
            try worker.sendDue()
            tell(worker.requests.proxy.takeFinished())
            let progress = worker.progress
            shared.withLock { $0 = progress }
            try worker.wait()
        }
        worker.requests.proxy.finish()
        tell(worker.requests.proxy.takeFinished())
        var final = Result(requests: kept, answers: worker.answers.account)
        if let correspondence = worker.requests.proxy.correspondence {
            final.comparison = correspondence.account
            final.noise = correspondence.noise
        }
        result.withLock { [final] in $0 = final }
    }
}

/// The loop's state, confined to its thread.
private struct Worker: ~Copyable {
    private static let wakeToken = UInt64.max
    /// How many inputs are taken before it is looked again whether something is due.
    private static let portion = 16

    /// Inputs that were fetched, and are to be taken in this order.
    var untaken: ArraySlice<ReplayInput> = []
    var requests: RequestSide
    private(set) var answers: AnswerSide
    private var taken = 0
    private let poller: Poller
    private let slack: Duration
    private let clock: SteadyClock
    private var lastLook = Timestamp.distantPast
    private var ready: [Poller.Event] = []
    private var hasMoreDue = false
    private var lead = WakeLead()

    init(
        _ setting: InProxySetting, target: Endpoint, source: IPAddress?, answerPoints: [AnswerPoint],
        policy: AnswerPolicy, slack: Duration, clock: SteadyClock, wakeUp: WakeUp
    ) throws(SystemError) {
        let poller = try Poller()
        try poller.add(wakeUp.descriptor.raw, token: Self.wakeToken)
        let answers = try AnswerSide(answerPoints, policy, poller: poller, clock: clock)
        self.clock = clock
        self.slack = slack
        self.poller = poller
        self.answers = answers
        requests = RequestSide(setting, target: target, source: source, poller: poller, clock: clock)
    }

    var progress: ReplayLoop.Progress {
        ReplayLoop.Progress(
            taken: taken, sent: requests.proxy.sentCount, answered: requests.proxy.answeredCount,
            waiting: requests.proxy.openCount,
            scheduled: requests.proxy.scheduledCount, horizon: requests.proxy.horizon,
            unsolicited: requests.proxy.unsolicitedCount,
            comparison: requests.proxy.correspondence?.account ?? ComparisonAccount(),
            logInFailure: requests.proxy.logInFailure,
            answers: answers.account, forwardFailure: answers.logInFailure)
    }

    mutating func takeSome() {
        for input in untaken.prefix(Self.portion) { take(input) }
        untaken.removeFirst(min(Self.portion, untaken.count))
    }

    private mutating func take(_ input: ReplayInput) {
        taken += 1
        switch input {
        case .item(let item): requests.proxy.schedule(item)
        case .expected(let key, let reply): requests.proxy.expect(reply, to: key)
        case .exchange(let recorded, let history): answers.add(recorded, history: history)
        case .heard(let time): answers.noteHeard(time)
        case .horizon(let time): requests.proxy.moveHorizon(to: time)
        }
    }

    mutating func sendDue() throws(SystemError) {
        hasMoreDue = try requests.sendDue()
        try answers.sendDue()
    }

    /// Waits for the next thing that is due or ready, and takes what is ready.
    mutating func wait() throws(SystemError) {
        if hasMoreDue || !untaken.isEmpty { return try look(nanoseconds: 0) }
        if slack > .zero { clock.sleep(until: (lastLook + slack).nanoseconds) }
        let next = min(requests.nextDue ?? .distantFuture, answers.nextDue ?? .distantFuture)
        guard next < .distantFuture else { return try look(nanoseconds: nil) }
        // With slack nobody asks for more than the kernel's own punctuality.
        let waking = slack > .zero ? next : next - .nanoseconds(lead.nanoseconds)
        let timeout = (waking - Timestamp(nanoseconds: clock.now)).nanoseconds
        try look(nanoseconds: max(0, timeout))
        if timeout > 0, ready.isEmpty { lead.note(overshoot: (lastLook - waking).nanoseconds) }
    }

    private mutating func look(nanoseconds timeout: Int64?) throws(SystemError) {
        try poller.wait(nanoseconds: timeout, into: &ready)
        let reading = clock.reading
        lastLook = Timestamp(nanoseconds: reading.now)
        for event in ready {
            if event.token == Self.wakeToken {
                continue
            } else if event.token >= AnswerSide.firstToken {
                try answers.handle(event)
            } else {
                try requests.handle(event, reading)
            }
        }
    }
}
