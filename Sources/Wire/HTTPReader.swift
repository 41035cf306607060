import Model

/// Pairs the requests and replies of one HTTP/1 connection, also when requests are pipelined.
struct HTTPReader: ConnectionReader {
    private let connection: ConnectionID
    private var requests = HTTPParser(.requests, keepsBytes: true)
    private var replies = HTTPParser(.replies, keepsBytes: false)
    /// Requests whose replies are still out, oldest first.
    private var pending: [HTTPRequest] = []
    /// Seen from the middle, or after a gap: bytes pass until a request starts, and replies until one was seen.
    private var requestsInStep: Bool
    private var repliesInStep: Bool
    private var isOpaque = false

    init(_ connection: ConnectionID, fromStart: Bool) {
        self.connection = connection
        requestsInStep = fromStart
        repliesInStep = fromStart
    }

    mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque else { return }
        if !requestsInStep {
            guard HTTPParser.canStart(.requests, bytes) else { return }
            requestsInStep = true
        }
        var whole: [HTTPParser.Message] = []
        do throws(HTTPFailure) {
            try requests.feed(bytes, at: time, replyHasNoBody: { _ in false }) { whole.append($0) }
        } catch {
            lose(error, at: time, emit: emit)
        }
        for message in whole {
            let request = HTTPRequest(
                method: message.method, target: message.target, bytes: message.bytes, firstByte: message.firstByte,
                lastByte: message.lastByte)
            pending.append(request)
            emit(.request(connection, request))
        }
    }

    mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque else { return }
        if !repliesInStep {
            guard !pending.isEmpty, HTTPParser.canStart(.replies, bytes) else { return }
            repliesInStep = true
        }
        var whole: [HTTPParser.Message] = []
        // The head of reply n is read when n replies of this packet are complete.
        let methods = pending.map(\.method)
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
            lose(error, at: time, emit: emit)
        }
        for message in whole { pair(message, emit: emit) }
    }

    private mutating func pair(_ message: HTTPParser.Message, emit: (WireEvent) -> Void) {
        // 100 and 103 go before the reply proper.
        if message.status < 200 && message.status != 101 { return }
        guard !pending.isEmpty else { return }
        let request = pending.removeFirst()
        let reply = HTTPReply(
            status: message.status, byteCount: message.byteCount, firstByte: message.firstByte,
            lastByte: message.lastByte, endedByClose: message.endedByClose)
        emit(.exchange(connection, HTTPExchange(request: request, reply: reply)))
        if message.status == 101 || request.method == "CONNECT" && message.status / 100 == 2 { isOpaque = true }
    }

    mutating func gap(at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque else { return }
        resynchronise(.gap, at: time, emit: emit)
    }

    private mutating func lose(_ failure: HTTPFailure, at time: Timestamp, emit: (WireEvent) -> Void) {
        resynchronise(failure == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
    }

    /// What was under way is lost, at least the message that was cut; the next request starts afresh.
    private mutating func resynchronise(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        let begun = pending.count + (requests.isBetweenMessages ? 0 : 1)
        emit(.lost(connection, count: max(1, begun), reason, time))
        pending = []
        requests = HTTPParser(.requests, keepsBytes: true)
        replies = HTTPParser(.replies, keepsBytes: false)
        requestsInStep = false
        repliesInStep = false
    }

    mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !requests.isBetweenMessages { emit(.lost(connection, count: 1, .cutOff, time)) }
        requests.close(at: time) { _ in }
    }

    mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        var last: [HTTPParser.Message] = []
        replies.close(at: time) { last.append($0) }
        for message in last { pair(message, emit: emit) }
        if !pending.isEmpty { emit(.lost(connection, count: pending.count, .cutOff, time)) }
        pending = []
    }
}
