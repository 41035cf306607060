import TestSupport
import Model
import Testing

@testable import Wire

/// Requests and replies of one connection, paired.
@Suite struct HTTPConnectionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Turns, the client's and the server's in alternation, each a list of segments.
        var turns: [[String]]
        /// As "method target status".
        var exchanges: [String]
        var losses: [LossReason] = []
        var requests: Int?
        /// A segment that the capture misses: its turn and its number in it.
        var missing: (turn: Int, segment: Int)?
        var closes = true
    }

    @Test(arguments: cases) func pairs(_ item: Case) {
        let events = Place().events(item.segments)
        let exchanges = events.exchanges.map { "\($0.request.method) \($0.request.target) \($0.reply.status)" }
        #expect(exchanges == item.exchanges)
        #expect(events.losses == item.losses)
        #expect(events.requests.count == item.requests ?? item.exchanges.count)
        #expect(events.opened == 1 && events.closed == 1)
    }

    static let cases = [
        Case(
            testDescription: "one after the other",
            turns: [[get("/1")], [ok], [get("/2")], ["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"]],
            exchanges: ["GET /1 200", "GET /2 404"]),
        Case(
            testDescription: "pipelined, in one segment each way",
            turns: [[get("/1") + get("/2") + get("/3")], [ok + ok + ok]],
            exchanges: ["GET /1 200", "GET /2 200", "GET /3 200"]),
        Case(
            testDescription: "HEAD among pipelined requests",
            turns: [
                [get("/1"), "HEAD /2 HTTP/1.1\r\n\r\n", get("/3")],
                [ok + "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n" + ok],
            ],
            exchanges: ["GET /1 200", "HEAD /2 200", "GET /3 200"]),
        Case(
            testDescription: "100 before the final reply",
            turns: [
                ["POST /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"],
                ["HTTP/1.1 100 Continue\r\n\r\n"], ["ab"], [ok], [get("/2")], [ok],
            ],
            exchanges: ["POST /1 200", "GET /2 200"]),
        Case(
            testDescription: "204 and 304 between others",
            turns: [
                [get("/1") + get("/2") + get("/3")],
                ["HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 Same\r\nContent-Length: 7\r\n\r\n" + ok],
            ],
            exchanges: ["GET /1 204", "GET /2 304", "GET /3 200"]),
        Case(
            testDescription: "reply to the end of the connection",
            turns: [[get("/1")], ["HTTP/1.0 200 OK\r\n\r\nabc", "def"]],
            exchanges: ["GET /1 200"]),
        Case(
            testDescription: "upgrade: what follows is not read",
            turns: [
                ["GET /1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"], ["HTTP/1.1 101 Switching\r\n\r\n", "\u{1}\u{2}"],
                [get("/not-http")], [ok],
            ],
            exchanges: ["GET /1 101"]),
        Case(
            testDescription: "CONNECT: what follows is not read",
            turns: [["CONNECT a:1 HTTP/1.1\r\n\r\n"], ["HTTP/1.1 200 OK\r\n\r\n"], [get("/not-ours")], [ok]],
            exchanges: ["CONNECT a:1 200"]),
        Case(
            testDescription: "CONNECT refused: it goes on",
            turns: [
                ["CONNECT a:1 HTTP/1.1\r\n\r\n"], ["HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"], [get("/2")], [ok],
            ],
            exchanges: ["CONNECT a:1 403", "GET /2 200"]),
        Case(
            testDescription: "a reply that nobody asked for",
            turns: [[get("/1")], [ok + ok], [get("/2")], [ok]], exchanges: ["GET /1 200", "GET /2 200"]),
        Case(
            testDescription: "refused before the body was whole",
            turns: [
                ["POST /1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"], ["HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"],
                ["cd"],
                [""], [get("/2")], [ok],
            ],
            exchanges: ["POST /1 401", "GET /2 200"]),
        Case(
            testDescription: "a request that is none takes those with it that wait",
            turns: [[get("/1") + "nonsense\r\n\r\n"], [ok, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"]],
            exchanges: [], losses: [.malformed, .malformed], requests: 1),
        Case(
            testDescription: "a reply that is none, behind a whole one",
            turns: [[get("/1") + get("/2")], [ok + "nonsense\r\n\r\n"]], exchanges: ["GET /1 200"],
            losses: [.malformed],
            requests: 2),
        Case(
            testDescription: "the connection ends in a request",
            turns: [[get("/1")], [ok], ["POST /2 HTTP/1.1\r\nContent-Le"]],
            exchanges: ["GET /1 200"], losses: [.cutOff]),
        Case(
            testDescription: "the connection ends in a reply",
            turns: [[get("/1")], ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"]],
            exchanges: [], losses: [.cutOff], requests: 1),
        Case(
            testDescription: "the capture ends before the connection: what has no end is not whole",
            turns: [[get("/1")], ["HTTP/1.0 200 OK\r\n\r\nabc"]], exchanges: [], losses: [.cutOff], requests: 1,
            closes: false),
        Case(
            testDescription: "a missing part of a reply",
            turns: [[get("/1")], ["HTTP/1.1 200 OK\r\nContent-", "Length: 0\r\n\r\n"], [get("/2")], [ok]],
            exchanges: ["GET /2 200"], losses: [.gap], requests: 2, missing: (1, 1)),
        Case(
            testDescription: "a missing request: its reply is nobody's",
            turns: [
                [get("/1")], [ok], [get("/2")], ["HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"], [get("/3")], [ok],
            ],
            exchanges: ["GET /1 200", "GET /3 200"], losses: [.gap], missing: (2, 0)),
        Case(
            testDescription: "the rest of a body is no request, whatever it looks like",
            turns: [
                [
                    "POST /1 HTTP/1.1\r\nContent-Length: 90\r\n\r\n", String(repeating: "x", count: 90 - 24),
                    "GET /body HTTP/1.1\r\n\r\nab",
                ],
                [ok], [get("/2")], [ok],
            ],
            exchanges: ["GET /2 200"], losses: [.gap], missing: (0, 1)),
        Case(
            testDescription: "the second of two pipelined requests does not take the reply to the first",
            turns: [[get("/1"), get("/2")], ["HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", ok], [get("/3")], [ok]],
            exchanges: ["GET /3 200"], losses: [.gap], missing: (0, 0)),
        Case(
            testDescription: "after a loss among pipelined requests nobody knows which reply is whose",
            turns: [
                [get("/1") + get("/2")], ["HTTP/1.1 200 OK\r\nContent-Len", "gth: 0\r\n\r\n", ok], [get("/3")], [ok],
            ],
            exchanges: [], losses: [.gap, .gap, .gap], requests: 2, missing: (1, 1)),
        Case(
            testDescription: "after a loss, a reply that begins with a short segment",
            turns: [
                [get("/1")], ["HTTP/1.1 200 OK\r\nCon", "tent-Length: 0\r\n\r\n"], [get("/2")],
                ["HT", "TP/1.1 204 No\r\n\r\n"], [get("/3")], [ok],
            ],
            exchanges: ["GET /2 204", "GET /3 200"], losses: [.gap], requests: 3, missing: (1, 0)),
        Case(
            testDescription: "after a loss, a reply that is none takes its request with it",
            turns: [
                [get("/1")], ["HTTP/1.1 200 OK\r\nCon", "tent-Length: 0\r\n\r\n"], [get("/2")], ["ICY 200 OK\r\n\r\n"],
                [get("/3")], [ok],
            ],
            exchanges: ["GET /3 200"], losses: [.gap, .malformed], requests: 3, missing: (1, 0)),
    ]

    private static func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n" }
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test func timesAndLengths() throws {
        let item = Case(
            testDescription: "",
            turns: [
                ["POST / HTTP/1.1\r\nContent-", "Length: 3\r\n\r\nabc"],
                [Self.ok.prefix(20) + "", Self.ok.dropFirst(20) + ""],
            ],
            exchanges: [])
        // Segment n comes at n milliseconds, after the three of the handshake.
        let exchange = try #require(Place().events(item.segments).exchanges.first)
        #expect(exchange.request.passage.firstByte == Timestamp(nanoseconds: 4_000_000))
        #expect(exchange.request.passage.lastByte == Timestamp(nanoseconds: 5_000_000))
        #expect(exchange.reply.passage.firstByte == Timestamp(nanoseconds: 6_000_000))
        #expect(exchange.responseTime == .milliseconds(2))
        #expect(exchange.reply.passage.byteCount == Self.ok.utf8.count)
        let isWhole = exchange.request.bytes == Array(item.turns[0].joined().utf8)
        #expect(isWhole)
    }

    /// What waits for a missing piece is whole when the piece comes, and not before.
    @Test func aLateSegmentMakesTheReplyLate() throws {
        let item = Case(
            testDescription: "", turns: [[Self.get("/")], ["HTTP/1.1 200 OK\r\n", "Content-Length: 1\r\n", "\r\nx"]],
            exchanges: [])
        var segments = item.segments
        segments.swapAt(4, 6)
        let exchange = try #require(Place().events(segments).exchanges.first)
        #expect(exchange.reply.passage.lastByte == Timestamp(nanoseconds: 7_000_000))
        #expect(exchange.responseTime == .milliseconds(3))
    }

    /// The time between a refusal and the end of the body that it refuses is nobody's wait.
    @Test func anEarlyReplyTakesNoTime() throws {
        let item = Case(
            testDescription: "",
            turns: [
                ["POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na"], ["HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"],
                ["b"],
            ], exchanges: [])
        let exchange = try #require(Place().events(item.segments).exchanges.first)
        #expect(exchange.responseTime == .zero)
    }

    /// A server that resets the connection did not say that its reply was whole (RFC 9112, section 8).
    @Test func aResetIsNotTheEndOfAReply() {
        var segments = Case(
            testDescription: "", turns: [[Self.get("/")], ["HTTP/1.0 200 OK\r\n\r\nabc"]], exchanges: [], closes: false
        ).segments
        var reset = segments[segments.count - 1]
        reset.sequence &+= UInt32(reset.payload.count)
        (reset.payload, reset.flags, reset.turn) = ([], [.reset, .acknowledgement], nil)
        segments.append(reset)
        let events = Place().events(segments)
        #expect(events.exchanges.isEmpty && events.losses == [.cutOff] && events.closed == 1)
    }

    /// An idle connection is closed by the server while the client's next request is on its way.
    @Test(arguments: [true, false]) func aRequestThatMeetsTheServersEnd(_ clientEndsOrderly: Bool) {
        let item = Case(testDescription: "", turns: [[Self.get("/1")], [Self.ok], [Self.get("/2")]], exchanges: [])
        var segments = item.segments
        // The server's FIN goes before the second request, which is not answered.
        let end = segments.count - 3
        let request = segments.remove(at: end - 1)
        segments[end - 1].acknowledged = request.sequence
        segments.insert(request, at: end)
        if !clientEndsOrderly { segments[end + 1].flags = .reset }
        let events = Place().events(segments)
        #expect(events.exchanges.count == 1 && events.requests.count == 2 && events.losses == [.cutOff])
        #expect(events.closed == 1)
    }

    /// A client that asks on and on without waiting for an answer.
    @Test func pendingRequestsAreBounded() {
        var reader = HTTPReader(ReaderSetting(1, fromStart: true, payloadLimit: 1000))
        var events: [WireEvent] = []
        for number in 0..<100 {
            reader.client(Array(Self.get("/\(number)").utf8).span, at: Timestamp(nanoseconds: 0)) { events.append($0) }
        }
        let heard = Heard(events: events)
        #expect(heard.losses.count == 100 && heard.losses.first == .tooLarge && heard.requests.count < 50)
    }
}

extension HTTPConnectionTests.Case {
    /// Segments as given, without the missing one; the other side acknowledges all of them all the same.
    var segments: [Conversation.Segment] {
        var conversation = Conversation([])
        conversation.closes = false
        var random = SeededGenerator(0)
        var all = conversation.segments(.init(), &random)
        var client = conversation.clientStart &+ 1
        var server = conversation.serverStart &+ 1
        for (number, turn) in turns.enumerated() {
            for (place, text) in turn.enumerated() where !text.isEmpty {
                let isClient = number % 2 == 0
                let payload = Array(text.utf8)
                if missing?.turn != number || missing?.segment != place {
                    all.append(
                        Conversation.Segment(
                            side: isClient ? .client : .server, sequence: isClient ? client : server,
                            acknowledged: isClient ? server : client, flags: .acknowledgement, payload: payload,
                            turn: number))
                }
                if isClient { client &+= UInt32(payload.count) } else { server &+= UInt32(payload.count) }
            }
        }
        if closes { all += Conversation.farewell(client, server) }
        return all
    }
}
