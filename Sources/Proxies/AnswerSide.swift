import Model
import OperatingSystem
import Wire

/// The out-proxy's sockets, on the loop's thread. It decides nothing: the sessions and the books do.
struct AnswerSide {
    private struct Session {
        var socket: SocketBuffer
        var state: any ServerSession
        /// Which of the books answers.
        let book: Int
        var replies = Queue<TimedReply>()
        var replyBytes = 0
        /// When the queue of due replies will come to it.
        var scheduled: Timestamp?
        /// What is noted with `waiting`.
        var noted: WaitingQuestion?
        var isWatchedForWriting = false
        var isClosing = false
    }

    private struct Listener {
        let descriptor: Descriptor
        let protocolName: ApplicationProtocol
        let book: Int
        let forward: ForwardTarget?
    }

    /// The poller's tokens from here on are this side's.
    static let firstToken = UInt64(1) << 61
    private static let firstShadowToken = UInt64(1) << 60
    private static let listenerBase = UInt64(1) << 62

    private(set) var account = AnswerAccount()
    private let policy: AnswerPolicy
    private let poller: Poller
    private let clock: SteadyClock
    private var listeners: [Listener] = []
    private var sessions: [UInt64: Session] = [:]
    private var nextToken = AnswerSide.firstToken
    private var tiers: [String: Int] = [:]
    private var books: [AnswerBook] = []
    private var due = Schedule<UInt64>()
    private var waiting = WaitingSessions()
    private var shadows: ShadowSide
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(_ points: [AnswerPoint], _ policy: AnswerPolicy, poller: Poller, clock: SteadyClock) throws(SystemError) {
        self.policy = policy
        self.poller = poller
        self.clock = clock
        shadows = ShadowSide(poller: poller, clock: clock, firstToken: Self.firstShadowToken)
        for (index, point) in points.enumerated() {
            let listener = try Sockets.listen(SocketAddress(point.endpoint))
            try poller.add(listener.raw, token: Self.listenerBase + UInt64(index))
            if tiers[point.tier] == nil {
                tiers[point.tier] = books.count
                books.append(AnswerBook())
            }
            listeners.append(
                Listener(
                    descriptor: listener, protocolName: point.protocolName, book: tiers[point.tier] ?? 0,
                    forward: point.forward))
        }
    }

    /// Why no shadow gets in.
    var logInFailure: LogInFailure? { shadows.logInFailure }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    mutating func add(_ recorded: RecordedExchange, history: Bool) {
        guard let book = tiers[recorded.tier] else { return }
        let keys = books[book].add(recorded.exchange, of: recorded.connection, history: history)
        waiting.noteAnswers(keys, book: book)
        waiting.noteHeard(books[book].heard, book: book)
    }

    /// Everything that was answered on-line up to `time` has been added.
    mutating func noteHeard(_ time: Timestamp) {
        for book in books.indices {
            books[book].noteHeard(time)
            waiting.noteHeard(time, book: book)
        }
    }

    var nextDue: Timestamp? {
        if waiting.hasReady { return .distantPast }
        return [due.nextDue, waiting.nextDeadline, shadows.nextDue].compactMap(\.self).min()
    }

    mutating func handle(_ event: Poller.Event) throws(SystemError) {
        if event.token >= Self.listenerBase {
            try accept(listeners[Int(event.token - Self.listenerBase)])
        } else if event.token >= Self.firstToken + Self.firstShadowToken {
            if let token = try shadows.handle(event) { try resume(token) }
        } else {
            try serve(event.token, readable: event.readable)
        }
    }

    private mutating func accept(_ listener: Listener) throws(SystemError) {
        while let descriptor = try Sockets.accept(listener.descriptor) {
            let token = nextToken
            nextToken += 1
            try poller.add(descriptor.raw, token: token)
            Sockets.stampReceptions(of: descriptor)
            var session = Session(
                socket: SocketBuffer(descriptor), state: listener.protocolName.serverSession(policy),
                book: listener.book)
            if let target = listener.forward {
                shadows.begin(token, target, caller: Sockets.peer(of: descriptor).flatMap { IPAddress($0) })
            }
            let replies = session.state.opened(at: now)
            try take(replies, &session, token)
        }
    }

    private mutating func serve(_ token: UInt64, readable: Bool) throws(SystemError) {
        guard var session = sessions.removeValue(forKey: token) else { return }
        var replies: [TimedReply] = []
        if readable {
            // Its own while the session reads it.
            var input: [UInt8] = []
            swap(&input, &buffer)
            defer { swap(&input, &buffer) }
            switch Sockets.receive(session.socket.descriptor, into: &input) {
            case .bytes(let count, let stamp):
                // Recorded delays run from when the question came, not from when it was looked at.
                let present = now
                var shadow = shadows.take(token)
                replies = session.state.received(
                    input.span.extracting(0..<count), at: clock.heard(stamp, clock.reading, by: present),
                    book: &books[session.book], shadow: &shadow, account: &account)
                try shadows.put(shadow, token)
            case .nothingYet: break
            case .ended, .failed: return try end(session, token)
            }
        }
        try take(replies, &session, token)
    }

    /// The clone's connection is over.
    private mutating func end(_ session: Session, _ token: UInt64) throws(SystemError) {
        waiting.change(session.noted, nil, token, book: session.book)
        try shadows.leave(token)
    }

    /// Looks again after what the session waits for.
    private mutating func resume(_ token: UInt64) throws(SystemError) {
        guard sessions[token]?.state.waiting != nil, var session = sessions.removeValue(forKey: token) else { return }
        var shadow = shadows.take(token)
        let replies = session.state.resumed(
            at: now, book: &books[session.book], shadow: &shadow, account: &account)
        try shadows.put(shadow, token)
        try take(replies, &session, token)
    }

    mutating func sendDue() throws(SystemError) {
        let present = now
        for token in try shadows.goOnDue() { try resume(token) }
        for token in waiting.takeReady(at: present) { try resume(token) }
        while let (time, token) = due.pop(by: present) {
            guard sessions[token]?.scheduled == time, var session = sessions.removeValue(forKey: token) else {
                continue
            }
            session.scheduled = nil
            try take([], &session, token)
        }
    }

    /// Sends what is due; the session goes back to the table unless it is over.
    private mutating func take(
        _ replies: [TimedReply], _ session: inout Session, _ token: UInt64
    ) throws(SystemError) {
        for reply in replies {
            // A clone that does not read: an answer may be longer than the limit, but nothing waits behind so much.
            guard session.replyBytes + session.socket.unsentCount <= policy.unsentLimit else {
                account.overrun += 1
                return try end(session, token)
            }
            session.replyBytes += reply.bytes.count
            session.replies.append(reply)
        }
        let present = now
        while !session.isClosing, let reply = session.replies.first, reply.due <= present {
            _ = session.replies.popFirst()
            session.replyBytes -= reply.bytes.count
            session.socket.append(reply.bytes)
            session.isClosing = reply.closes
        }
        // It keeps what was taken until something is added.
        if session.replies.isEmpty { session.replies.removeAll() }
        let hasMore = session.socket.flush()
        guard let hasMore, hasMore || !session.isClosing else { return try end(session, token) }
        if hasMore != session.isWatchedForWriting {
            try poller.change(session.socket.descriptor.raw, token: token, writable: hasMore)
            session.isWatchedForWriting = hasMore
        }
        waiting.change(session.noted, session.state.waiting, token, book: session.book)
        session.noted = session.state.waiting
        if let next = session.replies.first?.due, !session.isClosing, session.scheduled != next {
            due.insert(token, due: next)
            session.scheduled = next
        }
        sessions[token] = session
    }
}
