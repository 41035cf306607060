package import Model
import Wire

/// The out-proxy's side of one PostgreSQL connection of the clone: greets, follows the extended protocol and answers from
/// the recording with the recorded delay (PostgreSQL documentation, 55.2). Bytes in, timed bytes out; no I/O.
package struct PostgreSQLServerSession: Sendable {
    package struct Reply: Sendable, Hashable {
        package let due: Timestamp
        package let bytes: [UInt8]
        package let closes: Bool
    }

    private var framer = PostgreSQLFramer(expectsStartup: true)
    private var frontend = PostgreSQLFrontend()
    private var messages: [PostgreSQLMessage] = []
    private var status: UInt8 = 0x49
    private var lastDue = Timestamp.distantPast
    private let timeShift: Duration

    package init(timeShift: Duration) { self.timeShift = timeShift }

    /// Takes what the clone sent. Each round is looked up in `recording` and counted in `account`.
    package mutating func received(
        _ bytes: Span<UInt8>, at now: Timestamp, recording: inout Recording, account: inout AnswerAccount
    ) -> [Reply] {
        framer.append(bytes)
        var replies: [Reply] = []
        do throws(PostgreSQLFramer.Failure) {
            while let message = try framer.next() {
                if message.type == 0 {
                    replies += startup(message, at: now)
                } else if message.is("X") {
                    replies.append(Reply(due: now, bytes: [], closes: true))
                } else if message.is("p") {
                    continue
                } else {
                    messages.append(message)
                    if frontend.accept(message) {
                        replies.append(answer(at: now, recording: &recording, account: &account))
                    }
                }
            }
        } catch {
            replies.append(Reply(due: now, bytes: Self.refusal("the message is malformed").bytes, closes: true))
        }
        return replies
    }

    private mutating func startup(_ message: PostgreSQLMessage, at now: Timestamp) -> [Reply] {
        var reader = PostgreSQLBody(message.body)
        switch reader.int32() {
        case 80_877_103, 80_877_104:
            // No TLS towards the sandbox: "N", and the client goes on in the clear.
            return [Reply(due: now, bytes: [0x4e], closes: false)]
        case 80_877_102:
            return [Reply(due: now, bytes: [], closes: true)]
        default:
            framer.expectsStartup = false
            return [Reply(due: now, bytes: Self.greeting, closes: false)]
        }
    }

    /// AuthenticationOk without asking for a secret, the parameters drivers rely on, a key, and ReadyForQuery.
    private static let greeting: [UInt8] = {
        let parameters = [
            ("server_version", "15.0"), ("server_encoding", "UTF8"), ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"), ("IntervalStyle", "postgres"), ("TimeZone", "Etc/UTC"),
            ("integer_datetimes", "on"), ("standard_conforming_strings", "on"), ("is_superuser", "off"),
        ]
        var bytes = PostgreSQLMessage("R", [0, 0, 0, 0]).bytes
        for (name, value) in parameters {
            bytes += PostgreSQLMessage("S", Array(name.utf8) + [0] + Array(value.utf8) + [0]).bytes
        }
        bytes += PostgreSQLMessage("K", [0, 0, 0, 1, 0, 0, 0, 1]).bytes
        return bytes + PostgreSQLMessage("Z", [0x49]).bytes
    }()

    /// ErrorResponse with a fixed text: nothing of the clone's statement goes into it.
    private static func refusal(_ text: String) -> PostgreSQLMessage {
        var body: [UInt8] = []
        for field in ["SERROR", "VERROR", "C58000", "MWhat-if: \(text)"] { body += Array(field.utf8) + [0] }
        return PostgreSQLMessage("E", body + [0])
    }

    private mutating func answer(
        at now: Timestamp, recording: inout Recording, account: inout AnswerAccount
    ) -> Reply {
        let round = messages
        messages = []
        let calls = frontend.finishRound()
        guard !calls.isEmpty else { return prepared(round, at: now, &account) }

        var bytes: [UInt8]
        var delay = Duration.zero
        if let (recorded, match) = recording.answer(calls, present: now - timeShift),
            let composed = Self.compose(round, from: recorded)
        {
            if match == .exact { account.exact += 1 } else { account.template += 1 }
            bytes = composed
            status = recorded.transactionStatus
            delay = recorded.answered - recorded.asked
        } else {
            account.unmatched += 1
            bytes = Self.refusal("no recorded answer for this statement").bytes
            if status == 0x54 { status = 0x45 }
        }
        bytes += PostgreSQLMessage("Z", [status]).bytes
        return reply(bytes, due: now + delay)
    }

    /// A round that only prepares or closes: no recorded answer is needed.
    private mutating func prepared(
        _ round: [PostgreSQLMessage], at now: Timestamp, _ account: inout AnswerAccount
    ) -> Reply {
        var bytes: [UInt8] = []
        for message in round {
            if message.is("P") { bytes += PostgreSQLMessage("1").bytes }
            if message.is("B") { bytes += PostgreSQLMessage("2").bytes }
            if message.is("C") { bytes += PostgreSQLMessage("3").bytes }
            if message.is("D") {
                account.unmatched += 1
                if status == 0x54 { status = 0x45 }
                bytes += Self.refusal("the description of a statement was not recorded").bytes
                break
            }
        }
        return reply(bytes + PostgreSQLMessage("Z", [status]).bytes, due: now)
    }

    /// Answers keep the order of the questions.
    private mutating func reply(_ bytes: [UInt8], due: Timestamp) -> Reply {
        lastDue = max(lastDue, due)
        return Reply(due: lastDue, bytes: bytes, closes: false)
    }

    /// The recorded outcomes as answers to the messages this client sent, which need not be grouped as on-line: a driver
    /// that has prepared the statement by now skips Parse. Nil when something was asked that was not recorded.
    static func compose(_ round: [PostgreSQLMessage], from recorded: PostgreSQLRound) -> [UInt8]? {
        var bytes: [UInt8] = []
        var next = 0
        for message in round {
            switch Character(UnicodeScalar(message.type)) {
            case "Q":
                for outcome in recorded.outcomes { append(outcome, withDescription: true, to: &bytes) }
            case "P": bytes += PostgreSQLMessage("1").bytes
            case "B": bytes += PostgreSQLMessage("2").bytes
            case "C": bytes += PostgreSQLMessage("3").bytes
            case "D":
                guard message.body.first == 0x50, next < recorded.outcomes.count else { return nil }
                if recorded.outcomes[next].isError { break }
                guard let description = recorded.outcomes[next].description else { return nil }
                bytes += description.bytes
            case "E":
                guard next < recorded.outcomes.count else { return nil }
                append(recorded.outcomes[next], withDescription: false, to: &bytes)
                // After an error the server skips everything up to Sync.
                if recorded.outcomes[next].isError { return bytes }
                next += 1
            default:
                break
            }
        }
        return bytes
    }

    private static func append(_ outcome: PostgreSQLOutcome, withDescription: Bool, to bytes: inout [UInt8]) {
        if withDescription, let description = outcome.description { bytes += description.bytes }
        for row in outcome.rows { bytes += row.bytes }
        if let completion = outcome.completion { bytes += completion.bytes }
    }
}
