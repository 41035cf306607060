import Model
import OperatingSystem
import Wire

/// The out-proxy's sockets, on the loop's thread. It decides nothing: the sessions and the recording do.
struct AnswerSide {
    private struct Session {
        var socket: SocketBuffer
        var state: PostgreSQLServerSession
        var replies: [PostgreSQLServerSession.Reply] = []
    }

    /// The poller's tokens from here on are this side's.
    static let firstToken = UInt64(1) << 61
    private static let listenerBase = UInt64(1) << 62

    private(set) var account = AnswerAccount()
    private let timeShift: Duration
    private let poller: Poller
    private let clock: SteadyClock
    private var listeners: [Descriptor] = []
    private var sessions: [UInt64: Session] = [:]
    private var nextToken = AnswerSide.firstToken
    private var recording = Recording()
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(_ points: [AnswerPoint], timeShift: Duration, poller: Poller, clock: SteadyClock) throws(SystemError) {
        self.timeShift = timeShift
        self.poller = poller
        self.clock = clock
        for (index, point) in points.enumerated() {
            let listener = try Sockets.listen(point.address, point.port)
            try poller.add(listener.raw, token: Self.listenerBase + UInt64(index))
            listeners.append(listener)
        }
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    mutating func add(_ round: PostgreSQLRound, history: Bool) { recording.add(round, history: history) }

    var nextDue: Timestamp? { sessions.values.compactMap(\.replies.first?.due).min() }

    mutating func handle(_ event: Poller.Event) throws(SystemError) {
        if event.token >= Self.listenerBase {
            try accept(listeners[Int(event.token - Self.listenerBase)])
        } else {
            try serve(event.token, readable: event.readable)
        }
    }

    private mutating func accept(_ listener: Descriptor) throws(SystemError) {
        while let descriptor = try Sockets.accept(listener) {
            let token = nextToken
            nextToken += 1
            try poller.add(descriptor.raw, token: token)
            sessions[token] = Session(
                socket: SocketBuffer(descriptor), state: PostgreSQLServerSession(timeShift: timeShift))
        }
    }

    private mutating func serve(_ token: UInt64, readable: Bool) throws(SystemError) {
        guard var session = sessions.removeValue(forKey: token) else { return }
        if readable {
            // Its own while the session reads it.
            var input: [UInt8] = []
            swap(&input, &buffer)
            defer { swap(&input, &buffer) }
            switch Sockets.receive(session.socket.descriptor, into: &input) {
            case .bytes(let count):
                session.replies += session.state.received(
                    input.span.extracting(0..<count), at: now, recording: &recording, account: &account)
            case .nothingYet: break
            case .ended, .failed: return
            }
        }
        try send(&session, token)
    }

    mutating func sendDue() throws(SystemError) {
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
            session.socket.append(reply.bytes)
            if reply.closes {
                _ = session.socket.flush()
                return
            }
        }
        guard let hasMore = session.socket.flush() else { return }
        try poller.change(session.socket.descriptor.raw, token: token, writable: hasMore)
        sessions[token] = session
    }
}
