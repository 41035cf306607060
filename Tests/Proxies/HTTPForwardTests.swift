import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// A server of HTTP answers what nothing recorded does.
@Suite(.serialized) struct HTTPForwardTests {
    /// Counts what it was asked; its connections end after some answers, and some answers end with them.
    private static let program = """
        import http.server, sys
        class H(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            count = 0
            def do_POST(self):
                H.count += 1
                body = self.rfile.read(int(self.headers['Content-Length']))
                self.answer(b'took ' + body)
            def do_GET(self): self.answer(b'count %d' % H.count)
            def answer(self, body):
                self.send_response(200)
                if self.path == '/open': self.send_header('Connection', 'close')
                else: self.send_header('Content-Length', str(len(body)))
                if self.path == '/last': self.send_header('Connection', 'close')
                self.end_headers()
                self.wfile.write(body)
                if self.path == '/rude': self.close_connection = True
            def log_message(self, *a): pass
        http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()
        """

    private func curl(_ port: UInt16, _ arguments: String...) throws -> String {
        let arguments = arguments.map { $0.replacing("URL", with: "http://127.0.0.1:\(port)") }
        return try ChildProcess.run(["curl", "-sS", "--max-time", "60", "-H", "Host: x"] + arguments).output
    }

    private static func get(_ target: String) -> [UInt8] { Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8) }

    private static let recorded = Recorded.exchanges(
        .http, [.client(get("/a")), .server(Array("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nrecorded".utf8))])

    @Test func whatIsNotRecordedIsAskedAndItsConnectionsAreOneLikeAnother() throws {
        let server = try TestServer("exec /usr/bin/python3 -c '\(Self.program.replacing("'", with: "'\\''"))' \"$2\"")
        defer { server.end() }
        try server.wait { server in _ = try Dialogue(.http, server.port) }
        let post = Recorded.exchanges(
            .http,
            [
                .client(Array("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na".utf8)),
                .server(Array("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone".utf8)),
            ])
        try Forwarding.serving(.http, Self.recorded + post, to: server.port) { port, loop in
            // What the recording answers has been done too.
            let said = try curl(port, "-d", "a", "URL/p", "--next", "-sS", "-H", "Host: x", "URL/a", "URL/b")
            #expect(said == "donerecordedcount 1")
            #expect(try curl(port, "URL/last", "URL/open", "URL/rude", "URL/rude", "URL/c").hasPrefix("count 1count 1"))
            #expect(try curl(port, "-H", "Expect: 100-continue", "-d", "body", "URL/q") == "took body")
            let answers = Forwarding.answers(loop, of: 9)
            #expect(answers.exact == 2 && answers.forwarded + answers.unmatched == 7, "\(answers)")
            #expect(answers.unmatched <= 2, "\(answers)")
        }
    }

    /// Clones boot together: the first question comes before there is anybody to ask.
    @Test func aServerMayComeLater() throws {
        let clock = SteadyClock()
        let later = UInt16.random(in: 16_000...19_999)
        try Forwarding.serving(.http, to: later) { port, loop in
            let socket = try Sockets.connect(to: OutProxy.loopback, port)
            Forwarding.wait { Sockets.send(socket, Self.get("/a"), from: 0) == Self.get("/a").count }
            // Until it has found nobody.
            Forwarding.wait { loop.progress.forwardFailure != nil }
            let server = try ReplayLoop(
                target: Endpoint(IPAddress(v4: OutProxy.loopback), 1), source: nil,
                answerPoints: [AnswerPoint(Endpoint(IPAddress(v4: OutProxy.loopback), later), .http, tier: "late")],
                clock: clock)
            for exchange in Self.recorded {
                server.inputs.put(.exchange(RecordedExchange(tier: "late", connection: 1, exchange), history: false))
            }
            server.inputs.put(.heard(.distantFuture))
            let thread = try WorkerThread("late") { try server.run() }
            defer {
                server.stop()
                try? thread.join()
            }
            #expect(Forwarding.answers(loop, of: 1).forwarded == 1)
        }
    }

    @Test func nobodyIsWaitedForWithoutEnd() throws {
        let nowhere = UInt16.random(in: 16_000...19_999)
        try Forwarding.serving(.http, Self.recorded, to: nowhere, patience: .milliseconds(50)) { port, loop in
            let said = try curl(port, "URL/b", "URL/a")
            #expect(said.hasSuffix("recorded"))
            let answers = Forwarding.answers(loop, of: 2)
            #expect(answers.exact == 1 && answers.unmatched == 1)
        }
    }
}
