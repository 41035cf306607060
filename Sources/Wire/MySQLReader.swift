package import Model

/// Pairs the commands of one MySQL or MariaDB connection with their answers, also when several are under way at once
/// (MySQL Source Code Documentation, "Client/Server Protocol").
///
/// A command with a reply is an exchange; the login is none. What the client sends while an answer is under way (the
/// file of LOAD DATA LOCAL, authentication for CHANGE_USER) belongs to the exchange's request, which is longer then
/// than when it was told. STMT_SEND_LONG_DATA and STMT_CLOSE belong to no exchange. Behind an agreed TLS or compression,
/// which is as opaque to us, one loss says so and nothing more is read.
package struct MySQLReader: ConnectionReader {
    private struct Asked: Sendable {
        var request: Request
        var command: MySQLCommand
        var statement: MySQLStatements.Prepared?
    }

    /// The answer to the oldest command.
    private struct Open: Sendable {
        var answer: MySQLAnswer?
        var began: Timestamp?
        var byteCount = 0
        var bytes: [UInt8] = []
        /// Each packet of an answer has the next number ("Sequence ID").
        var sequence: UInt8 = 1
        /// What the client sent after its command, and when that ended.
        var sentByteCount = 0
        var sentBytes: [UInt8] = []
        var sentLast: Timestamp?
    }

    private let connection: ConnectionID
    private let keepsPayload: Bool
    private let payloadLimit: Int
    private var clientPackets = MySQLPackets()
    private var serverPackets = MySQLPackets()
    private var login: MySQLLogin
    private var statements: MySQLStatements
    private var deprecatesEOF: Bool?
    /// Somebody had asked when the server's packet that is under way began: it cannot answer a command that came later.
    private var isAnswer = false
    private var requestCount = 0
    private var asked = Queue<Asked>()
    private var pendingBytes = 0
    /// Bytes of the client's packet that is under way.
    private var asking: [UInt8] = []
    private var open = Open()
    /// What the client says up to an empty packet is a file.
    private var sendsFile = false
    private var clientInStep: Bool
    private var serverInStep: Bool
    /// As in `HTTPReader`: without it, what looks like a command may be the rest of a lost one.
    private var serverSpoke: Bool
    private var serverIsDone = false
    private var isPipelined = false
    private var broken: LossReason?
    /// Nothing that follows can be read, or nothing follows.
    private var isSilent = false

    /// Commands whose answers may be out at once.
    private static let askedLimit = 65_536

    package init(_ setting: ReaderSetting) {
        connection = setting.connection
        keepsPayload = setting.keepsPayload
        payloadLimit = setting.payloadLimit
        login = MySQLLogin(isSeen: setting.fromStart)
        statements = MySQLStatements(keepsText: setting.keepsPayload, limit: setting.payloadLimit)
        clientInStep = setting.fromStart
        serverInStep = setting.fromStart
        serverSpoke = !setting.fromStart
    }

    package var retainedBytes: Int {
        clientPackets.retainedBytes + serverPackets.retainedBytes + pendingBytes + asking.count + open.bytes.count
            + open.sentBytes.count + statements.retainedBytes + asked.count * MemoryLayout<Asked>.stride
    }

    package mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isSilent else { return }
        let mayStart = serverSpoke
        serverSpoke = false
        if let broken {
            if MySQLCommand.begin(bytes) { emit(.lost(connection, count: 1, broken, time)) }
            return
        }
        if !clientInStep {
            guard mayStart, MySQLCommand.begin(bytes) else { return }
            clientInStep = true
        }
        // The server speaks first.
        if login.state == .greeting { return resynchronise(.malformed, at: time, emit: emit) }
        var position = 0
        do throws(MySQLPackets.Failure) {
            while position < bytes.count, !isSilent {
                let start = position
                let message = try clientPackets.next(bytes, from: &position, at: time, keeping: clientKeeping)
                if keepsPayload { asking.append(bytes.extracting(start..<position)) }
                guard let message else { break }
                try accept(message, at: time, emit: emit)
                // The request has them now; there is nothing to empty.
                asking = []
            }
            let kept = pendingBytes + asking.count + open.sentBytes.count
            if asked.count > Self.askedLimit || kept > payloadLimit { throw .tooLarge }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
    }

    private var clientKeeping: MySQLPackets.Keeping { sendsFile ? .head(0) : .all(limit: payloadLimit) }

    private mutating func accept(
        _ message: MySQLPackets.Message, at time: Timestamp, emit: (WireEvent) -> Void
    ) throws(MySQLPackets.Failure) {
        switch login.state {
        case .response:
            switch login.respond(clientPackets.payload, length: message.length) {
            case .readable:
                deprecatesEOF = login.deprecatesEOF
                statements.hasAttributes = login.hasAttributes
            case .encrypted: fallSilent(.encrypted, at: time, emit: emit)
            case .malformed: fallSilent(.malformed, at: time, emit: emit)
            }
        case .greeting, .authentication:
            break
        case .over:
            if sendsFile || message.sequence != 0 && asked.first?.command == .changeUser {
                extend(message, at: time)
            } else {
                try ask(message, at: time, emit: emit)
            }
        }
    }

    private mutating func ask(
        _ message: MySQLPackets.Message, at time: Timestamp, emit: (WireEvent) -> Void
    ) throws(MySQLPackets.Failure) {
        guard message.sequence == 0, let command = clientPackets.payload.first.flatMap(MySQLCommand.init) else {
            throw .malformed
        }
        switch command.answer {
        case .none:
            return statements.note(command, clientPackets.payload)
        case .endless:
            // A replica's stream of changes, or a clone of the data, is no exchange and larger than any limit.
            return fallSilent(.tooLarge, at: time, emit: emit)
        default: break
        }
        let question = statements.ask(command, clientPackets.payload)
        let request = Request(
            number: requestCount,
            passage: Passage(firstByte: message.firstByte, lastByte: time, byteCount: message.byteCount),
            key: question.key, label: question.label, bytes: asking)
        requestCount += 1
        pendingBytes += request.bytes.count
        asked.append(Asked(request: request, command: command, statement: question.prepared))
        isPipelined = isPipelined || asked.count > 1
        emit(.request(connection, request))
    }

    /// What belongs to the oldest command, though the server has begun to answer it.
    private mutating func extend(_ message: MySQLPackets.Message, at time: Timestamp) {
        if message.length == 0 { sendsFile = false }
        // The server may have refused the file before the client was done with it.
        guard open.answer != nil else { return }
        open.sequence = message.lastSequence &+ 1
        open.sentByteCount += message.byteCount
        open.sentBytes += asking
        open.sentLast = time
    }

    package mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isSilent, broken == nil, bytes.count > 0 else { return }
        serverSpoke = true
        if !serverInStep {
            guard !asked.isEmpty else { return }
            serverInStep = true
        }
        var position = 0
        do throws(MySQLPackets.Failure) {
            while position < bytes.count, !isSilent {
                let start = position
                let length = login.state == .over ? MySQLAnswer.headLength : MySQLLogin.headLength
                if serverPackets.isBetweenMessages { isAnswer = !asked.isEmpty }
                let message = try serverPackets.next(bytes, from: &position, at: time, keeping: .head(length))
                if keepsPayload, isAnswer {
                    open.bytes.append(bytes.extracting(start..<position))
                    if open.bytes.count > payloadLimit { throw .tooLarge }
                }
                guard let message else { break }
                if login.state == .over {
                    try reply(message, at: time, emit: emit)
                } else {
                    try logIn(message, at: time, emit: emit)
                }
            }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
    }

    private mutating func logIn(
        _ message: MySQLPackets.Message, at time: Timestamp, emit: (WireEvent) -> Void
    ) throws(MySQLPackets.Failure) {
        switch serverPackets.payload.first {
        // Refused: the server hangs up.
        case 0xff: isSilent = true
        case 0 where login.state == .authentication:
            login.state = .over
            if login.isCompressed { fallSilent(.encrypted, at: time, emit: emit) }
        default:
            // AuthSwitchRequest and AuthMoreData are between the two.
            if login.state == .authentication { return }
            guard login.state == .greeting, login.greet(serverPackets.payload) else { throw .malformed }
        }
    }

    private mutating func reply(
        _ message: MySQLPackets.Message, at time: Timestamp, emit: (WireEvent) -> Void
    ) throws(MySQLPackets.Failure) {
        let head = serverPackets.payload
        guard isAnswer, !asked.isEmpty else {
            // Nobody asked: a server that says why it hangs up, or the EOF behind the last definition of a statement.
            if head.first == 0xfe, message.length == 5, deprecatesEOF == nil { deprecatesEOF = false }
            return
        }
        // An error may come at any number: the server may not have read the whole command.
        guard message.sequence == open.sequence || head.first == 0xff else { throw .malformed }
        if open.began == nil { open.began = message.firstByte }
        open.sequence = message.lastSequence &+ 1
        open.byteCount += message.byteCount
        var answer = open.answer ?? MySQLAnswer(asked.first?.command.answer ?? .single)
        let step = answer.take(head, length: message.length, deprecatesEOF: &deprecatesEOF)
        open.answer = answer
        switch step {
        case .more: break
        case .file: sendsFile = true
        case .done: finish(0, isError: false, at: time, emit: emit)
        case .failed(let status): finish(status, isError: true, at: time, emit: emit)
        case .malformed: throw .malformed
        }
    }

    private mutating func finish(
        _ status: Int, isError: Bool, at time: Timestamp, emit: (WireEvent) -> Void
    ) {
        guard let done = asked.popFirst() else { return }
        pendingBytes -= done.request.bytes.count
        let whole = open
        open = Open()
        serverSpoke = !asked.isEmpty
        if !isError {
            if let statement = done.statement, let prepared = whole.answer?.prepared {
                statements.add(statement, number: prepared.number, parameterCount: prepared.parameterCount)
            }
            if done.command == .changeUser || done.command == .resetConnection { statements.removeAll() }
        }
        var request = done.request
        request.passage.byteCount += whole.sentByteCount
        request.passage.lastByte = whole.sentLast ?? request.passage.lastByte
        request.bytes += whole.sentBytes
        let reply = Reply(
            passage: Passage(firstByte: whole.began ?? time, lastByte: time, byteCount: whole.byteCount),
            status: status, isError: isError, bytes: whole.bytes)
        emit(.exchange(connection, Exchange(.mysql, request: request, reply: reply)))
    }

    package mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isSilent else { return }
        // Behind a missing command another one's turn comes after its answer.
        serverSpoke = !fromClient
        resynchronise(.gap, at: time, emit: emit)
    }

    /// A command that the client did not get to end.
    private var isAsking: Bool { login.state == .over && !sendsFile && !clientPackets.isBetweenMessages }

    private mutating func resynchronise(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        emit(.lost(connection, count: max(1, asked.count + (isAsking ? 1 : 0)), reason, time))
        if isPipelined { broken = reason }
        // The login goes on unseen; it may have agreed on what cannot be read.
        if login.state != .over, login.isCompressed { isSilent = true }
        login.state = .over
        forget()
        clientPackets = MySQLPackets()
        serverPackets = MySQLPackets()
        statements.lose()
        clientInStep = false
        serverInStep = false
    }

    private mutating func fallSilent(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        emit(.lost(connection, count: asked.count + 1, reason, time))
        forget()
        statements.removeAll()
        isSilent = true
    }

    private mutating func forget() {
        asked.removeAll()
        pendingBytes = 0
        asking = []
        open = Open()
        sendsFile = false
    }

    package mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseBegun(at: time, emit: emit)
        if serverIsDone { loseAsked(at: time, emit: emit) }
    }

    package mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseAsked(at: time, emit: emit)
        serverIsDone = true
    }

    package mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseBegun(at: time, emit: emit)
        loseAsked(at: time, emit: emit)
    }

    private mutating func loseBegun(at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isSilent, isAsking else { return }
        emit(.lost(connection, count: 1, .cutOff, time))
        clientPackets = MySQLPackets()
        asking = []
    }

    private mutating func loseAsked(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !asked.isEmpty { emit(.lost(connection, count: asked.count, .cutOff, time)) }
        asked.removeAll()
        pendingBytes = 0
        open = Open()
    }
}

extension MySQLReader {
    /// The server greets first; from the middle, a command that the segment holds whole and that an answer follows.
    package static let entry = ProtocolEntry(.mysql, ports: [3306]) { client, server in
        let greeting = MySQLLogin.recognise(server: server)
        if greeting != .no { return greeting }
        if client.isEmpty { return server.isEmpty ? .unsure : .no }
        guard MySQLCommand.begin(client) else { return .no }
        if server.isEmpty { return [0x03, 0x16].contains(client[4]) ? .likely : .unsure }
        return server.count >= 5 && server[3] == 1 ? .likely : .no
    } reader: {
        MySQLReader($0)
    }
}
