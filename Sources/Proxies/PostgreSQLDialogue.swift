package import Model
import Wire

/// PostgreSQL's protocol 3.0 as the server speaks it (PostgreSQL documentation, 55.2): log-in without a secret, simple and
/// extended queries, Flush, statements and portals with names, copying out and in.
///
/// An answer is composed for the messages that this client sent, which need not be grouped as on-line. A request to cancel
/// is taken and has no effect, as it may have with a real server: what it would interrupt is on its way.
package struct PostgreSQLDialogue: ServerDialogue {
    /// A message, and what of the clone's session it speaks of.
    struct Item: Sendable {
        let message: PostgreSQLMessage
        /// The statement that a Describe means.
        var sql: String?
        /// The formats that the portal of a Describe has.
        var formats: [Int]?
    }

    package enum Context: Sendable {
        case reply([UInt8])
        case ending
        case malformed
        /// Messages up to a Query, Sync, Flush or FunctionCall, which is the last.
        case part(PostgreSQLPart)
        /// The client has sent its data, or gives up.
        case endOfCopy(failed: Bool)
    }

    private var framer = PostgreSQLFramer(expectsStartup: true)
    private var frontend = PostgreSQLFrontend()
    private var items: [Item] = []
    private var itemBytes = 0
    /// How the answers stand: changed when they are worded, not when questions come.
    private var status: UInt8 = 0x49
    /// After an error everything up to Sync is passed over.
    private var skips = false
    /// What comes behind the data that the client copies in.
    private var behindCopy: [UInt8] = []
    private let forwards: Bool
    /// The shadow has asked for the data, or has answered a part up to a Flush: it answers what ends them.
    private var shadowCopies = false
    private var shadowIsAhead = false

    /// Messages of one part, and their bytes.
    private static let itemLimit = 65_536

    package init(forwards: Bool = false) { self.forwards = forwards }

    private func forward(_ message: PostgreSQLMessage, _ answered: Forward.Answered) -> Forward? {
        forwards ? .message(message.bytes, answered) : nil
    }

    package mutating func take(_ bytes: Span<UInt8>, at now: Timestamp) -> [Step<Context>] {
        framer.append(bytes)
        var steps: [Step<Context>] = []
        do throws(PostgreSQLFramer.Failure) {
            while let message = try framer.next() {
                if message.type == 0 {
                    steps.append(startup(message))
                } else if message.is("X") {
                    steps.append(Step(.ending))
                } else if message.is("c") || message.is("f") {
                    steps.append(Step(.endOfCopy(failed: message.is("f")), forward: forward(message, .once)))
                } else if message.is("d") {
                    forward(message, .never).map { steps.append(Step(.reply([]), forward: $0)) }
                } else if !message.is("p") {
                    accept(message).map { steps.append($0) }
                }
            }
        } catch {
            steps.append(Step(.malformed))
        }
        return steps
    }

    private mutating func startup(_ message: PostgreSQLMessage) -> Step<Context> {
        var reader = PostgreSQLBody(message.body)
        switch reader.int32() {
        // No TLS towards the sandbox: "N", and the client goes on in the clear.
        case 80_877_103, 80_877_104: return Step(.reply([0x4e]))
        // CancelRequest.
        case 80_877_102: return Step(.ending)
        case .some(let version) where version >> 16 == 3:
            framer.expectsStartup = false
            return Step(
                .reply(PostgreSQLWords.greeting), forward: forwards ? .connection(Introduction(&reader)) : nil)
        default: return Step(.malformed)
        }
    }

    private mutating func accept(_ message: PostgreSQLMessage) -> Step<Context>? {
        var item = Item(message: message)
        if message.is("D") {
            var reader = PostgreSQLBody(message.body)
            let kind = reader.byte()
            item.sql = frontend.sql(describedBy: message.body)
            if kind == 0x50 {
                item.formats = reader.text().flatMap { frontend.call(ofPortal: $0) }?.resultFormats ?? []
            }
        }
        items.append(item)
        itemBytes += message.body.count
        guard items.count <= Self.itemLimit, itemBytes <= PostgreSQLFramer.messageLimit else { return Step(.malformed) }
        // FunctionCall stands alone and calls no statement.
        let ends = frontend.accept(message) || message.is("F") || message.is("H")
        guard ends else { return nil }
        let calls = frontend.finishRound()
        let part = PostgreSQLPart(items: items, calls: calls)
        (items, itemBytes) = ([], 0)
        return Step(.part(part), asks: part.question, forward: forwards ? .message(part.bytes, .once) : nil)
    }

    package mutating func wording(of context: Context, lookUp: (Question) -> RecordedAnswer?) -> Wording {
        switch context {
        case .reply(let bytes): return Wording(bytes)
        case .ending: return Wording(closes: true)
        case .malformed: return Wording(PostgreSQLWords.error("08P01", "the message is malformed"), closes: true)
        case .endOfCopy(let failed):
            defer { behindCopy = [] }
            if shadowCopies {
                shadowCopies = false
                if status == 0x54 { status = 0x45 }
                return Wording(PostgreSQLWords.error("58000", "the copy was lost") + PostgreSQLWords.ready(status))
            }
            guard failed, !behindCopy.isEmpty else { return Wording(behindCopy) }
            if status == 0x54 { status = 0x45 }
            return Wording(
                PostgreSQLWords.error("57014", "the copy was given up") + PostgreSQLWords.ready(status))
        case .part(let part):
            guard !skips || part.end == .sync else { return Wording() }
            if part.end == .functionCall {
                return Wording(
                    failed(part, PostgreSQLWords.error("0A000", "function calls are not recorded"), behind: []))
            }
            return compose(part, from: nil, lookUp) ?? refusal(of: context)
        }
    }

    package mutating func wording(
        of context: Context, from recorded: RecordedAnswer, _ match: AnswerMatch,
        lookUp: (Question) -> RecordedAnswer?
    ) -> Wording? {
        guard case .part(let part) = context else { return nil }
        if skips { return part.end == .sync ? compose(part, from: nil, lookUp) : Wording() }
        // A statement's shape: the question of a part that describes and calls nothing.
        guard let round = recorded.round else { return compose(part, from: nil, lookUp) }
        guard match != .nearest || part.takesAnyColumns(of: round) else { return nil }
        return compose(part, from: round, lookUp)
    }

    private mutating func compose(
        _ part: PostgreSQLPart, from round: PostgreSQLRound?, _ lookUp: (Question) -> RecordedAnswer?
    ) -> Wording? {
        if skips {
            skips = false
            return Wording(PostgreSQLWords.ready(status))
        }
        guard let answer = part.compose(from: round, lookUp) else { return nil }
        shadowIsAhead = false
        status = part.status(behind: round, from: status)
        skips = answer.isError && part.end == .flush
        var bytes = answer.bytes
        if part.end != .flush { bytes += PostgreSQLWords.ready(status) }
        if let place = answer.copyPlace {
            behindCopy = Array(bytes[place...])
            bytes.removeSubrange(place...)
        }
        return Wording(bytes)
    }

    package func followsShadow(_ context: Context) -> Bool {
        switch context {
        case .endOfCopy: shadowCopies
        case .part(let part): shadowIsAhead && part.end == .sync
        case .reply, .ending, .malformed: false
        }
    }

    package mutating func wording(of context: Context, forwarded reply: ShadowReply) -> Wording? {
        if case .part(let part) = context, skips {
            // It was told of an error that the shadow did not have.
            guard part.end == .sync else { return Wording() }
            skips = false
            return Wording(PostgreSQLWords.ready(status))
        }
        let end = PostgreSQLReplyEnd(reply.bytes)
        status = end.status ?? status
        skips = end.isError && end.status == nil
        shadowCopies = end.asksForData
        shadowIsAhead = end.status == nil && !end.asksForData
        return Wording(reply.bytes)
    }

    /// Settings and transactions, which every server answers alike, and nothing to what it passes over.
    package mutating func ownWording(of context: Context) -> Wording? {
        guard case .part(let part) = context else { return nil }
        if skips { return part.end == .sync ? nil : Wording() }
        guard let round = part.sessionRound else { return nil }
        return compose(part, from: round) { _ in nil }
    }

    /// ErrorResponse with a fixed text: nothing of the clone's statement goes into it.
    package mutating func refusal(of context: Context) -> Wording {
        guard case .part(let part) = context else { return Wording() }
        if skips, part.end != .sync { return Wording() }
        skips = false
        let text =
            part.calls.isEmpty
            ? "the description of a statement was not recorded" : "no recorded answer for this statement"
        return Wording(failed(part, PostgreSQLWords.error("58000", text), behind: part.beforeFirstAnswer))
    }

    private mutating func failed(_ part: PostgreSQLPart, _ error: [UInt8], behind bytes: [UInt8]) -> [UInt8] {
        if status == 0x54 { status = 0x45 }
        skips = part.end == .flush
        return bytes + error + (skips ? [] : PostgreSQLWords.ready(status))
    }
}

/// What a reply leaves the connection in.
private struct PostgreSQLReplyEnd {
    /// ReadyForQuery's byte.
    var status: UInt8?
    var isError = false
    var asksForData = false

    init(_ bytes: [UInt8]) {
        var position = 0
        while position + 5 <= bytes.count {
            let type = bytes[position]
            let length = bytes[position + 1..<position + 5].reduce(0) { $0 << 8 | Int($1) }
            asksForData = type == 0x47
            isError = isError || type == 0x45
            if type == 0x5a, position + 5 < bytes.count { status = bytes[position + 5] }
            position += 1 + max(4, length)
        }
    }
}

extension Introduction {
    /// Of a StartupMessage, behind the version. Which database it is follows from the user when it is not said.
    fileprivate init(_ reader: inout PostgreSQLBody) {
        while let name = reader.text(), !name.isEmpty, let value = reader.text() {
            switch name {
            case "user": database = database ?? value
            case "database": database = value
            // What a server need not know stays unsaid.
            case "replication": continue
            default: if !name.hasPrefix("_pq_.") { parameters[name] = value }
            }
        }
    }
}
