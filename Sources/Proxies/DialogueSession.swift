package import Model
import Wire

/// What a session says to one question.
package struct Wording: Sendable {
    package var bytes: [UInt8]
    package var closes: Bool

    package init(_ bytes: [UInt8] = [], closes: Bool = false) {
        self.bytes = bytes
        self.closes = closes
    }
}

/// Something the clone said, in its place among what it said: a question to the next tier, or what a session answers by
/// itself when its turn comes.
package struct Step<Context: Sendable>: Sendable {
    package let question: Question?
    package let context: Context
    /// What of it a clone of the next tier is told.
    package let forward: Forward?

    package init(_ context: Context, asks question: Question? = nil, forward: Forward? = nil) {
        self.question = question
        self.context = context
        self.forward = forward
    }
}

/// What of a session belongs to one protocol: what the clone's bytes mean, and the words of the answers.
package protocol ServerDialogue: Sendable {
    associatedtype Context: Sendable

    /// What the server says first.
    mutating func greeting() -> [UInt8]
    /// Takes the clone's bytes apart. What is malformed is a step whose wording closes; nothing comes behind it.
    mutating func take(_ bytes: Span<UInt8>, at now: Timestamp) -> [Step<Context>]
    /// What a session answers by itself. `lookUp` finds what was recorded beside the answers.
    mutating func wording(of context: Context, lookUp: (Question) -> RecordedAnswer?) -> Wording
    /// The recorded answer in the words of this connection; nil when it does not fit what was asked.
    mutating func wording(
        of context: Context, from recorded: RecordedAnswer, _ match: AnswerMatch,
        lookUp: (Question) -> RecordedAnswer?
    ) -> Wording?
    /// The shadow's answer in the words of this connection; nil when it does not fit what was asked.
    mutating func wording(of context: Context, forwarded reply: ShadowReply) -> Wording?
    /// Whether what a session answers by itself belongs to something that the shadow answered.
    func followsShadow(_ context: Context) -> Bool
    /// The answer to what concerns only the connection, such as its settings, for when nothing like it was recorded.
    mutating func ownWording(of context: Context) -> Wording?
    /// The protocol's own error for a question that nothing answers. None of the clone's data is in it.
    mutating func refusal(of context: Context) -> Wording
}

extension ServerDialogue {
    package func greeting() -> [UInt8] { [] }
    package func followsShadow(_ context: Context) -> Bool { false }
    package func ownWording(of context: Context) -> Wording? { nil }
}

