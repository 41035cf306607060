import Model
import Wire

/// What a client sends before it waits: messages up to a Query, Sync, Flush or FunctionCall.
package struct PostgreSQLPart: Sendable {
    enum End: Sendable { case query, sync, flush, functionCall }

    /// The messages that answer a part.
    struct Answer: Sendable {
        var bytes: [UInt8] = []
        var isError = false
        /// Behind CopyInResponse: the rest is said when the client has sent its data.
        var copyPlace: Int?
    }

    let items: [PostgreSQLDialogue.Item]
    let calls: [PostgreSQLCall]

    /// As sent.
    var bytes: [UInt8] { items.flatMap(\.message.bytes) }

    var end: End {
        switch items.last.map({ Character(UnicodeScalar($0.message.type)) }) {
        case "Q": .query
        case "F": .functionCall
        case "H": .flush
        default: .sync
        }
    }

    /// What it asks the next tier: its calls, or else the shape of the first statement it describes.
    var question: Question? {
        if !calls.isEmpty { return PostgreSQLQuestions.question(calls) ?? Self.unknown }
        guard let described = items.first(where: { $0.message.is("D") }) else { return nil }
        return described.sql.map { PostgreSQLQuestions.shape(of: $0) } ?? Self.unknown
    }

    /// A statement that this connection never prepared: nothing recorded answers it.
    private static let unknown = PostgreSQLQuestions.shape(of: "\0")

    /// Whether the client learns the columns together with the rows, or gets no rows: then rows of another statement do
    /// not break its protocol.
    func takesAnyColumns(of round: PostgreSQLRound) -> Bool {
        if end == .query || items.contains(where: { $0.message.is("D") && $0.formats != nil }) { return true }
        return !round.outcomes.contains { $0.rows.contains { $0.is("D") } }
    }

    /// What a server says before it finds out that it cannot execute.
    var beforeFirstAnswer: [UInt8] {
        var bytes: [UInt8] = []
        for item in items {
            guard let answer = Self.plainAnswer(to: item.message) else { break }
            bytes += answer
        }
        return bytes
    }

    private static func plainAnswer(to message: PostgreSQLMessage) -> [UInt8]? {
        switch Character(UnicodeScalar(message.type)) {
        case "P": PostgreSQLMessage("1").bytes
        case "B": PostgreSQLMessage("2").bytes
        case "C": PostgreSQLMessage("3").bytes
        default: nil
        }
    }

    /// The recorded outcomes as answers to these messages. A driver that has prepared the statement by now skips Parse,
    /// or describes what was described before. Nil when something was asked that was not recorded.
    func compose(from round: PostgreSQLRound?, _ lookUp: (Question) -> RecordedAnswer?) -> Answer? {
        var answer = Answer()
        var next = 0
        for item in items {
            switch Character(UnicodeScalar(item.message.type)) {
            case "Q":
                for outcome in round?.outcomes ?? [] { append(outcome, withDescription: true, to: &answer) }
            case "D":
                let outcome = round.flatMap { next < $0.outcomes.count ? $0.outcomes[next] : nil }
                if item.formats != nil, outcome?.isError == true { continue }
                guard let description = description(for: item, outcome, lookUp) else { return nil }
                answer.bytes += description
            case "E":
                guard let round, next < round.outcomes.count else { return nil }
                append(round.outcomes[next], withDescription: false, to: &answer)
                // After an error the server skips everything up to Sync.
                if answer.isError { return answer }
                next += 1
            default: answer.bytes += Self.plainAnswer(to: item.message) ?? []
            }
        }
        return answer
    }

    private func description(
        for item: PostgreSQLDialogue.Item, _ outcome: PostgreSQLOutcome?, _ lookUp: (Question) -> RecordedAnswer?
    ) -> [UInt8]? {
        if item.formats != nil, let description = outcome?.description { return description.bytes }
        guard let sql = item.sql, let shape = lookUp(PostgreSQLQuestions.shape(of: sql))?.bytes else { return nil }
        guard let formats = item.formats else { return shape }
        // Of a portal only the rows are described, in the formats that were bound.
        var framer = PostgreSQLFramer(expectsStartup: false)
        framer.append(shape.span)
        _ = try? framer.next()
        return (try? framer.next())?.withFormats(formats).bytes
    }

    private func append(_ outcome: PostgreSQLOutcome, withDescription: Bool, to answer: inout Answer) {
        if withDescription, let description = outcome.description { answer.bytes += description.bytes }
        for row in outcome.rows {
            answer.bytes += row.bytes
            if row.is("G"), answer.copyPlace == nil { answer.copyPlace = answer.bytes.count }
        }
        if let completion = outcome.completion { answer.bytes += completion.bytes }
        answer.isError = outcome.isError
    }

    /// What a server answers when all that is called concerns the session alone; nil for anything else.
    var sessionRound: PostgreSQLRound? {
        let never = Timestamp.distantPast
        var round = PostgreSQLRound(
            calls: calls, outcomes: [], transactionStatus: 0x49, asked: never, answerBegan: never, answered: never)
        for call in calls {
            guard let sql = call.sql, SQLTemplate.isSingle(sql) else { return nil }
            let verb = SQLTemplate.verb(of: sql)
            let tag =
                switch verb {
                case "SET", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "DISCARD": verb
                case "START": "START TRANSACTION"
                case "END": "COMMIT"
                case "ABORT": "ROLLBACK"
                default: ""
                }
            guard !tag.isEmpty else { return nil }
            round.outcomes.append(
                PostgreSQLOutcome(
                    description: items.contains { $0.formats != nil } ? PostgreSQLMessage("n") : nil,
                    completion: PostgreSQLMessage("C", Array(tag.utf8) + [0])))
        }
        return round
    }

    /// ReadyForQuery's byte behind this part. It follows from the clone's own statements, as the recorded connection may
    /// have been in another state; of several statements in one text only the recording knows.
    func status(behind round: PostgreSQLRound?, from status: UInt8) -> UInt8 {
        guard let round else { return status }
        if end == .query, round.outcomes.count > 1 { return round.transactionStatus }
        var status = status
        for (call, outcome) in zip(calls, round.outcomes) {
            if outcome.isError {
                if status == 0x54 { status = 0x45 }
                return status
            }
            switch SQLTemplate.verb(of: call.sql ?? "") {
            case "BEGIN", "START": status = 0x54
            case "COMMIT", "END", "ABORT": status = 0x49
            case "ROLLBACK": status = SQLTemplate.endsTransaction(call.sql ?? "") ? 0x49 : 0x54
            default: break
            }
        }
        return status
    }
}
