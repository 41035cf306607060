import Model

/// Pairs the rounds of one PostgreSQL connection, also when several are under way at once.
struct PostgreSQLReader: ConnectionReader {
    private struct Asked: Sendable {
        var calls: [PostgreSQLCall]
        var isStartup = false
        var isExtended = false
        var time: Timestamp
    }

    /// The answer in progress.
    private struct Answer: Sendable {
        var outcomes: [PostgreSQLOutcome] = []
        var open = PostgreSQLOutcome()
        var began: Timestamp?
        var byteCount = 0
    }

    private let connection: ConnectionID
    private var clientFramer: PostgreSQLFramer
    private var serverFramer = PostgreSQLFramer(expectsStartup: false)
    private var frontend = PostgreSQLFrontend()
    private var asked: [Asked] = []
    private var answer = Answer()
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

    init(_ connection: ConnectionID, fromStart: Bool, answerLimit: Int = PostgreSQLFramer.messageLimit) {
        self.connection = connection
        self.answerLimit = answerLimit
        clientFramer = PostgreSQLFramer(expectsStartup: fromStart)
        clientInStep = fromStart
        serverInStep = fromStart
        serverSpoke = !fromStart
    }

    /// Rounds whose answers may be out at once.
    private static let askedLimit = 65_536
    /// Bytes of an answer that are kept: those of a large table's copy are not worth a recording.
    private let answerLimit: Int

    /// Messages that can begin a round, with a length that a first packet can hold.
    private static func canStart(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= 5 else { return false }
        let begins: [UInt8] = [0x51, 0x50, 0x42]  // Query, Parse, Bind
        return begins.contains(bytes[0]) && bytes.big32(1) >= 4 && bytes.big32(1) < 1 << 24
    }

    mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
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
                if message.type == 0 { startup(message, at: time) } else { accept(message, at: time) }
            }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
        if asked.count > Self.askedLimit { resynchronise(.tooLarge, at: time, emit: emit) }
    }

    private mutating func accept(_ message: PostgreSQLMessage, at time: Timestamp) {
        // A server that takes in copy data does not heed Sync; the client sends another behind the data (55.2.6).
        if message.is("c") || message.is("f"), asked.last?.isExtended == true, let last = asked.popLast() {
            frontend.resumeRound(last.calls)
        }
        guard frontend.accept(message) else { return }
        asked.append(Asked(calls: frontend.finishRound(), isExtended: message.is("S"), time: time))
        isPipelined = isPipelined || asked.count > 1
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
            asked.append(Asked(calls: [], isStartup: true, time: time))
        }
    }

    mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted, broken == nil, bytes.count > 0 else { return }
        serverSpoke = true
        if awaitsEncryptionAnswer {
            awaitsEncryptionAnswer = false
            if bytes[0] == 0x53 || bytes[0] == 0x47 {
                isEncrypted = true
                emit(.lost(connection, count: 1, .encrypted, time))
            }
            return
        }
        if !serverInStep {
            guard !asked.isEmpty else { return }
            serverInStep = true
        }
        serverFramer.append(bytes)
        do throws(PostgreSQLFramer.Failure) {
            while let message = try serverFramer.next() { reply(message, at: time, emit: emit) }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
    }

    private mutating func reply(_ message: PostgreSQLMessage, at time: Timestamp, emit: (WireEvent) -> Void) {
        // Parameter changes and notifications come at any time and belong to no round.
        if message.is("S") || message.is("A") || asked.isEmpty { return }
        answer.byteCount += message.body.count
        if answer.byteCount > answerLimit {
            resynchronise(.tooLarge, at: time, emit: emit)
            return
        }
        if answer.began == nil { answer.began = time }
        switch Character(UnicodeScalar(message.type)) {
        case "T", "n":
            answer.open.description = message
        case "D", "G", "H", "W", "d", "c", "N":
            answer.open.rows.append(message)
        case "C", "I", "s", "E":
            answer.open.completion = message
            answer.outcomes.append(answer.open)
            answer.open = PostgreSQLOutcome()
        case "Z":
            let round = asked.removeFirst()
            let finished = answer
            answer = Answer()
            serverSpoke = !asked.isEmpty
            guard !round.isStartup, !round.calls.isEmpty else { return }
            emit(
                .round(
                    connection,
                    PostgreSQLRound(
                        calls: round.calls, outcomes: finished.outcomes, transactionStatus: message.body.first ?? 0x49,
                        asked: round.time, answerBegan: finished.began ?? time, answered: time)))
        default:
            break
        }
    }

    mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted else { return }
        if !fromClient { serverSpoke = true }
        resynchronise(.gap, at: time, emit: emit)
    }

    private mutating func resynchronise(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        emit(.lost(connection, count: max(1, asked.count), reason, time))
        if isPipelined { broken = reason }
        asked = []
        answer = Answer()
        clientFramer = PostgreSQLFramer(expectsStartup: false)
        serverFramer = PostgreSQLFramer(expectsStartup: false)
        frontend.lose()
        clientInStep = false
        serverInStep = false
    }

    mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseBegun(at: time, emit: emit)
        if serverIsDone { loseAsked(at: time, emit: emit) }
    }

    mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseAsked(at: time, emit: emit)
        serverIsDone = true
    }

    mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseBegun(at: time, emit: emit)
        loseAsked(at: time, emit: emit)
    }

    /// A message or a round that the client did not get to end.
    private mutating func loseBegun(at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isEncrypted, !clientFramer.isBetweenMessages || !frontend.calls.isEmpty else { return }
        emit(.lost(connection, count: 1, .cutOff, time))
        clientFramer = PostgreSQLFramer(expectsStartup: false)
        _ = frontend.finishRound()
    }

    private mutating func loseAsked(at time: Timestamp, emit: (WireEvent) -> Void) {
        let open = asked.count { !$0.isStartup }
        if open > 0 { emit(.lost(connection, count: open, .cutOff, time)) }
        asked = []
    }
}
