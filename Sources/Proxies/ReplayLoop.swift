package import Model
package import OperatingSystem
import Synchronization

/// Where recorded answers are served from: an address of the next tier, which belongs to the sandbox's namespace here.
package struct AnswerPoint: Sendable, Hashable {
    package let address: UInt32
    package let port: UInt16
    package let protocolName: ApplicationProtocol
    /// Points of one tier share what was recorded of it.
    package let tier: String

    package init(address: UInt32, port: UInt16, _ protocolName: ApplicationProtocol, tier: String) {
        self.address = address
        self.port = port
        self.protocolName = protocolName
        self.tier = tier
    }
}

/// What the loop is told while it runs.
package enum ReplayInput: Sendable {
    case item(ReplayItem)
    case exchange(RecordedExchange, history: Bool)
    /// Everything that the next tiers answered on-line up to this time has been told.
    case heard(Timestamp)
}

/// The thin shell around in-proxy and out-proxy: sockets, timers and one thread. It decides nothing.
///
/// `run` belongs to one thread, whose network namespace it uses; `inputs`, `progress` and `stop` may be used from any.
package final class ReplayLoop: Sendable {
    /// What others may see while the loop runs.
    package struct Progress: Sendable {
        package var sent = 0
        package var answered = 0
        package var waiting = 0
        package var answers = AnswerAccount()
        package var isDrained = false
    }

    package struct Result: Sendable {
        package var requests: [ReplayedRequest] = []
        package var answers = AnswerAccount()
    }

    package let inputs: Mailbox<ReplayInput>
    private let shared = Mutex(Progress())
    private let result = Mutex(Result())
    private let stopped = Atomic(false)
    private let clock: SteadyClock
    private let target: Endpoint
    private let source: UInt32?
    private let answerPoints: [AnswerPoint]
    private let policy: AnswerPolicy
    private let onReply: (@Sendable (RequestKey, Int, [UInt8]) -> Void)?

    package init(
        target: Endpoint, source: UInt32?, answerPoints: [AnswerPoint] = [],
        policy: AnswerPolicy = AnswerPolicy(), clock: SteadyClock,
        onReply: (@Sendable (RequestKey, Int, [UInt8]) -> Void)? = nil
    ) throws(SystemError) {
        inputs = try Mailbox()
        self.target = target
        self.source = source
        self.answerPoints = answerPoints
        self.policy = policy
        self.clock = clock
        self.onReply = onReply
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
        var worker = try Worker(
            target: target, source: source, answerPoints: answerPoints, policy: policy, clock: clock,
            wakeUp: inputs.wakeUp, onReply: onReply)
        while !stopped.load(ordering: .acquiring) {
            for input in inputs.takeAll() { worker.take(input) }
            try worker.step()
            let progress = worker.progress
            shared.withLock { $0 = progress }
        }
        let final = Result(requests: worker.requests.proxy.log, answers: worker.answers.account)
        result.withLock { $0 = final }
    }
}

/// The loop's state, confined to its thread.
private struct Worker {
    private static let wakeToken = UInt64.max

    private(set) var requests: RequestSide
    private(set) var answers: AnswerSide
    private let poller: Poller
    private let clock: SteadyClock

    init(
        target: Endpoint, source: UInt32?, answerPoints: [AnswerPoint], policy: AnswerPolicy, clock: SteadyClock,
        wakeUp: WakeUp, onReply: (@Sendable (RequestKey, Int, [UInt8]) -> Void)?
    ) throws(SystemError) {
        self.clock = clock
        poller = try Poller()
        try poller.add(wakeUp.descriptor.raw, token: Self.wakeToken)
        requests = RequestSide(target: target, source: source, poller: poller, clock: clock)
        requests.proxy.onReply = onReply
        answers = try AnswerSide(answerPoints, policy, poller: poller, clock: clock)
    }

    var progress: ReplayLoop.Progress {
        ReplayLoop.Progress(
            sent: requests.proxy.log.count, answered: requests.proxy.answeredCount,
            waiting: requests.proxy.waitingCount, answers: answers.account,
            isDrained: requests.proxy.nextDue == nil && requests.proxy.waitingCount == 0)
    }

    mutating func take(_ input: ReplayInput) {
        switch input {
        case .item(let item): requests.proxy.schedule(item)
        case .exchange(let recorded, let history): answers.add(recorded, history: history)
        case .heard(let time): answers.noteHeard(time)
        }
    }

    /// Waits for the next thing that is due or ready, and does it.
    mutating func step() throws(SystemError) {
        try requests.sendDue()
        try answers.sendDue()
        let next = min(requests.nextDue ?? .distantFuture, answers.nextDue ?? .distantFuture)
        let timeout = next == .distantFuture ? nil : max(0, (next - Timestamp(nanoseconds: clock.now)).nanoseconds)
        for event in try poller.wait(nanoseconds: timeout) {
            if event.token == Self.wakeToken {
                continue
            } else if event.token >= AnswerSide.firstToken {
                try answers.handle(event)
            } else {
                try requests.handle(event)
            }
        }
    }
}
