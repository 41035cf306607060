import Model

/// Connections of the clone whose oldest question waits for the recording, by what ends the wait.
struct WaitingSessions: Sendable {
    private struct Key: Hashable {
        let book: Int
        let question: UInt64
    }

    private var questions: [Key: Set<UInt64>] = [:]
    private var known: [UInt64: WaitingQuestion] = [:]
    private var deadlines = Schedule<UInt64>()
    private var presents: [Int: Schedule<UInt64>] = [:]
    private var ready: Set<UInt64> = []

    var hasReady: Bool { !ready.isEmpty }
    var nextDeadline: Timestamp? { deadlines.nextDue }

    /// The session's question is another now, or none.
    mutating func change(_ old: WaitingQuestion?, _ new: WaitingQuestion?, _ token: UInt64, book: Int) {
        guard old != new else { return }
        ready.remove(token)
        known[token] = new
        if let old {
            let key = Key(book: book, question: old.key)
            questions[key]?.remove(token)
            if questions[key]?.isEmpty == true { questions[key] = nil }
        }
        guard let new else { return }
        questions[Key(book: book, question: new.key), default: []].insert(token)
        deadlines.insert(token, due: new.deadline)
        if new.present < .distantFuture { presents[book, default: Schedule<UInt64>()].insert(token, due: new.present) }
    }

    /// These questions have a new answer.
    mutating func noteAnswers(_ keys: [UInt64], book: Int) {
        guard !questions.isEmpty else { return }
        for key in keys { ready.formUnion(questions[Key(book: book, question: key)] ?? []) }
    }

    /// The recording has come to `time`.
    mutating func noteHeard(_ time: Timestamp, book: Int) {
        while let (present, token) = presents[book]?.pop(by: time) {
            if known[token]?.present == present { ready.insert(token) }
        }
    }

    /// Those whose wait is over.
    mutating func takeReady(at now: Timestamp) -> [UInt64] {
        while let (deadline, token) = deadlines.pop(by: now) {
            if known[token]?.deadline == deadline { ready.insert(token) }
        }
        guard !ready.isEmpty else { return [] }
        defer { ready = [] }
        // In the order of their making, so that runs are alike.
        return ready.sorted()
    }
}
