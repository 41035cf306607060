import TestSupport
import Model
import Testing

@testable import Wire

/// One direction of HTTP/1 as values: what comes out of a text, however it is cut.
@Suite struct HTTPParserTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var role: HTTPParser.Role
        var text: String
        /// Messages that come out before the end, or before the text is refused.
        var messages: [String]
        /// Whether the whole text is taken, refused, or ends inside a message.
        var end = End.between
        /// Methods of the requests that the replies answer.
        var methods: [String] = []
        /// Bytes that belong to no message.
        var surplus = 0
    }

    enum End: Equatable { case between, refused, inside, closed, upgraded }

    /// Feeds the text in pieces.
    private func parse(_ item: Case, longest: Int, _ random: inout SeededGenerator) -> (
        messages: [String], length: Int, end: End
    ) {
        var parser = HTTPParser(item.role, keeping: item.role == .requests ? .all : .nothing)
        var messages: [String] = []
        var length = 0
        func take(_ message: HTTPParser.Message) {
            messages.append(message.status == 0 ? message.label : "\(message.status)")
            length += message.byteCount
            // A request that is replayed must be there to the byte.
            if item.role == .requests, message.bytes.count != message.byteCount { messages.append("bytes are missing") }
        }
        let time = Timestamp(nanoseconds: 5)
        do throws(HTTPFailure) {
            for piece in random.cut(Array(item.text.utf8), longest: longest) {
                var position = 0
                while let message = try parser.next(
                    Array(piece).span, from: &position, at: time,
                    answering: HTTPVerb(
                        label: (messages.count < item.methods.count ? item.methods[messages.count] : "GET") + " "))
                {
                    take(message)
                }
            }
        } catch {
            return (messages, length, .refused)
        }
        if messages.last == "101" { return (messages, length, .upgraded) }
        if parser.isBetweenMessages { return (messages, length, .between) }
        let before = messages.count
        parser.close().map(take)
        return (messages, length, messages.count > before ? .closed : .inside)
    }

    /// The same in one piece, in pieces, and byte by byte: "any cutting" for the parser alone.
    private func check(_ item: Case) {
        var random = SeededGenerator(1)
        for longest in [100_000, 40, 7, 1] {
            let (messages, length, end) = parse(item, longest: longest, &random)
            #expect(messages == item.messages, "in pieces of at most \(longest)")
            #expect(end == item.end, "in pieces of at most \(longest)")
            if end == .between || end == .closed { #expect(length == item.text.utf8.count - item.surplus) }
        }
    }

    @Test(arguments: requests) func readsRequests(_ item: Case) { check(item) }
    @Test(arguments: replies) func readsReplies(_ item: Case) { check(item) }

    private static func request(
        _ name: String, _ text: String, _ messages: [String], _ end: End = .between, surplus: Int = 0
    ) -> Case {
        Case(testDescription: name, role: .requests, text: text, messages: messages, end: end, surplus: surplus)
    }

    private static func reply(
        _ name: String, _ text: String, _ messages: [String], _ end: End = .between, to methods: [String] = []
    ) -> Case {
        Case(testDescription: name, role: .replies, text: text, messages: messages, end: end, methods: methods)
    }

    static let requests = [
        request("plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ["GET /"]),
        request("HTTP/1.0 without a header", "GET /a HTTP/1.0\r\n\r\n", ["GET /a"]),
        request("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", ["GET /"]),
        request("empty lines before", "\r\n\n\r\nGET / HTTP/1.1\r\n\r\n", ["GET /"], surplus: 5),
        request("absolute target", "GET http://a/b HTTP/1.1\r\n\r\n", ["GET http://a/b"]),
        request("asterisk", "OPTIONS * HTTP/1.1\r\n\r\n", ["OPTIONS *"]),
        request("authority", "CONNECT a:443 HTTP/1.1\r\n\r\n", ["CONNECT a:443"]),
        request("a method of one's own", "PROPFIND-x /a HTTP/1.1\r\n\r\n", ["PROPFIND-x /a"]),
        request("length", "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd", ["POST /"]),
        request("length of nothing", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", ["POST /"]),
        request(
            "body that looks like a request",
            "PUT /x HTTP/1.1\r\ncontent-length:19\r\n\r\nGET / HTTP/1.1\r\n\r\n!", ["PUT /x"]),
        request(
            "name in any case, blanks around the value",
            "PUT /x HTTP/1.1\r\ncOnTeNt-LeNgTh: \t 2 \t\r\n\r\nab", ["PUT /x"]),
        request(
            "length said twice alike", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            ["POST /"]),
        request("list of equal lengths", "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", ["POST /"]),
        request("leading zeros", "POST / HTTP/1.1\r\nContent-Length: 0002\r\n\r\nab", ["POST /"]),
        request(
            "pipelined", "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\n\r\n",
            ["GET /1", "POST /2", "GET /3"]),
        request(
            "chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            ["POST /"]),
        request(
            "chunk extensions and trailers",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\nx\r\n0;z\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
            ["POST /"]),
        request(
            "chunks with bare line feeds", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n2\nab\n0\n\n", ["POST /"]),
        request(
            "chunks override the length",
            "POST / HTTP/1.1\r\nContent-Length: 90\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            ["POST /"]),
        request(
            "codings in several lines",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ["POST /"]),
        request(
            "a folded coding (RFC 9112, 5.2)",
            "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", ["POST /"]),
        request(
            "identity is no coding",
            "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", ["POST /"]),
        request("a header without a colon", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", ["GET /"]),
        request("whole ones before a bad one", "GET /1 HTTP/1.1\r\n\r\nnonsense\r\n\r\n", ["GET /1"], .refused),
        request("cut in the head", "GET / HTTP/1.1\r\nHost", [], .inside),
        request("cut in the body", "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc", [], .inside),
        request("cut in a chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", [], .inside),
        request(
            "cut before the trailer's end", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n", [],
            .inside),
        request("HTTP/0.9", "GET /\r\n\r\n", [], .refused),
        request("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [], .refused),
        request("no target", "GET HTTP/1.1\r\n\r\n", [], .refused),
        request("not HTTP", "HELO example\r\n\r\n", [], .refused),
        request("two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", [], .refused),
        request("list of two lengths", "POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\nab", [], .refused),
        request("negative length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", [], .refused),
        request("length with a sign", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", [], .refused),
        request("hexadecimal length", "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na", [], .refused),
        request("length of no number", "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", [], .refused),
        request(
            "length beyond 64 bits", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", [], .refused),
        request("a coding whose end nobody knows", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", [], .refused),
        request(
            "chunked that is not the last coding",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\nContent-Length: 2\r\n\r\nab", [], .refused),
        request(
            "chunk size of no number", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", [], .refused),
        request(
            "chunk size with a sign", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", [],
            .refused),
        request(
            "chunk size beyond 60 bits",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", [], .refused),
    ]

    static let replies = [
        reply("length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ["200"]),
        reply("no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ["200"]),
        reply("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ["200"]),
        reply(
            "pipelined", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
            ["200", "404"]),
        reply("204 has no body", "HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n", ["204"]),
        reply("304 has no body", "HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", ["304"]),
        reply(
            "304 with a coding has none either", "HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", ["304"]),
        reply(
            "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            ["200", "200"], to: ["HEAD", "GET"]),
        reply(
            "interim and final",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n",
            ["100", "103", "201"]),
        reply("to the end", "HTTP/1.0 200 OK\r\n\r\nall there is", ["200"], .closed),
        reply("to the end, of nothing", "HTTP/1.0 200 OK\r\n\r\n", ["200"], .closed),
        reply(
            "a coding that only the end ends",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc", ["200"], .closed),
        reply("upgrade", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n\0\u{1}\u{2} not HTTP", ["101"], .upgraded),
        reply("CONNECT", "HTTP/1.1 200 OK\r\n\r\n", ["200"], to: ["CONNECT"]),
        reply("CONNECT refused", "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx", ["403"], to: ["CONNECT"]),
        reply("cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", [], .inside),
        reply("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", [], .refused),
        reply("not HTTP/1", "HTTP/2 200\r\n\r\n", [], .refused),
        reply("another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", [], .refused),
        reply("status of no number", "HTTP/1.1 abc\r\n\r\n", [], .refused),
        reply("status with a sign", "HTTP/1.1 +200 OK\r\nContent-Length: 0\r\n\r\n", [], .refused),
        reply("status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", [], .refused),
    ]

    @Test func headsAndChunkLinesAreBounded() {
        var parser = HTTPParser(.requests, keeping: .all)
        let long = Array(("GET / HTTP/1.1\r\nA: " + String(repeating: "x", count: HTTPParser.headLimit)).utf8)
        #expect(throws: HTTPFailure.tooLarge) {
            var position = 0
            _ = try parser.next(long.span, from: &position, at: Timestamp(nanoseconds: 0))
        }
        parser = HTTPParser(.requests, keeping: .all)
        let size = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 9000)
        #expect(throws: HTTPFailure.tooLarge) {
            var position = 0
            _ = try parser.next(Array(size.utf8).span, from: &position, at: Timestamp(nanoseconds: 0))
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1", true), ("POST /a", true), ("OPTIONS * ", true), ("CONNECT a:1", true), ("G", false),
        ("GET", false), ("GET ", false), ("", false), (" GET /", false), ("\0\0\0", false), ("{\"a\": 1}", false),
    ])
    func whatCanStartARequest(_ text: String, _ can: Bool) {
        #expect(HTTPParser.canStart(.requests, Array(text.utf8).span) == can)
    }

    @Test(arguments: [
        ("HTTP/1.1 200", true), ("HTTP/1.", true), ("H", true), ("HTTP/2", false), ("", false), ("xHTTP/1.1", false),
    ])
    func whatCanStartAReply(_ text: String, _ can: Bool) {
        #expect(HTTPParser.canStart(.replies, Array(text.utf8).span) == can)
    }
}
