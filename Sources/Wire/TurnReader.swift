package import Model

/// Exchanges of a protocol that we do not read, by who speaks: a request is the client's bytes up to where the server
/// begins to speak, a reply the server's bytes up to where the client speaks again or the server closes.
///
/// That is true of protocols whose client waits for each answer; of others an exchange is a round of several. A server
/// that speaks first greets, which is no exchange. If payload is kept, a turn that is longer than its limit is lost: half
/// a request cannot be asked again. Without, bytes are only counted and no turn is too long.
package struct TurnReader: ConnectionReader {
    private enum Phase: Sendable {
        /// Nobody asks; what the server says is a greeting.
        case idle
        case asking
        case answering
        /// Seen from the middle, or after a loss: bytes pass until the client speaks after the server.
        case outOfStep(serverSpoke: Bool)
    }

    private let connection: ConnectionID
    private let keepsPayload: Bool
    private let payloadLimit: Int
    private var phase: Phase
    private var requestCount = 0
    private var asking = Passage.nothing
    private var key = MatchingKey()
    private var askingBytes: [UInt8] = []
    /// The request that is whole.
    private var asked: Request?
    private var answer = Passage.nothing
    private var answerBytes: [UInt8] = []
    private var serverIsDone = false

    package init(_ setting: ReaderSetting) {
        connection = setting.connection
        keepsPayload = setting.keepsPayload
        payloadLimit = setting.payloadLimit
        // From the middle, the client's first bytes may be the rest of a request.
        phase = setting.fromStart ? .idle : .outOfStep(serverSpoke: false)
    }

    package var retainedBytes: Int { askingBytes.count + (asked?.bytes.count ?? 0) + answerBytes.count }

    package mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !bytes.isEmpty else { return }
        switch phase {
        case .outOfStep(serverSpoke: false): return
        case .answering:
            finish(endedByClose: false, emit: emit)
            fallthrough
        case .idle, .outOfStep:
            phase = .asking
            asking = Passage(firstByte: time, lastByte: time, byteCount: 0)
            key = MatchingKey()
        case .asking: break
        }
        asking.lastByte = time
        asking.byteCount += bytes.count
        key.add(bytes)
        guard keepsPayload else { return }
        askingBytes.append(bytes)
        loseIfTooLarge(serverSpoke: false, at: time, emit: emit)
    }

    package mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !bytes.isEmpty else { return }
        switch phase {
        case .idle: return
        case .outOfStep:
            phase = .outOfStep(serverSpoke: true)
            return
        case .asking:
            ask(emit: emit)
            phase = .answering
            answer = Passage(firstByte: time, lastByte: time, byteCount: 0)
        case .answering: break
        }
        answer.lastByte = time
        answer.byteCount += bytes.count
        guard keepsPayload else { return }
        answerBytes.append(bytes)
        loseIfTooLarge(serverSpoke: true, at: time, emit: emit)
    }

    /// The request is whole.
    private mutating func ask(emit: (WireEvent) -> Void) {
        guard asked == nil else { return }
        let request = Request(number: requestCount, passage: asking, key: key.value, bytes: askingBytes)
        requestCount += 1
        asked = request
        askingBytes = []
        emit(.request(connection, request))
    }

    private mutating func finish(endedByClose: Bool, emit: (WireEvent) -> Void) {
        guard let request = asked else { return }
        let reply = Reply(passage: answer, endedByClose: endedByClose, bytes: answerBytes)
        forget()
        emit(.exchange(connection, Exchange(.tcp, request: request, reply: reply)))
    }

    private mutating func forget() {
        asked = nil
        askingBytes = []
        answerBytes = []
        phase = .idle
    }

    private mutating func loseIfTooLarge(serverSpoke: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard retainedBytes > payloadLimit else { return }
        forget()
        phase = .outOfStep(serverSpoke: serverSpoke)
        emit(.lost(connection, count: 1, .tooLarge, time))
    }

    package mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        var count = 1
        // The client asked again, and whether its last answer was there whole cannot be told: the rest of it may be
        // among what is still out of order.
        if fromClient, case .answering = phase { count = 2 }
        forget()
        phase = .outOfStep(serverSpoke: !fromClient)
        emit(.lost(connection, count: count, .gap, time))
    }

    package mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        guard case .asking = phase else { return }
        if serverIsDone {
            lose(at: time, emit: emit)
        } else {
            // It may still be answered.
            ask(emit: emit)
        }
    }

    package mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        serverIsDone = true
        switch phase {
        case .answering: finish(endedByClose: true, emit: emit)
        case .asking: lose(at: time, emit: emit)
        case .idle, .outOfStep: break
        }
    }

    /// An answer that nobody ended may not be whole.
    package mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        switch phase {
        case .asking, .answering: lose(at: time, emit: emit)
        case .idle, .outOfStep: break
        }
    }

    private mutating func lose(at time: Timestamp, emit: (WireEvent) -> Void) {
        forget()
        emit(.lost(connection, count: 1, .cutOff, time))
    }
}

extension TurnReader {
    /// Any connection can be read so; none says that it should be.
    package static let entry = ProtocolEntry(.tcp, ports: []) { _, _ in
        .unsure
    } reader: {
        TurnReader($0)
    }
}
