import Model

/// Pairs the requests and replies of one HTTP/1 connection, also when requests are pipelined.
struct HTTPReader: ConnectionReader {
    private let connection: ConnectionID
    private var requests = HTTPParser(.requests, keepsBytes: true)
    private var replies = HTTPParser(.replies, keepsBytes: false)
    /// Requests whose replies are still out, oldest first.
    private var pending: [HTTPRequest] = []
    private var pendingBytes = 0
    private let pendingLimit: Int
    /// A reply that was whole before its request was, as the refusal of a body may be.
    private var early: HTTPParser.Message?
    /// Seen from the middle, or after a gap: bytes pass until a request starts, and replies until one was seen.
    private var requestsInStep: Bool
    private var repliesInStep: Bool
    /// Something of the server's came, or was missed, since the client's last bytes and since the last exchange. Until
    /// then what looks like a request may be the rest of a lost one, or one whose turn comes after it.
    private var serverSpoke: Bool
    private var serverIsDone = false
    /// More than one request was out at once.
    private var isPipelined = false
    /// After a loss on a pipelined connection nobody can tell which reply is whose.
    private var broken: LossReason?
    private var isOpaque = false

    init(_ connection: ConnectionID, fromStart: Bool, pendingLimit: Int = HTTPParser.messageLimit) {
        self.connection = connection
        self.pendingLimit = pendingLimit
        requestsInStep = fromStart
        repliesInStep = fromStart
        serverSpoke = !fromStart
    }

    mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque else { return }
        let mayStart = serverSpoke
        serverSpoke = false
        if let broken {
            if HTTPParser.canStart(.requests, bytes) { emit(.lost(connection, count: 1, broken, time)) }
            return
        }
        if !requestsInStep {
            guard mayStart, HTTPParser.canStart(.requests, bytes) else { return }
            requestsInStep = true
        }
        var whole: [HTTPParser.Message] = []
        var failure: HTTPFailure?
        do throws(HTTPFailure) {
            try requests.feed(bytes, at: time, replyHasNoBody: { _ in false }) { whole.append($0) }
        } catch {
            failure = error
        }
        for message in whole {
            let request = HTTPRequest(
                method: message.method, target: message.target, bytes: message.bytes, firstByte: message.firstByte,
                lastByte: message.lastByte)
            pending.append(request)
            pendingBytes += request.bytes.count
            isPipelined = isPipelined || pending.count > 1
            emit(.request(connection, request))
            if let reply = early {
                early = nil
                pair(reply, emit: emit)
            }
        }
        // What was whole before is not lost with the rest.
        if let failure { lose(failure, at: time, emit: emit) }
        if pendingBytes > pendingLimit { lose(.tooLarge, at: time, emit: emit) }
    }

    mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque, broken == nil else { return }
        serverSpoke = true
        if !repliesInStep {
            guard !pending.isEmpty else { return }
            guard HTTPParser.canStart(.replies, bytes) else {
                // Not the answer to what is pending: the next one would not be either.
                lose(.malformed("a reply that does not start"), at: time, emit: emit)
                return
            }
            repliesInStep = true
        }
        var whole: [HTTPParser.Message] = []
        // The head of reply n is read when n replies of this packet are complete.
        let methods = pending.map(\.method)
        var failure: HTTPFailure?
        do throws(HTTPFailure) {
            var index = 0
            try replies.feed(
                bytes, at: time,
                replyHasNoBody: { status in
                    index < methods.count
                        && (methods[index] == "HEAD" || methods[index] == "CONNECT" && status / 100 == 2)
                }
            ) { message in
                whole.append(message)
                if message.status >= 200 || message.status == 101 { index += 1 }
            }
        } catch {
            failure = error
        }
        for message in whole { pair(message, emit: emit) }
        if let failure { lose(failure, at: time, emit: emit) }
    }

    private mutating func pair(_ message: HTTPParser.Message, emit: (WireEvent) -> Void) {
        // 100 and 103 go before the reply proper.
        if message.status < 200 && message.status != 101 { return }
        guard !pending.isEmpty else {
            if !requests.isBetweenMessages, early == nil { early = message }
            return
        }
        let request = pending.removeFirst()
        pendingBytes -= request.bytes.count
        serverSpoke = !pending.isEmpty
        let reply = HTTPReply(
            status: message.status, byteCount: message.byteCount, firstByte: message.firstByte,
            lastByte: message.lastByte, endedByClose: message.endedByClose)
        emit(.exchange(connection, HTTPExchange(request: request, reply: reply)))
        if message.status == 101 || request.method == "CONNECT" && message.status / 100 == 2 { isOpaque = true }
    }

    mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque else { return }
        if !fromClient { serverSpoke = true }
        resynchronise(.gap, at: time, emit: emit)
    }

    private mutating func lose(_ failure: HTTPFailure, at time: Timestamp, emit: (WireEvent) -> Void) {
        resynchronise(failure == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
    }

    /// What was under way is lost, at least the message that was cut; the next request starts afresh.
    private mutating func resynchronise(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        let begun = pending.count + (requests.isBetweenMessages ? 0 : 1)
        emit(.lost(connection, count: max(1, begun), reason, time))
        if isPipelined { broken = reason }
        pending = []
        pendingBytes = 0
        early = nil
        requests = HTTPParser(.requests, keepsBytes: true)
        replies = HTTPParser(.replies, keepsBytes: false)
        requestsInStep = false
        repliesInStep = false
    }

    mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !requests.isBetweenMessages { emit(.lost(connection, count: 1, .cutOff, time)) }
        requests.close(at: time) { _ in }
        // Sent when the server had already hung up.
        if serverIsDone { losePending(at: time, emit: emit) }
    }

    mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        var last: [HTTPParser.Message] = []
        replies.close(at: time) { last.append($0) }
        for message in last { pair(message, emit: emit) }
        losePending(at: time, emit: emit)
        serverIsDone = true
    }

    mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !requests.isBetweenMessages { emit(.lost(connection, count: 1, .cutOff, time)) }
        losePending(at: time, emit: emit)
    }

    private mutating func losePending(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !pending.isEmpty { emit(.lost(connection, count: pending.count, .cutOff, time)) }
        pending = []
        pendingBytes = 0
    }
}
