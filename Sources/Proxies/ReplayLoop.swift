package import Model
package import OperatingSystem
package import Wire
import Synchronization

/// Where recorded answers are served from: an address of the next tier, which belongs to the sandbox's namespace here.
package struct AnswerPoint: Sendable, Hashable {
    package let address: UInt32
    package let port: UInt16

    package init(address: UInt32, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// What the loop is told while it runs.
package enum ReplayInput: Sendable {
    case item(ReplayItem)
    case round(PostgreSQLRound, history: Bool)
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
    private let timeShift: Duration
    private let onReply: (@Sendable (RequestKey, Int, [UInt8]) -> Void)?

    package init(
        target: Endpoint, source: UInt32?, answerPoints: [AnswerPoint] = [], timeShift: Duration = .zero,
        clock: SteadyClock, onReply: (@Sendable (RequestKey, Int, [UInt8]) -> Void)? = nil
    ) throws(SystemError) {
        inputs = try Mailbox()
        self.target = target
        self.source = source
        self.answerPoints = answerPoints
        self.timeShift = timeShift
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
            target: target, source: source, answerPoints: answerPoints, timeShift: timeShift, clock: clock,
            wakeUp: inputs.wakeUp)
        worker.proxy.onReply = onReply
        while !stopped.load(ordering: .acquiring) {
            for input in inputs.takeAll() { worker.take(input) }
            try worker.step()
            let progress = worker.progress
            shared.withLock { $0 = progress }
        }
        let final = Result(requests: worker.proxy.log, answers: worker.answers)
        result.withLock { $0 = final }
    }
}

/// The loop's state, confined to its thread.
private struct Worker {
    private struct Socket {
        let descriptor: Descriptor
        var unsent: [UInt8] = []
        var unsentStart = 0
        var isConnected = false
    }

    private struct Session {
        var socket: Socket
        var state: PostgreSQLServerSession
        var replies: [PostgreSQLServerSession.Reply] = []
    }

    private static let wakeToken = UInt64.max
    private static let listenerBase = UInt64(1) << 62
    private static let sessionBase = UInt64(1) << 61

    var proxy = InProxy()
    var answers = AnswerAccount()
    private let poller: Poller
    private let clock: SteadyClock
    private let target: Endpoint
    private let source: UInt32?
    private let timeShift: Duration
    private var listeners: [Descriptor] = []
    private var sockets: [InProxy.Slot: Socket] = [:]
    private var sessions: [UInt64: Session] = [:]
    private var nextSession: UInt64 = 0
    private var recording = Recording()

    init(
        target: Endpoint, source: UInt32?, answerPoints: [AnswerPoint], timeShift: Duration, clock: SteadyClock,
        wakeUp: WakeUp
    ) throws(SystemError) {
        self.target = target
        self.source = source
        self.timeShift = timeShift
        self.clock = clock
        poller = try Poller()
        try poller.add(wakeUp.descriptor.raw, token: Self.wakeToken)
        for (index, point) in answerPoints.enumerated() {
            let listener = try Sockets.listen(point.address, point.port)
            try poller.add(listener.raw, token: Self.listenerBase + UInt64(index))
            listeners.append(listener)
        }
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    var progress: ReplayLoop.Progress {
        ReplayLoop.Progress(
            sent: proxy.log.count, answered: proxy.answeredCount, waiting: proxy.waitingCount, answers: answers,
            isDrained: proxy.nextDue == nil && proxy.waitingCount == 0)
    }

    mutating func take(_ input: ReplayInput) {
        switch input {
        case .item(let item): proxy.schedule(item)
        case .round(let round, let history): recording.add(round, history: history)
        }
    }

    /// Waits for the next thing that is due or ready, and does it.
    mutating func step() throws(SystemError) {
        try perform(proxy.due(at: now))
        try sendDueReplies()
        let next = min(
            proxy.nextDue ?? .distantFuture, sessions.values.compactMap(\.replies.first?.due).min() ?? .distantFuture)
        let timeout = next == .distantFuture ? nil : max(0, (next - now).nanoseconds)
        for event in try poller.wait(nanoseconds: timeout) {
            if event.token == Self.wakeToken {
                continue
            } else if event.token >= Self.listenerBase {
                try accept(listeners[Int(event.token - Self.listenerBase)])
            } else if event.token >= Self.sessionBase {
                try serve(event.token, readable: event.readable)
            } else {
                try exchange(Int(event.token), event)
            }
        }
    }

    private mutating func perform(_ actions: [InProxy.Action]) throws(SystemError) {
        for action in actions {
            switch action {
            case .open(let slot):
                guard let address = target.address.v4 else { continue }
                do {
                    let descriptor = try Sockets.connect(to: address, target.port, from: source)
                    try poller.add(descriptor.raw, token: UInt64(slot), writable: true)
                    sockets[slot] = Socket(descriptor: descriptor)
                } catch {
                    // Refused at once: the request that follows is accounted for as cut off.
                    continue
                }
            case .send(let slot, let bytes):
                guard sockets[slot] != nil else {
                    proxy.ended(slot, at: now)
                    continue
                }
                sockets[slot]?.unsent += bytes
                if sockets[slot]?.isConnected == true { try flush(slot) }
            case .close(let slot):
                sockets[slot] = nil
            }
        }
    }

    private mutating func exchange(_ slot: Int, _ event: Poller.Event) throws(SystemError) {
        guard var socket = sockets[slot] else { return }
        if event.writable, !socket.isConnected {
            if Sockets.error(of: socket.descriptor) != 0 {
                end(slot)
                return
            }
            socket.isConnected = true
            sockets[slot] = socket
            try poller.change(socket.descriptor.raw, token: UInt64(slot), writable: false)
        }
        if event.writable { try flush(slot) }
        guard event.readable, sockets[slot] != nil else { return }
        switch Sockets.receive(socket.descriptor) {
        case .bytes(let bytes):
            let actions = proxy.received(bytes.span, on: slot, at: now)
            try perform(actions)
        case .nothingYet: break
        case .ended: end(slot)
        }
    }

    private mutating func end(_ slot: Int) {
        sockets[slot] = nil
        proxy.ended(slot, at: now)
    }

    private mutating func flush(_ slot: Int) throws(SystemError) {
        guard var socket = sockets[slot] else { return }
        guard let watchesWriting = Self.flush(&socket) else {
            end(slot)
            return
        }
        sockets[slot] = socket
        try poller.change(socket.descriptor.raw, token: UInt64(slot), writable: watchesWriting)
    }

    /// Sends what can be sent; true when something is left for later, nil when the connection is gone.
    private static func flush(_ socket: inout Socket) -> Bool? {
        while socket.unsentStart < socket.unsent.count {
            guard let count = Sockets.send(socket.descriptor, socket.unsent, from: socket.unsentStart) else {
                return nil
            }
            if count == 0 { return true }
            socket.unsentStart += count
        }
        socket.unsent.removeAll(keepingCapacity: true)
        socket.unsentStart = 0
        return false
    }

    private mutating func accept(_ listener: Descriptor) throws(SystemError) {
        while let descriptor = try Sockets.accept(listener) {
            let token = Self.sessionBase + nextSession
            nextSession += 1
            try poller.add(descriptor.raw, token: token)
            sessions[token] = Session(
                socket: Socket(descriptor: descriptor, isConnected: true),
                state: PostgreSQLServerSession(timeShift: timeShift))
        }
    }

    private mutating func serve(_ token: UInt64, readable: Bool) throws(SystemError) {
        guard var session = sessions.removeValue(forKey: token) else { return }
        if readable {
            switch Sockets.receive(session.socket.descriptor) {
            case .bytes(let bytes):
                session.replies += session.state.received(
                    bytes.span, at: now, recording: &recording, account: &answers)
            case .nothingYet: break
            case .ended: return
            }
        }
        try send(&session, token)
    }

    private mutating func sendDueReplies() throws(SystemError) {
        let present = now
        for token in sessions.filter({ ($0.value.replies.first?.due ?? .distantFuture) <= present }).map(\.key) {
            guard var session = sessions.removeValue(forKey: token) else { continue }
            try send(&session, token)
        }
    }

    /// Sends what is due; the session goes back to the table unless it is over.
    private mutating func send(_ session: inout Session, _ token: UInt64) throws(SystemError) {
        let present = now
        while let reply = session.replies.first, reply.due <= present {
            session.replies.removeFirst()
            session.socket.unsent += reply.bytes
            if reply.closes {
                _ = Self.flush(&session.socket)
                return
            }
        }
        guard let watchesWriting = Self.flush(&session.socket) else { return }
        try poller.change(session.socket.descriptor.raw, token: token, writable: watchesWriting)
        sessions[token] = session
    }
}
