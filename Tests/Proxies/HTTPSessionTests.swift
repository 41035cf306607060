import Model
import OperatingSystem
import Proxies
import Testing
import Wire

@Suite struct HTTPSessionTests {
    private static func ok(_ body: String, _ fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// One connection's exchanges, as texts of both sides.
    private static func exchanges(_ turns: [(String, String)]) -> [Exchange] {
        Recorded.exchanges(
            .http, turns.flatMap { [.client(Array($0.0.utf8)), .server(Array($0.1.utf8))] })
    }

    private func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: next\r\n\(fields)\r\n"
    }

    @Test func pipelinedRequestsAreAnsweredInTheirOrder() {
        var session = AskedSession(
            .http, Self.exchanges([(get("/a"), Self.ok("a")), (get("/b"), Self.ok("b")), (get("/c"), Self.ok("c"))]))
        #expect(session.say(get("/c") + get("/a") + get("/b")) == Self.ok("c") + Self.ok("a") + Self.ok("b"))
        #expect(session.account.exact == 3)
    }

    @Test func theBodyIsPartOfTheQuestion() {
        func post(_ body: String) -> String { "POST /x HTTP/1.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)" }
        var session = AskedSession(.http, Self.exchanges([(post("one"), Self.ok("1")), (post("two"), Self.ok("2"))]))
        #expect(session.say(post("two")) == Self.ok("2"))
        #expect(session.account.exact == 1)
        #expect(session.say(post("three")) != "")
        #expect(session.account.template == 1)
    }

    @Test(arguments: [
        ("GET /a HTTP/1.0\r\n\r\n", true), ("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false),
        ("GET /a HTTP/1.1\r\nConnection: x, close\r\n\r\n", true), ("GET /a HTTP/1.1\r\n\r\n", false),
    ])
    func theConnectionIsKeptAsTheRequestSays(_ request: String, _ closes: Bool) {
        var session = AskedSession(.http, Self.exchanges([("GET /a HTTP/1.1\r\n\r\n", Self.ok("a"))]))
        #expect(session.ask(Array(request.utf8)).last?.closes == closes)
    }

    /// A reply that was framed by the end of the connection is framed so again.
    @Test func aReplyWithoutLengthEndsTheConnection() {
        var session = AskedSession(.http, Self.exchanges([(get("/a"), "HTTP/1.1 200 OK\r\n\r\nall there is")]))
        let replies = session.ask(Array(get("/a").utf8))
        #expect(replies.count == 1 && replies[0].closes)
    }

    @Test func aRequestThatNothingAnswersIsABadGatewayAndSaysNothingOfIt() {
        var session = AskedSession(.http)
        let reply = session.say(get("/secret?token=7"))
        #expect(reply.hasPrefix("HTTP/1.1 502 ") && !reply.contains("secret") && !reply.contains("7\r"))
        #expect(session.account.unmatched == 1)
    }

    @Test(arguments: ["\u{1}\u{2}\r\n\r\n", "GET /a HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET /a SPDY/3\r\n\r\n"])
    func malformedRequestsCloseWithAnError(_ text: String) {
        var session = AskedSession(.http, Self.exchanges([(get("/a"), Self.ok("a"))]))
        let replies = session.ask(Array((text + get("/a")).utf8))
        #expect(replies.count == 1 && replies[0].closes)
        #expect(String(decoding: replies.flatMap(\.bytes), as: UTF8.self).hasPrefix("HTTP/1.1 400 "))
        #expect(session.ask(Array(get("/a").utf8)).isEmpty)
    }

    /// curl is the oracle: two requests on one connection, HEAD, a chunked reply, and a body it asks leave for.
    @Test func curlIsAnswered() throws {
        let agent = "Host: 127.0.0.1\r\n\r\n"
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        let body = String(repeating: "x", count: 2_000)
        let exchanges = Self.exchanges([
            ("GET /plain HTTP/1.1\r\n\(agent)", Self.ok("plain;")), ("GET /chunked HTTP/1.1\r\n\(agent)", chunked),
            ("HEAD /plain HTTP/1.1\r\n\(agent)", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"),
            ("POST /in HTTP/1.1\r\nContent-Length: 2000\r\n\(agent)\(body)", Self.ok("taken")),
        ])
        try OutProxy.serving(.http, exchanges) { port, loop in
            let base = "http://127.0.0.1:\(port)"
            func curl(_ arguments: [String]) throws -> ProgramResult {
                // The port is another in each run, and the host is part of the question.
                try ChildProcess.run(["curl", "-sS", "--max-time", "60", "-H", "Host: 127.0.0.1"] + arguments)
            }
            let two = try curl([base + "/plain", base + "/chunked", "-w", "[%{num_connects}]"])
            #expect(two.output == "plain;[1]abcde[0]", "\(two.errors)")
            #expect(try curl(["-I", base + "/plain"]).output.contains("Content-Length: 6"))
            #expect(try curl(["-H", "Expect: 100-continue", "-d", body, base + "/in"]).output == "taken")
            #expect(Forwarding.answers(loop, of: 4).exact == 4)
        }
    }
}
