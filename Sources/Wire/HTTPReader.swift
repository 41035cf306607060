package import Model

/// Pairs the requests and replies of one HTTP/1 connection, also when requests are pipelined.
package struct HTTPReader: ConnectionReader {
    private struct Pending: Sendable {
        var request: Request
        var verb: HTTPVerb
    }

    private let connection: ConnectionID
    private let keepsPayload: Bool
    private let requestsOnly: Bool
    private let payloadLimit: Int
    private var requests: HTTPParser
    private var replies: HTTPParser
    private var requestCount = 0
    /// Requests whose replies are still out, oldest first.
    private var pending = Queue<Pending>()
    private var pendingBytes = 0
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

    /// Requests that may wait for replies at once.
    private static let pendingLimit = 65_536

    package init(_ setting: ReaderSetting) {
        connection = setting.connection
        keepsPayload = setting.keepsPayload
        requestsOnly = setting.requestsOnly
        payloadLimit = setting.payloadLimit
        requests = Self.parser(.requests, setting.keepsPayload, setting.payloadLimit)
        replies = Self.parser(.replies, setting.keepsPayload && !setting.requestsOnly, setting.payloadLimit)
        requestsInStep = setting.fromStart
        repliesInStep = setting.fromStart
        serverSpoke = !setting.fromStart
    }

    private static func parser(_ role: HTTPParser.Role, _ keepsPayload: Bool, _ limit: Int) -> HTTPParser {
        HTTPParser(role, keeping: keepsPayload ? .all : .nothing, messageLimit: limit)
    }

    package var retainedBytes: Int { pendingBytes + requests.retainedBytes + replies.retainedBytes }

    package mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
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
        var position = 0
        do throws(HTTPFailure) {
            // Behind an upgrade that was granted early, the rest of the bytes is no longer HTTP.
            while !isOpaque, let message = try requests.next(bytes, from: &position, at: time) {
                ask(message, emit: emit)
            }
        } catch {
            lose(error, at: time, emit: emit)
        }
        if pendingBytes > payloadLimit || pending.count > Self.pendingLimit { lose(.tooLarge, at: time, emit: emit) }
    }

    /// Only what of the method decides how the reply ends is looked at.
    package mutating func asked(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        let isInStep = !isOpaque && broken == nil && requestsInStep && requests.isBetweenMessages && early == nil
        guard isInStep, pending.count < Self.pendingLimit, !bytes.isEmpty else {
            return client(bytes, at: time, emit: emit)
        }
        serverSpoke = false
        let passage = Passage(firstByte: time, lastByte: time, byteCount: bytes.count)
        let verb: HTTPVerb =
            bytes[0] == 0x48 && bytes.starts(with: "HEAD ")
            ? .head : bytes[0] == 0x43 && bytes.starts(with: "CONNECT ") ? .connect : .other
        pending.append(Pending(request: Request(number: requestCount, passage: passage, key: 0), verb: verb))
        requestCount += 1
        isPipelined = isPipelined || pending.count > 1
    }

    private mutating func ask(_ message: HTTPParser.Message, emit: (WireEvent) -> Void) {
        let request = Request(
            number: requestCount, passage: message.passage, key: message.key,
            label: keepsPayload && !requestsOnly ? message.label : "", bytes: message.bytes)
        requestCount += 1
        pending.append(Pending(request: request, verb: message.verb))
        pendingBytes += request.bytes.count
        isPipelined = isPipelined || pending.count > 1
        emit(.request(connection, request))
        if let reply = early {
            early = nil
            pair(reply, emit: emit)
        }
    }

    package mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
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
        var position = 0
        do throws(HTTPFailure) {
            while !isOpaque,
                let message = try replies.next(
                    bytes, from: &position, at: time, answering: pending.first?.verb ?? .other)
            {
                pair(message, emit: emit)
            }
        } catch {
            lose(error, at: time, emit: emit)
        }
    }

    private mutating func pair(_ message: HTTPParser.Message, emit: (WireEvent) -> Void) {
        // 100 and 103 go before the reply proper.
        if message.status < 200 && message.status != 101 { return }
        guard let asked = pending.popFirst() else {
            if !requests.isBetweenMessages, early == nil { early = message }
            return
        }
        pendingBytes -= asked.request.bytes.count
        serverSpoke = !pending.isEmpty
        let reply = Reply(
            passage: message.passage, status: message.status, isError: message.status >= 500,
            endedByClose: message.endedByClose, bytes: message.bytes)
        emit(.exchange(connection, Exchange(.http, request: asked.request, reply: reply)))
        if message.status == 101 || asked.verb == .connect && message.status / 100 == 2 { isOpaque = true }
    }

    package mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
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
        // A request that was begun before the last one had its reply is pipelined too.
        if isPipelined || begun > 1 { broken = reason }
        pending.removeAll()
        pendingBytes = 0
        early = nil
        requests = Self.parser(.requests, keepsPayload, payloadLimit)
        replies = Self.parser(.replies, keepsPayload && !requestsOnly, payloadLimit)
        requestsInStep = false
        repliesInStep = false
    }

    package mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !requests.isBetweenMessages { emit(.lost(connection, count: 1, .cutOff, time)) }
        _ = requests.close()
        // Sent when the server had already hung up.
        if serverIsDone { losePending(at: time, emit: emit) }
    }

    package mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        if let last = replies.close() { pair(last, emit: emit) }
        losePending(at: time, emit: emit)
        serverIsDone = true
    }

    package mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !requests.isBetweenMessages { emit(.lost(connection, count: 1, .cutOff, time)) }
        losePending(at: time, emit: emit)
    }

    private mutating func losePending(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !pending.isEmpty { emit(.lost(connection, count: pending.count, .cutOff, time)) }
        pending.removeAll()
        pendingBytes = 0
    }
}

extension HTTPReader {
    package static let entry = ProtocolEntry(.http, ports: [80, 8080, 8000, 3000, 5000]) { client, server in
        if client.isEmpty { return server.starts(with: "HTTP/1.") ? .likely : .unsure }
        guard HTTPParser.canStart(.requests, client) else { return .no }
        var first = client.count
        if let feed = client.firstIndex(of: 0x0a) { first = feed }
        // The version ends the request line: "GET / HTTP/1.1".
        for index in 0..<max(0, first - 6) where client.extracting(index..<client.count).starts(with: "HTTP/1.") {
            return .certain
        }
        return client.firstIndex(of: 0x0a) == nil ? .unsure : .no
    } reader: {
        HTTPReader($0)
    }
}
