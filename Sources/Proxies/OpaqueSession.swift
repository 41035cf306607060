package import Model
import Wire

/// A protocol that we do not read, by turns: what the clone says up to where the next tier began to speak on-line is a
/// question, found by its bytes, or else by its place in the session's order.
///
/// Where a turn of the clone ends cannot be seen. One whose bytes were recorded ends with them; another is taken for whole
/// when it is as long as the one recorded at its place, or when nothing came for `pause`. What a server says first is no
/// answer to anything, so it is in no exchange and is not said here: a clone that waits for a greeting waits in vain. As
/// there are no words for an error, a question that nothing answers ends the connection. Nothing is forwarded: what is not
/// read cannot be told apart.
package struct OpaqueSession: ServerSession {
    /// A client that waits for its answer has said all of its question by then.
    static let pause = Duration.milliseconds(50)

    private let policy: AnswerPolicy
    /// Of the turn so far nothing is kept but its length and its key.
    private var saidCount = 0
    private var key = MatchingKey()
    private var began = Timestamp.distantPast
    private var last = Timestamp.distantPast
    private var place: RequestKey?
    private var lastDue = Timestamp.distantPast
    private var isOver = false
    package private(set) var waiting: WaitingQuestion?

    package init(_ policy: AnswerPolicy) { self.policy = policy }

    /// There are no templates of what is not read, and only one kind.
    static func question(_ bytes: Span<UInt8>) -> Question {
        var key = MatchingKey()
        key.add(bytes)
        return question(key)
    }

    private static func question(_ key: MatchingKey) -> Question {
        Question(exact: key.value, template: key.value, kind: 0)
    }

    package func opened(at now: Timestamp) -> [TimedReply] { [] }

    package mutating func received(
        _ bytes: Span<UInt8>, at now: Timestamp, book: inout AnswerBook, shadow: inout Shadow?,
        account: inout AnswerAccount
    ) -> [TimedReply] {
        guard !isOver else { return [] }
        if saidCount == 0 { began = now }
        saidCount += bytes.count
        key.add(bytes)
        last = now
        return answer(at: now, &book, &account)
    }

    package mutating func resumed(
        at now: Timestamp, book: inout AnswerBook, shadow: inout Shadow?, account: inout AnswerAccount
    ) -> [TimedReply] {
        guard !isOver, waiting != nil else { return [] }
        return answer(at: now, &book, &account)
    }

    private mutating func answer(
        at now: Timestamp, _ book: inout AnswerBook, _ account: inout AnswerAccount
    ) -> [TimedReply] {
        let question = Self.question(key)
        let present = began - policy.timeShift
        if let recorded = book.exactAnswer(question, present: present) {
            account.exact += 1
            return [reply(recorded, at: now)]
        }
        let nearest = policy.match == .nearest ? book.nearestAnswer(question, behind: place, present: present) : nil
        let isWhole = nearest.map { saidCount >= $0.questionByteCount } == true || now >= last + Self.pause
        if book.couldBring(present), now < began + policy.wait {
            if waiting == nil { account.waited += 1 }
            return wait(question, until: began + policy.wait, orHeard: present)
        }
        guard isWhole else { return wait(question, until: last + Self.pause, orHeard: .distantFuture) }
        if let nearest {
            account.nearest += 1
            return [reply(nearest, at: now)]
        }
        if case .wait(let limit) = policy.unmatched, now < began + limit {
            return wait(question, until: began + limit, orHeard: .distantFuture)
        }
        account.unmatched += 1
        return [end(at: now)]
    }

    private mutating func wait(
        _ question: Question, until deadline: Timestamp, orHeard present: Timestamp
    ) -> [TimedReply] {
        waiting = WaitingQuestion(key: question.exact, deadline: deadline, present: present)
        return []
    }

    private mutating func reply(_ recorded: RecordedAnswer, at now: Timestamp) -> TimedReply {
        place = recorded.place
        (saidCount, key) = (0, MatchingKey())
        waiting = nil
        isOver = recorded.endsConnection
        lastDue = max(lastDue, policy.keepsDelay ? max(now, last + recorded.delay) : now)
        return TimedReply(due: lastDue, bytes: recorded.bytes, closes: isOver)
    }

    private mutating func end(at now: Timestamp) -> TimedReply {
        isOver = true
        waiting = nil
        (saidCount, key) = (0, MatchingKey())
        lastDue = max(lastDue, now)
        return TimedReply(due: lastDue, bytes: [], closes: true)
    }
}