/// One connection's questions in their order: what each is answered with, and when.
package struct DialogueSession<Dialogue: ServerDialogue>: ServerSession {
    private struct Asked: Sendable {
        let step: Step<Dialogue.Context>
        let time: Timestamp
        /// By which the shadow knows it.
        let forwarded: Shadow.Number?
    }

    /// Questions that may be held up by one that waits.
    private static var heldLimit: Int { 65_536 }

    private var dialogue: Dialogue
    private let policy: AnswerPolicy
    private var asked: [Asked] = []
    /// Bytes that came while the oldest question waits.
    private var heldBytes = 0
    /// The recorded exchange that was matched last.
    private var place: RequestKey?
    private var lastDue = Timestamp.distantPast
    private var isOver = false
    package private(set) var waiting: WaitingQuestion?

    package init(_ dialogue: Dialogue, _ policy: AnswerPolicy) {
        self.dialogue = dialogue
        self.policy = policy
    }

    package mutating func opened(at now: Timestamp) -> [TimedReply] {
        let greeting = dialogue.greeting()
        return greeting.isEmpty ? [] : [TimedReply(due: now, bytes: greeting)]
    }

    package mutating func received(
        _ bytes: Span<UInt8>, at now: Timestamp, book: inout AnswerBook, shadow: inout Shadow?,
        account: inout AnswerAccount
    ) -> [TimedReply] {
        guard !isOver else { return [] }
        for step in dialogue.take(bytes, at: now) {
            asked.append(
                Asked(step: step, time: now, forwarded: step.forward.flatMap { shadow?.forward($0, at: now) }))
        }
        guard waiting == nil else {
            heldBytes += bytes.count
            guard asked.count > Self.heldLimit || heldBytes > policy.unsentLimit else { return [] }
            return [reply(Wording(closes: true), due: now)]
        }
        return proceed(at: now, &book, &shadow, &account)
    }

    package mutating func resumed(
        at now: Timestamp, book: inout AnswerBook, shadow: inout Shadow?, account: inout AnswerAccount
    ) -> [TimedReply] {
        guard waiting != nil, !isOver else { return [] }
        return proceed(at: now, &book, &shadow, &account)
    }

    /// Answers from the oldest question on, up to one that waits.
    private mutating func proceed(
        at now: Timestamp, _ book: inout AnswerBook, _ shadow: inout Shadow?, _ account: inout AnswerAccount
    ) -> [TimedReply] {
        var replies: [TimedReply] = []
        var done = 0
        var byteCount = 0
        heldBytes = 0
        while done < asked.count, !isOver {
            // More than may wait for a clone to read it: whoever sends it will close the connection.
            guard byteCount <= policy.unsentLimit else {
                replies.append(self.reply(Wording(closes: true), due: now))
                break
            }
            guard let reply = answer(asked[done], at: now, &book, shadow, &account) else { break }
            waiting = nil
            if let number = asked[done].forwarded { shadow?.settle(number, told: reply.bytes) }
            done += 1
            byteCount += reply.bytes.count
            if !reply.bytes.isEmpty || reply.closes { replies.append(reply) }
        }
        asked.removeFirst(done)
        return replies
    }

    private mutating func answer(
        _ asked: Asked, at now: Timestamp, _ book: inout AnswerBook, _ shadow: Shadow?,
        _ account: inout AnswerAccount
    ) -> TimedReply? {
        let present = asked.time - policy.timeShift
        let context = asked.step.context
        let lookUp: (inout AnswerBook, Question) -> RecordedAnswer? = { $0.exactAnswer($1, present: present) }
        guard let question = asked.step.question else {
            if dialogue.followsShadow(context) {
                switch shadowed(asked, shadow, at: now) {
                case .worded(let wording): return reply(wording, due: now)
                case .underWay(let deadline):
                    waiting = WaitingQuestion(key: 0, deadline: deadline, present: .distantFuture)
                    return nil
                case .nothing: break
                }
            }
            return reply(dialogue.wording(of: context) { lookUp(&book, $0) }, due: now)
        }
        for match in AnswerMatch.allCases where match <= policy.match {
            let found: RecordedAnswer? =
                switch match {
                case .exact: book.exactAnswer(question, present: present)
                case .template: book.templateAnswer(question, present: present)
                case .nearest: book.nearestAnswer(question, behind: place, present: present)
                }
            if let found,
                let wording = dialogue.wording(of: context, from: found, match, lookUp: { lookUp(&book, $0) })
            {
                account.count(match)
                place = found.place
                return reply(
                    wording, due: policy.keepsDelay ? max(now, asked.time + found.delay) : now)
            }
            if match == .exact, book.couldBring(present), now < asked.time + policy.wait {
                return wait(for: question, until: asked.time + policy.wait, orHeard: present, &account)
            }
        }
        if case .wait(let limit) = policy.unmatched, now < asked.time + limit {
            return wait(for: question, until: asked.time + limit, orHeard: .distantFuture, &account)
        }
        switch shadowed(asked, shadow, at: now) {
        case .worded(let wording):
            account.forwarded += 1
            return reply(wording, due: now)
        case .underWay(let deadline):
            // An answer that is recorded meanwhile is taken too.
            waiting = WaitingQuestion(key: question.exact, deadline: deadline, present: .distantFuture)
            return nil
        case .nothing: break
        }
        if let own = dialogue.ownWording(of: context) { return reply(own, due: now) }
        account.unmatched += 1
        return reply(dialogue.refusal(of: context), due: now)
    }

    private enum Shadowed {
        case worded(Wording)
        case underWay(until: Timestamp)
        case nothing
    }

    /// What the shadow has to say.
    private mutating func shadowed(_ asked: Asked, _ shadow: Shadow?, at now: Timestamp) -> Shadowed {
        guard case .forward(let limit) = policy.unmatched, let number = asked.forwarded else { return .nothing }
        switch shadow?.answer(to: number) {
        case .here(let reply):
            return dialogue.wording(of: asked.step.context, forwarded: reply).map { .worded($0) } ?? .nothing
        case .underWay where now < asked.time + limit: return .underWay(until: asked.time + limit)
        case .underWay, .never, nil: return .nothing
        }
    }

    private mutating func wait(
        for question: Question, until deadline: Timestamp, orHeard present: Timestamp, _ account: inout AnswerAccount
    ) -> TimedReply? {
        if waiting == nil { account.waited += 1 }
        waiting = WaitingQuestion(key: question.exact, deadline: deadline, present: present)
        return nil
    }

    /// Answers keep the order of the questions.
    private mutating func reply(_ wording: Wording, due: Timestamp) -> TimedReply {
        lastDue = max(lastDue, due)
        isOver = wording.closes
        if isOver { waiting = nil }
        return TimedReply(due: lastDue, bytes: wording.bytes, closes: wording.closes)
    }
}

extension AnswerAccount {
    mutating func count(_ match: AnswerMatch) {
        switch match {
        case .exact: exact += 1
        case .template: template += 1
        case .nearest: nearest += 1
        }
    }
}
