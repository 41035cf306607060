package import Model

/// Pairs the rounds of one PostgreSQL connection, also when several are under way at once.
package struct PostgreSQLReader: ConnectionReader {
    private struct Asked: Sendable {
        var calls: [PostgreSQLCall]
        var isStartup = false
        var isExtended = false
        var request: Request
        /// Statements it asks to be described, nil for those that are not known.
        var described: [String?] = []
    }

    /// The answer in progress.
    private struct Answer: Sendable {
        var outcomes: [PostgreSQLOutcome] = []
        var open = PostgreSQLOutcome()
        var began: Timestamp?
        var byteCount = 0
        var status = 0
        var isError = false
        var bytes: [UInt8] = []
        /// ParameterDescription of the statement that is being described, and how many were before it.
        var parameters: PostgreSQLMessage?
        var describedCount = 0
    }

    private let connection: ConnectionID
    private let keepsPayload: Bool
    private var clientFramer: PostgreSQLFramer
    private var serverFramer: PostgreSQLFramer
    private var frontend = PostgreSQLFrontend()
    private var requestCount = 0
    private var asked = Queue<Asked>()
    /// The round that the client is still sending.
    private var asking: Passage?
    private var askingBytes: [UInt8] = []
    /// The number of the round in progress when it was told as a request before it turned out to go on.
    private var toldNumber: Int?
    private var pendingBytes = 0
    private var answer = Answer()
    private var describing: [String?] = []
    private var descriptions = PostgreSQLDescriptions()
    /// The server's one-byte answer to SSLRequest or GSSENCRequest is still out.
    private var awaitsEncryptionAnswer = false
    private var isEncrypted = false
    private var clientInStep: Bool
    private var serverInStep: Bool
    /// As in `HTTPReader`: without it, what looks like a round may be the rest of a lost one.
    private var serverSpoke: Bool
    private var serverIsDone = false
    private var isPipelined = false
    private var broken: LossReason?

    package init(_ setting: ReaderSetting) {
        connection = setting.connection
        keepsPayload = setting.keepsPayload
        payloadLimit = setting.payloadLimit
        clientFramer = PostgreSQLFramer(expectsStartup: setting.fromStart, keepsData: setting.keepsPayload)
        serverFramer = PostgreSQLFramer(expectsStartup: false, keepsData: setting.keepsPayload)
        clientInStep = setting.fromStart
        serverInStep = setting.fromStart
        serverSpoke = !setting.fromStart
    }

    /// Rounds whose answers may be out at once.
    private static let askedLimit = 65_536
    /// Bytes of an answer that are kept: those of a large table's copy are not worth a recording.
    private let payloadLimit: Int

    package var retainedBytes: Int {
        clientFramer.retainedBytes + serverFramer.retainedBytes + pendingBytes + askingBytes.count + answer.bytes.count
            + descriptions.byteCount
    }

    /// Messages that can begin a round, with a length that a first packet can hold.
    private static func canStart(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 5 else { return false }
        let begins: [UInt8] = [0x51, 0x50, 0x42]  // Query, Parse, Bind
        return begins.contains(bytes[0]) && bytes.big32(1) >= 4 && bytes.big32(1) < 1 << 24
    }

    package mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted else { return }
        let mayStart = serverSpoke
        serverSpoke = false
        if let broken {
            if Self.canStart(bytes) { emit(.lost(connection, count: 1, broken, time)) }
            return
        }
        if !clientInStep {
            guard mayStart, Self.canStart(bytes) else { return }
            clientInStep = true
        }
        clientFramer.append(bytes)
        do throws(PostgreSQLFramer.Failure) {
            while let message = try clientFramer.next() {
                if message.type == 0 { startup(message, at: time) } else { accept(message, at: time, emit: emit) }
            }
            if asking == nil, !clientFramer.isBetweenMessages {
                asking = Passage(firstByte: time, lastByte: time, byteCount: 0)
            }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
        if asked.count > Self.askedLimit || askingBytes.count + pendingBytes > payloadLimit {
            resynchronise(.tooLarge, at: time, emit: emit)
        }
    }

    private mutating func accept(_ message: PostgreSQLMessage, at time: Timestamp, emit: (WireEvent) -> Void) {
        // A server that takes in copy data does not heed Sync; the client sends another behind the data (55.2.6).
        if message.is("c") || message.is("f"), frontend.calls.isEmpty, asked.last?.isExtended == true,
            let last = asked.popLast()
        {
            frontend.resumeRound(last.calls)
            describing = last.described + describing
            if !last.calls.isEmpty { toldNumber = last.request.number }
            pendingBytes -= last.request.bytes.count
            let earlier = Passage(
                firstByte: last.request.passage.firstByte, lastByte: time,
                byteCount: last.request.passage.byteCount + (asking?.byteCount ?? 0))
            asking = earlier
            askingBytes = last.request.bytes + askingBytes
        }
        if asking == nil { asking = Passage(firstByte: time, lastByte: time, byteCount: 0) }
        asking?.byteCount += clientFramer.lastByteCount
        if keepsPayload {
            askingBytes += message.bytes
            if message.is("D"), message.body.first == 0x53 {
                describing.append(frontend.sql(describedBy: message.body))
            }
        }
        guard frontend.accept(message) else { return }
        let calls = frontend.finishRound()
        let request = request(calls, at: time)
        asked.append(
            Asked(calls: calls, isExtended: message.is("S"), request: request, described: describing))
        describing = []
        pendingBytes += request.bytes.count
        isPipelined = isPipelined || asked.count > 1
        // A round of nothing but Sync has an answer, and asks for nothing.
        guard !calls.isEmpty else { return }
        if toldNumber == nil {
            requestCount += 1
            emit(.request(connection, request))
        }
        toldNumber = nil
    }

    private mutating func request(_ calls: [PostgreSQLCall], at time: Timestamp) -> Request {
        var passage = asking ?? Passage(firstByte: time, lastByte: time, byteCount: 0)
        passage.lastByte = time
        var key = MatchingKey()
        for call in calls { call.hash(into: &key) }
        defer {
            asking = nil
            askingBytes = []
        }
        return Request(
            number: toldNumber ?? requestCount, passage: passage, key: key.value,
            label: keepsPayload ? calls.map { $0.sql ?? "" }.joined(separator: "; ") : "", bytes: askingBytes)
    }

    private mutating func startup(_ message: PostgreSQLMessage, at time: Timestamp) {
        var reader = PostgreSQLBody(message.body)
        switch reader.int32() {
        case 80_877_103, 80_877_104:
            awaitsEncryptionAnswer = true
        case 80_877_102:
            break  // CancelRequest: nothing follows.
        default:
            clientFramer.expectsStartup = false
            asked.append(Asked(calls: [], isStartup: true, request: request([], at: time)))
        }
    }

    package mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted, broken == nil, bytes.count > 0 else { return }
        serverSpoke = true
        var first = 0
        if awaitsEncryptionAnswer {
            awaitsEncryptionAnswer = false
            if bytes[0] == 0x53 || bytes[0] == 0x47 {
                isEncrypted = true
                emit(.lost(connection, count: 1, .encrypted, time))
                return
            }
            // A refusal is one byte; a server that does not know the question answers with an error message.
            if bytes[0] == 0x4e { first = 1 }
        }
        if !serverInStep {
            guard !asked.isEmpty else { return }
            serverInStep = true
        }
        serverFramer.append(bytes.extracting(first..<bytes.count))
        do throws(PostgreSQLFramer.Failure) {
            while let message = try serverFramer.next() { reply(message, at: time, emit: emit) }
            // An answer begins with its first byte, not with its first whole message.
            if answer.began == nil, let type = serverFramer.begunType, belongsToRound(type) { answer.began = time }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
    }

    /// Parameter changes and notifications come at any time and belong to no round.
    private func belongsToRound(_ type: UInt8) -> Bool { type != 0x53 && type != 0x41 && !asked.isEmpty }

    private mutating func reply(_ message: PostgreSQLMessage, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard belongsToRound(message.type) else { return }
        answer.byteCount += serverFramer.lastByteCount
        if keepsPayload {
            answer.bytes += message.bytes
            if answer.bytes.count > payloadLimit {
                resynchronise(.tooLarge, at: time, emit: emit)
                return
            }
        }
        if answer.began == nil { answer.began = time }
        switch Character(UnicodeScalar(message.type)) {
        case "t":
            if keepsPayload { answer.parameters = message }
        case "T", "n":
            guard keepsPayload else { break }
            guard let parameters = answer.parameters else {
                answer.open.description = message
                break
            }
            let described = asked.first?.described ?? []
            if answer.describedCount < described.count, let sql = described[answer.describedCount] {
                descriptions.add(PostgreSQLDescription(sql: sql, parameters: parameters, row: message))
            }
            answer.parameters = nil
            answer.describedCount += 1
        case "D", "G", "H", "W", "d", "c", "N":
            if keepsPayload { answer.open.rows.append(message) }
        case "C", "I", "s", "E":
            if message.is("E"), !answer.isError {
                answer.isError = true
                answer.status = Self.sqlState(message.body)
            }
            answer.open.completion = message
            answer.outcomes.append(answer.open)
            answer.open = PostgreSQLOutcome()
        case "Z":
            finish(message, at: time, emit: emit)
        default:
            break
        }
    }

    /// ReadyForQuery: the answer to the oldest round is whole.
    private mutating func finish(_ ready: PostgreSQLMessage, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard let round = asked.popFirst() else { return }
        pendingBytes -= round.request.bytes.count
        let finished = answer
        answer = Answer()
        serverSpoke = !asked.isEmpty
        guard !round.isStartup, !round.calls.isEmpty else { return }
        let began = finished.began ?? time
        let reply = Reply(
            passage: Passage(firstByte: began, lastByte: time, byteCount: finished.byteCount),
            status: finished.status, isError: finished.isError, bytes: finished.bytes)
        let detail: ExchangeDetail =
            keepsPayload
            ? .postgresql(
                PostgreSQLRound(
                    calls: round.calls, outcomes: finished.outcomes, transactionStatus: ready.body.first ?? 0x49,
                    asked: round.request.passage.lastByte, answerBegan: began, answered: time,
                    descriptions: descriptions.takeAll())) : .none
        emit(.exchange(connection, Exchange(.postgresql, request: round.request, reply: reply, detail: detail)))
    }

    /// The SQLSTATE of an ErrorResponse, as a number of base 36 (PostgreSQL documentation, 55.8).
    private static func sqlState(_ body: [UInt8]) -> Int {
        var reader = PostgreSQLBody(body)
        while let field = reader.byte(), field != 0, let text = reader.text() {
            if field == 0x43 { return Int(text, radix: 36) ?? 0 }
        }
        return 0
    }

    package mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted else { return }
        if !fromClient { serverSpoke = true }
        resynchronise(.gap, at: time, emit: emit)
    }

    private mutating func resynchronise(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        emit(.lost(connection, count: max(1, asked.count + (toldNumber == nil ? 0 : 1)), reason, time))
        if isPipelined { broken = reason }
        asked.removeAll()
        toldNumber = nil
        pendingBytes = 0
        asking = nil
        askingBytes = []
        answer = Answer()
        describing = []
        clientFramer = PostgreSQLFramer(expectsStartup: false, keepsData: keepsPayload)
        serverFramer = PostgreSQLFramer(expectsStartup: false, keepsData: keepsPayload)
        frontend.lose()
        clientInStep = false
        serverInStep = false
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

    /// A message or a round that the client did not get to end.
    private mutating func loseBegun(at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted, !clientFramer.isBetweenMessages || !frontend.calls.isEmpty else { return }
        emit(.lost(connection, count: 1, .cutOff, time))
        toldNumber = nil
        clientFramer = PostgreSQLFramer(expectsStartup: false, keepsData: keepsPayload)
        asking = nil
        askingBytes = []
        _ = frontend.finishRound()
    }

    private mutating func loseAsked(at time: Timestamp, emit: (WireEvent) -> Void) {
        var open = 0
        while let round = asked.popFirst() { open += round.isStartup || round.calls.isEmpty ? 0 : 1 }
        if open > 0 { emit(.lost(connection, count: open, .cutOff, time)) }
        pendingBytes = 0
    }
}

extension PostgreSQLCall {
    /// The question: the statement and its values.
    fileprivate func hash(into key: inout MatchingKey) {
        key.add(sql ?? "")
        key.add(0)
        for value in values ?? [] {
            if let value {
                key.add(1)
                key.add(value.span)
            } else {
                key.add(2)
            }
            key.add(0)
        }
    }
}

extension PostgreSQLReader {
    package static let entry = ProtocolEntry(.postgresql, ports: [5432, 6432]) { client, server in
        if client.isEmpty { return .unsure }
        // StartupMessage 3.x, SSLRequest, GSSENCRequest or CancelRequest.
        if client.count >= 8, client[0] == 0, client.big32(0) >= 8, client.big32(0) <= 10_000 {
            let code = client.big32(4)
            if code >> 16 == 3 || code >= 80_877_102 && code <= 80_877_104 { return .certain }
        }
        guard canStart(client) else { return .no }
        return server.isEmpty || "TCDE12nZ".utf8.contains(server[0]) ? .likely : .no
    } reader: {
        PostgreSQLReader($0)
    }
}
