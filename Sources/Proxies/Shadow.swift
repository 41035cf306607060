package import Model
import Wire

/// What of a clone's connection goes to the clone of the next tier.
package enum Forward: Sendable {
    package enum Answered: Sendable, Hashable {
        case never, once
        /// With the number that the server gives to a statement.
        case preparing
    }

    /// The client has said who it is: a connection begins, or begins anew.
    case connection(Introduction)
    /// As sent.
    case message([UInt8], Answered)
    /// What comes cannot be followed.
    case end
}

/// What a client says of the session that it wants, apart from who it is.
package struct Introduction: Sendable, Hashable {
    package var database: String?
    /// PostgreSQL's, by name.
    package var parameters: [String: String] = [:]
    /// MySQL's, with which texts begin.
    package var characterSet: UInt8?
    /// MySQL counts the rows that a statement finds, not only those that it changes (CLIENT_FOUND_ROWS).
    package var countsFoundRows = false

    package init() {}
}

package struct ShadowReply: Sendable, Hashable {
    package let bytes: [UInt8]
    /// With it the server ended its connection.
    package let endsConnection: Bool

    package init(_ bytes: [UInt8], endsConnection: Bool = false) {
        self.bytes = bytes
        self.endsConnection = endsConnection
    }
}

/// One connection to a clone of the next tier, on which everything that a connection of the clone under test asks is asked
/// too, in its order: so its server knows of the log-in, statements, transactions and writes, and can answer what the
/// recording does not. The other replies are thrown away. Bytes in, actions out; no I/O.
///
/// A shadow that lags or dies takes nothing from the recorded answers. Until its server has let it in once, it tries again:
/// clones boot together.
package struct Shadow: Sendable {
    package typealias Number = Int

    package enum Action: Sendable, Hashable {
        case open
        /// To be sent as soon as the connection is made, after what was given before.
        case send([UInt8])
        case close
    }

    package enum Answer: Sendable, Hashable {
        case here(ShadowReply)
        case underWay
        case never
    }

    /// Of all connections to one server.
    package struct Setting: Sendable {
        package let protocolName: ApplicationProtocol
        package let logIn: Credentials?
        /// How long a server may take until it lets somebody in.
        package var patience = Duration.seconds(30)
        /// Bytes that may wait on one connection, in each direction.
        package var limit = 64 << 20

        package init(_ protocolName: ApplicationProtocol, logIn: Credentials?) {
            self.protocolName = protocolName
            self.logIn = logIn
        }
    }

    private enum Item: Sendable {
        case connection(Introduction)
        case message([UInt8], Forward.Answered, Number)
    }

    private enum State: Sendable {
        /// Nothing was forwarded yet, or HTTP's server has hung up: the next message opens a connection.
        case closed
        /// To a server that wants no log-in.
        case connecting
        case loggingIn(any ClientLogIn)
        case ready
        case resting(until: Timestamp)
        case over
    }

    private struct Sent: Sendable {
        let number: Number
        let isPreparing: Bool
    }

    /// A reply that will not come is nil.
    private struct Kept: Sendable {
        let reply: ShadowReply?
        let isPreparing: Bool
    }

    private static let rest = Duration.milliseconds(200)
    /// Messages that may wait to be sent or answered.
    private static let countLimit = 65_536

    private let setting: Setting
    private var state = State.closed
    private var introduction = Introduction()
    private var replies: any ShadowReplies
    private var statements = MySQLStatementMap()
    private var begun: Timestamp?
    private var items = Queue<Item>()
    private var itemBytes = 0
    private var sent = Queue<Sent>()
    private var next = 0
    /// Replies to what the session has not answered yet.
    private var kept: [Number: Kept] = [:]
    private var keptBytes = 0
    /// The session has answered everything before it.
    private var settled = 0
    /// What the clone was told about statements whose preparation is under way here.
    private var told: [Number: [UInt8]] = [:]
    private var actions: [Action] = []
    /// Why the server did not let it in.
    package private(set) var logInFailure: LogInFailure?

    package init(_ setting: Setting) {
        self.setting = setting
        replies = setting.protocolName.shadowReplies
    }

    package mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    /// When it wants to go on, if nothing comes before.
    package var nextDue: Timestamp? { if case .resting(let time) = state { time } else { nil } }

    /// Everything that was forwarded is done.
    package var isDone: Bool { isOver || items.isEmpty && sent.isEmpty }

    /// The server has let it in.
    package var isIn: Bool { if case .ready = state { true } else { false } }

    private var isOver: Bool { if case .over = state { true } else { false } }

    // MARK: What the session says

    /// Nil for what gets no answer.
    package mutating func forward(_ forward: Forward, at now: Timestamp) -> Number? {
        guard !isOver else { return nil }
        var number: Number?
        switch forward {
        case .connection(let introduction): items.append(.connection(introduction))
        case .message(let bytes, let answered):
            if case .closed = state, items.isEmpty { items.append(.connection(introduction)) }
            if answered != .never { number = next }
            items.append(.message(bytes, answered, next))
            next += 1
            itemBytes += bytes.count
        case .end: end()
        }
        if itemBytes > setting.limit || items.count + sent.count > Self.countLimit { end() }
        goOn(at: now)
        return number
    }

    package func answer(to number: Number) -> Answer {
        if let kept = kept[number] { return kept.reply.map { .here($0) } ?? .never }
        return isOver ? .never : .underWay
    }

    /// The session has answered the question, and those before it. `bytes` are the answer.
    package mutating func settle(_ number: Number, told bytes: [UInt8]) {
        settled = max(settled, number + 1)
        if let kept = kept.removeValue(forKey: number) {
            keptBytes -= kept.reply?.bytes.count ?? 0
            if kept.isPreparing, let reply = kept.reply { statements.learn(recorded: bytes, clone: reply.bytes) }
        } else if setting.protocolName == .mysql, !isOver {
            // The head is enough to know the number by.
            told[number] = Array(bytes.prefix(16))
        }
    }

    // MARK: What the server says

    /// The connection is made.
    package mutating func connected(at now: Timestamp) {
        guard case .connecting = state else { return }
        state = .ready
        logInFailure = nil
        goOn(at: now)
    }

    package mutating func received(_ bytes: Span<UInt8>, at now: Timestamp) {
        switch state {
        case .loggingIn(let logIn): goOn(logIn, bytes, at: now)
        case .ready: take(replies.received(bytes))
        case .closed, .connecting, .resting, .over: return
        }
        goOn(at: now)
    }

    private mutating func goOn(_ before: any ClientLogIn, _ bytes: Span<UInt8>, at now: Timestamp) {
        var logIn = before
        // What is read of a log-in is no answer.
        replies.received(logIn: bytes)
        do throws(LogInFailure) {
            switch try logIn.received(bytes) {
            case .send(let answer):
                state = .loggingIn(logIn)
                say(logIn: answer)
            case .done(let rest):
                state = .ready
                logInFailure = nil
                if !rest.isEmpty { take(replies.received(behindLogIn: rest.span)) }
            }
        } catch {
            logInFailure = error
            actions.append(.close)
            if Self.startingCodes.contains(error.code ?? "") { retry(at: now) } else { end() }
        }
    }

    /// Of servers that are not ready yet: PostgreSQL's cannot_connect_now, and Redis's.
    private static let startingCodes: Set = ["57P03", "LOADING"]

    private mutating func say(logIn bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        replies.sent(logIn: bytes)
        actions.append(.send(bytes))
    }

    private mutating func take(_ heard: ShadowHeard) {
        for reply in heard.replies { accept(reply) }
        if heard.isBroken || keptBytes > setting.limit { return end() }
        if heard.hangsUp, !isOver {
            actions.append(.close)
            state = .closed
        }
    }

    private mutating func accept(_ reply: ShadowReply?) {
        guard let asked = sent.popFirst() else { return }
        if let words = told.removeValue(forKey: asked.number), asked.isPreparing, let reply {
            statements.learn(recorded: words, clone: reply.bytes)
        }
        guard asked.number >= settled else { return }
        kept[asked.number] = Kept(reply: reply, isPreparing: asked.isPreparing)
        keptBytes += reply?.bytes.count ?? 0
    }

    /// The server closed the connection, or refused or reset it.
    package mutating func ended(at now: Timestamp) {
        switch state {
        case .connecting, .loggingIn:
            logInFailure = logInFailure ?? .closed(setting.protocolName)
            retry(at: now)
        case .ready:
            take(replies.ended())
            guard setting.protocolName == .http else { return end() }
            // Its connections are one like another. What was asked on this one has no answer.
            while !sent.isEmpty { accept(nil) }
            state = .closed
            goOn(at: now)
        case .closed, .resting, .over: return
        }
    }

    private mutating func retry(at now: Timestamp) {
        guard now < (begun ?? now) + setting.patience else { return end() }
        state = .resting(until: now + Self.rest)
    }

    package mutating func resumed(at now: Timestamp) {
        guard case .resting(let time) = state, time <= now else { return }
        open(at: now)
        goOn(at: now)
    }

    // MARK: What is sent

    private mutating func goOn(at now: Timestamp) {
        while true {
            switch (state, items.first) {
            case (.closed, .message?): open(at: now)
            case (.closed, .connection(let introduction)?):
                _ = items.popFirst()
                self.introduction = introduction
                open(at: now)
            case (.ready, .connection(let introduction)?) where sent.isEmpty:
                _ = items.popFirst()
                self.introduction = introduction
                actions.append(.close)
                open(at: now)
            case (.ready, .message(let bytes, let answered, let number)?)
            where sent.isEmpty || setting.protocolName == .redis:
                _ = items.popFirst()
                itemBytes -= bytes.count
                send(bytes, answered, number)
            default: return
            }
        }
    }

    private mutating func open(at now: Timestamp) {
        if begun == nil { begun = now }
        replies = setting.protocolName.shadowReplies
        statements = MySQLStatementMap()
        actions.append(.open)
        let credentials = setting.logIn?.with(introduction, setting.protocolName)
        guard var logIn = ClientLogIns.make(setting.protocolName, credentials, introduction) else {
            state = .connecting
            return
        }
        let first = logIn.begin()
        state = .loggingIn(logIn)
        say(logIn: first)
    }

    private mutating func send(_ bytes: [UInt8], _ answered: Forward.Answered, _ number: Number) {
        let words = setting.protocolName == .mysql ? statements.rewrite(bytes).bytes : bytes
        if answered != .never { sent.append(Sent(number: number, isPreparing: answered == .preparing)) }
        actions.append(.send(words))
        take(replies.sent(words))
    }

    private mutating func end() {
        guard !isOver else { return }
        state = .over
        actions.append(.close)
        items.removeAll()
        sent.removeAll()
        told = [:]
        itemBytes = 0
    }
}
