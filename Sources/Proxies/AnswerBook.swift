package import Model
package import Wire

/// What one next tier answered on-line, and which of it answers the clone.
///
/// A question that comes again gets the recorded answers one after the other, in the order of the recording, so that a
/// value that changes on-line changes for the clone too. When the book is full the oldest go, those last that are the only
/// answer to their question: rare questions keep an answer.
package struct AnswerBook: Sendable {
    /// What is kept at most: answers, and the memory they take.
    package struct Limits: Sendable {
        package var answers: Int
        package var bytes: Int

        package init(answers: Int = 200_000, bytes: Int = 512 << 20) {
            self.answers = answers
            self.bytes = bytes
        }
    }

    /// How long an answer stays available behind the clone's present.
    package static let reach = Duration.seconds(60)
    /// Of each template the newest are kept at hand, and of each kind the newest that opened a connection.
    private static let recentCount = 64

    private struct Entry: Sendable {
        let question: Question
        let answer: RecordedAnswer
        let byteCount: Int
        /// Found by its own question only: what a tier says beside its answers, such as the shape of a statement.
        let isAside: Bool
    }

    /// The answers to one question; those before `next` were given, or are older than the clone.
    private struct Answers: Sendable {
        var serials = SerialList()
        var next = 0
    }

    private let limits: Limits
    private var questions = RecordedQuestions()
    private var entries: [Int: Entry] = [:]
    private var serial = 0
    private var exact: [UInt64: Answers] = [:]
    private var templates: [UInt64: [Int]] = [:]
    private var openings: [UInt64: [Int]] = [:]
    private var connections: [ConnectionID: SerialList] = [:]
    /// Oldest first: all, and those that were passed over as the only answer to their question.
    private var age = SerialList()
    private var rare = SerialList()
    private var byteCount = 0
    /// How far the on-line time is known.
    package private(set) var heard = Timestamp.distantPast

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    package var count: Int { entries.count }

    /// Adds an exchange as it was heard. `history` marks those from before the clone's present: they answer only what
    /// nothing newer does. Gives the exact keys of the questions that have a new answer.
    @discardableResult
    package mutating func add(_ exchange: Exchange, of connection: ConnectionID, history: Bool = false) -> [UInt64] {
        heard = max(heard, exchange.reply.passage.lastByte)
        let found = questions.entries(exchange, of: connection)
        for (question, answer, isAside) in found {
            insert(
                Entry(question: question, answer: answer, byteCount: answer.byteCount, isAside: isAside),
                history: history)
        }
        return found.map(\.question.exact)
    }

    /// Everything that was answered on-line up to `time` has been added.
    package mutating func noteHeard(_ time: Timestamp) { heard = max(heard, time) }

    /// The recording has not come to the on-line time that the clone lives in, so that an answer may still come.
    package func couldBring(_ present: Timestamp) -> Bool { heard < present }

    /// The answer to this very question; `present` is the on-line time the clone is living in.
    package mutating func exactAnswer(_ question: Question, present: Timestamp) -> RecordedAnswer? {
        guard var answers = exact[question.exact], !answers.serials.isEmpty else { return nil }
        let oldest = present - Self.reach
        while answers.next < answers.serials.count, asked(answers.serials[answers.next]) < oldest { answers.next += 1 }
        let place: Int
        if answers.next < answers.serials.count {
            place = answers.next
            answers.next += 1
        } else {
            // All were given: the one of this time again. They are nearly in the order of their times.
            let later = answers.serials.firstIndex { asked($0) >= present }
            let earlier = max(0, later - 1)
            let hasLater = later < answers.serials.count
            place =
                hasLater && distance(answers.serials[later], present) < distance(answers.serials[earlier], present)
                ? later : earlier
        }
        exact[question.exact] = answers
        return entries[answers.serials[place]]?.answer
    }

    /// The answer to the same question with other values that was given nearest to `present`.
    package func templateAnswer(_ question: Question, present: Timestamp) -> RecordedAnswer? {
        nearest(templates[question.template] ?? [], to: present)
    }

    /// What the recorded connection was asked next that is of the same kind. A connection of the clone that has matched
    /// nothing yet, at `nil`, is taken for one that was opened about then.
    package func nearestAnswer(_ question: Question, behind place: RequestKey?, present: Timestamp) -> RecordedAnswer? {
        guard let place else { return nearest(openings[question.kind] ?? [], to: present) }
        guard let serials = connections[place.connection] else { return nil }
        let first = serials.firstIndex { (entries[$0]?.answer.place.number ?? 0) > place.number }
        for index in first..<min(serials.count, first + Self.recentCount) {
            if let entry = entries[serials[index]], entry.question.kind == question.kind { return entry.answer }
        }
        return nil
    }

    private func asked(_ serial: Int) -> Timestamp { entries[serial]?.answer.asked ?? .distantPast }

    private func distance(_ serial: Int, _ present: Timestamp) -> Int64 {
        abs(asked(serial).nanoseconds - present.nanoseconds)
    }

    private func nearest(_ serials: [Int], to present: Timestamp) -> RecordedAnswer? {
        serials.filter { entries[$0] != nil }.min { distance($0, present) < distance($1, present) }
            .flatMap { entries[$0]?.answer }
    }

    private mutating func insert(_ entry: Entry, history: Bool) {
        let own = serial
        serial += 1
        entries[own] = entry
        byteCount += entry.byteCount
        age.append(own)
        var answers = exact[entry.question.exact] ?? Answers()
        if history, answers.next == answers.serials.count { answers.next += 1 }
        answers.serials.append(own)
        exact[entry.question.exact] = answers
        if !entry.isAside {
            Self.note(own, &templates, entry.question.template)
            if entry.answer.place.number == 0 { Self.note(own, &openings, entry.question.kind) }
            connections[entry.answer.place.connection, default: SerialList()].append(own)
        }
        while entries.count > limits.answers || byteCount > limits.bytes { evictOldest() }
    }

    private static func note(_ serial: Int, _ recent: inout [UInt64: [Int]], _ key: UInt64) {
        recent[key, default: []].append(serial)
        if (recent[key]?.count ?? 0) > 2 * recentCount { recent[key]?.removeFirst(recentCount) }
    }

    private mutating func evictOldest() {
        if let oldest = age.first {
            age.remove(oldest)
            let isOnly = entries[oldest].flatMap { exact[$0.question.exact] }?.serials.count == 1
            // A quarter of the room is for rare questions; by what was passed over, evicting ends.
            if isOnly, rare.count < limits.answers / 4, byteCount <= limits.bytes {
                rare.append(oldest)
            } else {
                evict(oldest)
            }
        } else if let oldest = rare.first {
            rare.remove(oldest)
            evict(oldest)
        }
        if rare.count >= limits.answers / 4, let oldest = rare.first {
            rare.remove(oldest)
            evict(oldest)
        }
    }

    private mutating func evict(_ serial: Int) {
        guard let entry = entries.removeValue(forKey: serial) else { return }
        byteCount -= entry.byteCount
        if var answers = exact[entry.question.exact] {
            if let place = answers.serials.remove(serial), place < answers.next { answers.next -= 1 }
            exact[entry.question.exact] = answers.serials.isEmpty ? nil : answers
        }
        guard !entry.isAside else { return }
        let connection = entry.answer.place.connection
        connections[connection]?.remove(serial)
        if connections[connection]?.isEmpty == true { connections[connection] = nil }
        templates[entry.question.template] = left(templates[entry.question.template], without: serial)
        openings[entry.question.kind] = left(openings[entry.question.kind], without: serial)
    }

    /// With its newest gone, a list keeps at most what was passed over as rare.
    private func left(_ serials: [Int]?, without serial: Int) -> [Int]? {
        guard let serials, serials.last == serial else { return serials }
        let left = serials.filter { entries[$0] != nil }
        return left.isEmpty ? nil : left
    }
}
