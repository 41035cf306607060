package import Model

/// Bytes for the clone, and when they are due.
package struct TimedReply: Sendable, Hashable {
    package let due: Timestamp
    package let bytes: [UInt8]
    /// Behind them the connection is closed.
    package let closes: Bool

    package init(due: Timestamp, bytes: [UInt8], closes: Bool = false) {
        self.due = due
        self.bytes = bytes
        self.closes = closes
    }
}

/// How the out-proxy answers.
package struct AnswerPolicy: Sendable, Hashable {
    /// What to do for a question that nothing recorded answers.
    package enum Unmatched: Sendable, Hashable {
        /// The protocol's own error, at once.
        case error
        /// The same, unless its answer is recorded within this time.
        case wait(Duration)
        /// The same, unless a clone of the next tier answers within this time.
        case forward(Duration)
    }

    /// What a clone of the next tier may take: longer than an application is patient with it on-line.
    private static let forwardLimit = Duration.seconds(5)

    /// How much later than on-line the clone lives.
    package var timeShift = Duration.zero
    /// How long a question waits for its own answer before it gets another's. It waits only while the recording has not
    /// come to the on-line time the clone lives in.
    package var wait = Duration.seconds(1)
    package var unmatched = Unmatched.error
    /// How far an answer may be from its question; without one within it, nothing recorded answers.
    package var match = AnswerMatch.nearest
    /// Whether an answer takes as long as it did on-line.
    package var keepsDelay = true
    /// Bytes that may wait on one connection: answers that a clone does not read, or questions behind one that waits. An
    /// answer may be longer; what comes behind it ends the connection.
    package var unsentLimit = 64 << 20

    package init() {}

    /// As people write it.
    package init(_ specification: AnswerSpecification, timeShift: Duration) {
        self.timeShift = timeShift
        match = specification.match
        keepsDelay = specification.keepsDelay
        unmatched =
            switch specification.unmatched {
            case .error: .error
            case .wait(let limit): .wait(limit)
            case .forward: .forward(Self.forwardLimit)
            }
    }

    /// Whether what the clone says is wanted as it was said.
    var forwards: Bool { if case .forward = unmatched { true } else { false } }
}

/// A question whose answer may still be recorded.
package struct WaitingQuestion: Sendable, Hashable {
    /// Its exact key.
    package let key: UInt64
    /// What it waits for at most.
    package let deadline: Timestamp
    /// Known on-line time from which on nothing is waited for.
    package let present: Timestamp
}

/// The out-proxy's side of one connection of the clone, in one application protocol: bytes in, timed bytes out, no I/O.
///
/// Replies come in the order of the questions and are due in that order. Of a malformed message nothing but the protocol's
/// own error comes, and the end of the connection.
package protocol ServerSession: Sendable {
    /// The connection was made; some servers speak first.
    mutating func opened(at now: Timestamp) -> [TimedReply]
    /// Takes what the clone sent. Each question is looked up in `book`, asked of `shadow` too if there is one, and counted
    /// in `account`.
    mutating func received(
        _ bytes: Span<UInt8>, at now: Timestamp, book: inout AnswerBook, shadow: inout Shadow?,
        account: inout AnswerAccount
    ) -> [TimedReply]
    /// Looks up again what waits: its answer came, nothing is waited for any more, or its deadline passed.
    mutating func resumed(
        at now: Timestamp, book: inout AnswerBook, shadow: inout Shadow?, account: inout AnswerAccount
    ) -> [TimedReply]
    /// The oldest question, if it waits; all behind it wait for it.
    var waiting: WaitingQuestion? { get }
}

extension ApplicationProtocol {
    /// A new connection's session.
    package func serverSession(_ policy: AnswerPolicy) -> any ServerSession {
        switch self {
        case .postgresql: DialogueSession(PostgreSQLDialogue(forwards: policy.forwards), policy)
        case .mysql: DialogueSession(MySQLDialogue(forwards: policy.forwards), policy)
        case .redis: DialogueSession(RedisDialogue(), policy)
        case .http: DialogueSession(HTTPDialogue(), policy)
        case .tcp: OpaqueSession(policy)
        }
    }
}
