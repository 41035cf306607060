import Model
import Wire

/// One connection whose two sides say known texts, in segments that are cut, disordered, repeated, acknowledged and not
/// captured: what is said of it must be true, or lost.
///
/// The first byte says where both sequence spaces start and whether the payload is kept. Then steps of five bytes: flags
/// and side, place in the side's text (16 bits), length, what of the other side is acknowledged. What TCP and HTTP cannot
/// do is left out: a side sends in order before it sends again, answers what it was asked, and acknowledges what was sent.
enum ConnectionEntry {
    private static let client = Endpoint(IPAddress(v4: 0x0a00_0001), 40_000)
    private static let server = Endpoint(IPAddress(v4: 0x0a00_0002), 80)

    private static let requests: [[UInt8]] = [
        "GET /0 HTTP/1.1\r\n\r\n", "POST /1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
        "PUT /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n", "OPTIONS /3 HTTP/1.1\r\n\r\n",
        "GET /4 HTTP/1.1\r\n\r\n",
    ].map { Array($0.utf8) }
    private static let replies: [[UInt8]] = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<0>", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<2>\r\n0\r\n\r\n",
        "HTTP/1.1 203 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n",
    ].map { Array($0.utf8) }
    private static let said = (client: requests.flatMap { $0 }, server: replies.flatMap { $0 })

    /// Where each message ends in its side's text.
    private static let requestEnds = ends(requests)
    private static let replyEnds = ends(replies)

    private static func ends(_ messages: [[UInt8]]) -> [Int] {
        messages.indices.map { messages[...$0].reduce(0) { $0 + $1.count } }
    }

    /// What of its text each side has sent so far, captured or not.
    private struct Sent {
        var client = 0
        var server = 0
        /// Whether a side has said that it says no more.
        var ended = (client: false, server: false)

        /// The text's bytes that may be sent now: whatever the client has to ask, and replies to whole requests.
        mutating func part(_ isClient: Bool, _ place: Int, _ length: Int) -> Range<Int> {
            let answered = requestEnds.prefix { $0 <= client }.count
            var limit = isClient ? said.client.count : answered == 0 ? 0 : replyEnds[answered - 1]
            if isClient ? ended.client : ended.server { limit = isClient ? client : server }
            // What is sent again has bytes; an acknowledgement alone stands behind all that was sent.
            let low = length == 0 ? isClient ? client : server : min(place, isClient ? client : server)
            let high = max(low, min(low + length, limit))
            if isClient { client = max(client, high) } else { server = max(server, high) }
            return low..<high
        }

        /// What may be acknowledged: no more than was sent, and of a reply no less than its request.
        func acknowledged(_ isClient: Bool, _ part: Range<Int>, _ wanted: Int) -> Int {
            if isClient { return min(wanted, server) }
            let begun = replyEnds.prefix { $0 < part.upperBound }.count
            return max(min(wanted, client), part.isEmpty ? 0 : requestEnds[begun])
        }
    }

    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let setting = input.byte()
        let keepsPayload = setting & 1 == 0
        // Bytes of no side's text: then only the general invariants hold.
        var isSpoilt = false
        let starts = (client: UInt32.max - UInt32(setting >> 1), server: UInt32.max - UInt32(setting >> 2))
        var dissector = Dissector([WatchedServer(server, .http)], keepsPayload: keepsPayload)
        var consistency = Consistency(keepsPayload: keepsPayload)
        var exchanges: [(exchange: Exchange, isBehindLoss: Bool)] = []
        var hasLost = false
        var isKnownFromStart = false
        var hasServerStart = false
        var connections = 0
        let take = { (event: WireEvent) in
            consistency.take(event)
            if case .opened = event { connections += 1 }
            if case .lost = event { hasLost = true }
            if case .exchange(_, let exchange) = event { exchanges.append((exchange, hasLost)) }
        }
        var time = Timestamp(nanoseconds: 0)
        var sent = Sent()
        while !input.isAtEnd {
            let step = input.byte()
            let place = input.big16()
            let length = Int(input.byte())
            let heard = Int(input.byte()) * 2
            time = time + .milliseconds(1)
            let isClient = step & 1 == 0
            var flags = TCPSegment.Flags.acknowledgement
            // Nobody opens a connection on which something was said.
            if step & 12 == 8, sent.client + sent.server == 0 {
                flags = isClient ? .syn : [.syn, .acknowledgement]
            }
            let isSYN = flags.contains(.syn)
            let part = sent.part(isClient, place, isSYN ? 0 : length)
            // A first request that is sent again when its answer has come is taken for the first time, if of the answer
            // and of the server's SYN nothing was captured: nothing tells them apart.
            let isFirst = isClient && part.lowerBound == 0 && !hasServerStart
            let acknowledged = isSYN || isFirst ? 0 : sent.acknowledged(isClient, part, heard)
            var payload = Array((isClient ? said.client : said.server)[part])
            if step & 12 == 4, part.upperBound == (isClient ? sent.client : sent.server) {
                flags.insert(.fin)
                if isClient { sent.ended.client = true } else { sent.ended.server = true }
            }
            if step & 28 == 28 { flags.insert(.reset) }
            if step & 98 == 98 {
                isSpoilt = isSpoilt || !payload.isEmpty
                payload = payload.map { $0 ^ 1 }
            }
            let cutOff = step & 96 == 64 ? payload.count / 2 : 0
            // Sent, and not captured.
            if step & 96 == 32 { continue }
            let own = isClient ? starts.client : starts.server
            let other = isClient ? starts.server : starts.client
            if isSYN, connections == 0 { isKnownFromStart = true }
            if isSYN, !isClient { hasServerStart = true }
            let segment = TCPSegment(
                source: isClient ? client : server, destination: isClient ? server : client,
                sequence: isSYN ? own : own &+ 1 &+ UInt32(part.lowerBound),
                acknowledged: other &+ 1 &+ UInt32(acknowledged), flags: flags, window: step & 128 == 0 ? 1000 : 0,
                payload: 0..<payload.count - cutOff, cutOff: cutOff)
            dissector.accept(segment, payload.span.extracting(0..<payload.count - cutOff), at: time, emit: take)
        }
        dissector.finish(at: time, emit: take)
        if let problem = consistency.problems.first { throw BrokenInvariant(problem) }
        try BrokenInvariant.unless(consistency.open.isEmpty, "not all were closed")
        guard !isSpoilt, isKnownFromStart, connections == 1 else { return }
        for (exchange, isBehindLoss) in exchanges { try check(exchange, isBehindLoss, keepsPayload) }
    }

    /// Both are of the texts, and of the same place in them.
    ///
    /// Behind a loss a request may begin inside its method, where a segment does: nothing tells ST from a method of one's
    /// own. None of the texts is a HEAD, of which the rest would have a reply with a body.
    private static func check(_ exchange: Exchange, _ isBehindLoss: Bool, _ keepsPayload: Bool) throws(BrokenInvariant)
    {
        let index = exchange.reply.status - 200
        try BrokenInvariant.unless(replies.indices.contains(index), "a status that nobody said")
        guard keepsPayload, replies.indices.contains(index) else { return }
        let request = exchange.request.bytes
        let expected = isBehindLoss ? Array(requests[index].suffix(request.count)) : requests[index]
        try BrokenInvariant.unless(request == expected, "a reply to another request")
        try BrokenInvariant.unless(exchange.reply.bytes == replies[index], "a reply that nobody said")
    }
}
