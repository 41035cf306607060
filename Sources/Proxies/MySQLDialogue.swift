package import Model
package import Wire

/// MySQL's protocol as the server speaks it (MySQL Source Code Documentation, "Client/Server Protocol"): it greets, takes
/// any log-in without knowing a secret, and gives statements numbers of its own.
///
/// The version it says is one of its own too, as no exchange tells the server's. Files of the client (LOAD DATA LOCAL)
/// are not asked for: answers that begin so are not given.
package struct MySQLDialogue: ServerDialogue {
    package enum Context: Sendable {
        case reply([UInt8])
        case ending
        case malformed(sequence: UInt8)
        case query(verb: String)
        case prepare(MySQLStatements.Prepared)
        case execute
        case rows
        case fields
        case unsupported
    }

    private enum LogIn: Sendable { case response, switched, over }

    private static let messageLimit = 64 << 20

    private var packets = MySQLPackets()
    private var logIn = LogIn.response
    private var statements = MySQLStatements(keepsText: true, limit: MySQLDialogue.messageLimit)
    private var statementCount: UInt32 = 0
    private var isInTransaction = false
    private let forwards: Bool
    private var introduction = Introduction()

    package init(forwards: Bool = false) {
        self.forwards = forwards
        statements.hasAttributes = false
    }

    package func greeting() -> [UInt8] { MySQLWords.greeting }

    package mutating func take(_ bytes: Span<UInt8>, at now: Timestamp) -> [Step<Context>] {
        var steps: [Step<Context>] = []
        var position = 0
        do throws(MySQLPackets.Failure) {
            while position < bytes.count {
                let keeping = MySQLPackets.Keeping.all(limit: Self.messageLimit)
                guard let message = try packets.next(bytes, from: &position, at: now, keeping: keeping) else { break }
                guard let step = accept(packets.payload, sequence: message.lastSequence &+ 1) else { continue }
                steps.append(step)
            }
        } catch {
            steps.append(Step(.malformed(sequence: 1)))
        }
        return steps
    }

    private mutating func accept(_ payload: [UInt8], sequence: UInt8) -> Step<Context>? {
        switch logIn {
        case .response:
            guard let plugin = plugin(of: payload) else { return Step(.malformed(sequence: sequence)) }
            if plugin.isEmpty || plugin == MySQLWords.plugin {
                logIn = .over
                return Step(.reply(MySQLWords.ok(sequence: sequence)), forward: connection)
            }
            logIn = .switched
            return Step(.reply(MySQLWords.authSwitch(sequence: sequence)))
        case .switched:
            logIn = .over
            return Step(.reply(MySQLWords.ok(sequence: sequence)), forward: connection)
        case .over:
            guard sequence == 1, let command = payload.first.flatMap(MySQLCommand.init) else {
                return Step(.malformed(sequence: sequence))
            }
            return step(command, payload)
        }
    }

    private var connection: Forward? { forwards ? .connection(introduction) : nil }

    /// The plugin that the client answers with (HandshakeResponse41), empty when it says none; nil when it is malformed,
    /// or asks for encryption.
    private mutating func plugin(of payload: [UInt8]) -> String? {
        var fields = MySQLFields(payload)
        guard let asked = fields.integer(4), asked & MySQLWords.protocol41 != 0, fields.skip(4),
            let characterSet = fields.byte(), fields.skip(23), fields.terminated() != nil
        else { return nil }
        let flags = asked & MySQLWords.capabilities
        if flags & MySQLWords.lengthEncodedSecret != 0 {
            guard fields.skipString() else { return nil }
        } else if flags & MySQLWords.secureConnection != 0 {
            guard let count = fields.byte(), fields.skip(Int(count)) else { return nil }
        } else {
            guard fields.terminated() != nil else { return nil }
        }
        // Clients are known to say that a database follows, and to leave it out.
        introduction.characterSet = characterSet
        introduction.countsFoundRows = flags & MySQLWords.foundRows != 0
        if flags & MySQLWords.connectWithDatabase != 0, fields.left > 0 {
            guard let name = fields.terminated() else { return nil }
            introduction.database = Self.text(payload[name])
        }
        guard flags & MySQLWords.pluginAuthentication != 0, let name = fields.terminated() else { return "" }
        return String(decoding: payload[name], as: UTF8.self)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Another user's log-in is taken as the client's first one is. The answer to the challenge is passed over.
    private mutating func changeUser(_ payload: [UInt8]) -> Forward? {
        guard forwards else { return nil }
        var fields = MySQLFields(payload, from: 1)
        guard fields.terminated() != nil, let count = fields.byte(), fields.skip(Int(count)),
            let name = fields.terminated()
        else { return .end }
        introduction.database = Self.text(payload[name])
        if let characterSet = fields.byte() { introduction.characterSet = characterSet }
        return connection
    }

    private mutating func step(_ command: MySQLCommand, _ payload: [UInt8]) -> Step<Context>? {
        let forward: (Forward.Answered) -> Forward? = { [forwards] in
            forwards ? .message(MySQLWords.packets(payload), $0) : nil
        }
        switch command {
        case .quit:
            return Step(.ending)
        case .ping, .initDatabase, .debug, .refresh:
            return Step(.reply(MySQLWords.ok()), forward: command == .initDatabase ? forward(.once) : nil)
        case .setOption:
            return Step(.reply(MySQLWords.endOfDefinitions()), forward: forward(.once))
        case .resetConnection, .changeUser:
            statements.removeAll()
            return Step(
                .reply(MySQLWords.ok()), forward: command == .changeUser ? changeUser(payload) : forward(.once))
        case .closeStatement, .sendLongData:
            statements.note(command, payload)
            return forward(.never).map { Step(.reply([]), forward: $0) }
        case .resetStatement:
            _ = statements.ask(command, payload)
            return Step(.reply(MySQLWords.ok()), forward: forward(.once))
        case .statistics:
            return Step(.reply(MySQLWords.packet(Array("Uptime: 1".utf8), sequence: 1)))
        case .query, .prepare, .execute, .bulkExecute, .fetch, .fieldList:
            let asked = statements.ask(command, payload)
            let question = MySQLQuestions.question(command, key: asked.key, text: asked.label)
            let context: Context =
                switch command {
                case .query: .query(verb: SQLTemplate.isSingle(asked.label) ? SQLTemplate.verb(of: asked.label) : "")
                case .prepare: asked.prepared.map { .prepare($0) } ?? .unsupported
                case .fetch: .rows
                case .fieldList: .fields
                default: question == nil ? .unsupported : .execute
                }
            guard question != nil else { return Step(context) }
            return Step(context, asks: question, forward: forward(command == .prepare ? .preparing : .once))
        default:
            return Step(.unsupported)
        }
    }

    package func wording(of context: Context, lookUp: (Question) -> RecordedAnswer?) -> Wording {
        switch context {
        case .reply(let bytes): Wording(bytes)
        case .ending: Wording(closes: true)
        case .malformed(let sequence):
            Wording(
                MySQLWords.error(1835, "HY000", "the packet is malformed", sequence: sequence), closes: true)
        default: Wording(MySQLWords.error(1235, "42000", "the command is not recorded"))
        }
    }

    package mutating func wording(
        of context: Context, from recorded: RecordedAnswer, _ match: AnswerMatch,
        lookUp: (Question) -> RecordedAnswer?
    ) -> Wording? { wording(of: context, recorded.bytes) }

    package mutating func wording(of context: Context, forwarded reply: ShadowReply) -> Wording? {
        wording(of: context, reply.bytes)
    }

    private mutating func wording(of context: Context, _ bytes: [UInt8]) -> Wording? {
        var conversion = MySQLConversion(bytes)
        let isWhole: Bool
        switch context {
        case .query, .execute: isWhole = conversion.results()
        case .prepare(let statement):
            let number = statementCount &+ 1
            isWhole = conversion.statement(number: number)
            guard isWhole else { return nil }
            if let count = conversion.parameterCount {
                statementCount = number
                statements.add(statement, number: number, parameterCount: count)
            }
        case .rows: isWhole = conversion.rows()
        case .fields: isWhole = conversion.fields()
        default: return nil
        }
        guard isWhole else { return nil }
        isInTransaction = conversion.isInTransaction
        return Wording(conversion.converted)
    }

    package mutating func ownWording(of context: Context) -> Wording? {
        guard case .query(let verb) = context else { return nil }
        switch verb {
        case "SET", "SAVEPOINT", "RELEASE", "USE": break
        case "BEGIN", "START": isInTransaction = true
        case "COMMIT", "ROLLBACK": isInTransaction = false
        default: return nil
        }
        return Wording(MySQLWords.ok(inTransaction: isInTransaction))
    }

    package func refusal(of context: Context) -> Wording {
        Wording(MySQLWords.error(1105, "HY000", "no recorded answer for this statement"))
    }
}
