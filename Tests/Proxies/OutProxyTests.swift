import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// The out-proxy on loopback, asked by real clients: psql (simple and extended queries) is the oracle of the protocol.
@Suite struct OutProxyTests {
    private static let loopback: UInt32 = 0x7f00_0001

    /// Runs `body` with a loop that answers from `rounds` on a free port.
    private func serving(
        _ rounds: [PostgreSQLRound], _ body: (UInt16, ReplayLoop) throws -> Void
    ) throws {
        let clock = SteadyClock()
        let port = UInt16.random(in: 20_000...29_000)
        let loop = try ReplayLoop(
            target: Endpoint(IPAddress(v4: Self.loopback), 1), source: nil,
            answerPoints: [AnswerPoint(address: Self.loopback, port: port)], clock: clock)
        for round in rounds { loop.inputs.put(.round(round, history: false)) }
        let thread = try WorkerThread("out-proxy") { try loop.run() }
        defer {
            loop.stop()
            try? thread.join()
        }
        try body(port, loop)
    }

    private func psql(_ port: UInt16, _ sql: String) throws -> ProgramResult {
        try ChildProcess.run([
            "psql", "-X", "-A", "-t", "-d", "host=127.0.0.1 port=\(port) user=u dbname=d connect_timeout=5", "-c", sql,
        ])
    }

    @Test func psqlGetsTheRecordedAnswerWithoutASecret() throws {
        try serving([RecordingTests.round("SELECT v FROM t", at: 0, says: "recorded")]) { port, loop in
            let result = try psql(port, "SELECT v FROM t")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output == "recorded\n")
            #expect(loop.progress.answers.exact == 1)
        }
    }

    @Test func anotherValueIsAnsweredByTemplateAndCounted() throws {
        try serving([RecordingTests.round("SELECT v FROM t WHERE id = 1", at: 0, says: "one")]) { port, loop in
            let result = try psql(port, "SELECT v FROM t WHERE id = 7")
            #expect(result.output == "one\n", "\(result.errors)")
            #expect(loop.progress.answers.template == 1)
        }
    }

    @Test func anUnknownStatementIsAnErrorThatDoesNotRepeatIt() throws {
        try serving([]) { port, loop in
            let result = try psql(port, "SELECT secret FROM vault")
            #expect(result.status != 0)
            #expect(result.errors.contains("no recorded answer"))
            #expect(!result.errors.contains("vault"))
            #expect(loop.progress.answers.unmatched == 1)
        }
    }

    /// psycopg is a real extended-protocol client: Parse, Bind, Describe, Execute, Sync.
    @Test func anExtendedClientGetsItsRow() throws {
        let program = """
            import socket, struct, sys
            def msg(t, b): return t + struct.pack('!i', len(b) + 4) + b
            s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)
            b = struct.pack('!i', 196608) + b'user\\0u\\0\\0'
            s.sendall(struct.pack('!i', len(b) + 4) + b)
            sql = b'SELECT v FROM t WHERE id = $1\\0'
            s.sendall(msg(b'P', b'\\0' + sql + b'\\0\\0')
                + msg(b'B', b'\\0\\0\\0\\0' + b'\\0\\1' + struct.pack('!i', 1) + b'7' + b'\\0\\0')
                + msg(b'D', b'P\\0') + msg(b'E', b'\\0\\0\\0\\0\\0') + msg(b'S', b''))
            data, kinds, ready = b'', '', 0
            while ready < 2:
                data += s.recv(65536)
                kinds, rest, ready = '', data, 0
                while len(rest) >= 5 and len(rest) > struct.unpack('!i', rest[1:5])[0]:
                    n = struct.unpack('!i', rest[1:5])[0]
                    kinds += rest[:1].decode(); ready += rest[:1] == b'Z'
                    rest = rest[n + 1:]
            print(kinds.split('Z')[1])
            """
        try serving([RecordingTests.round("SELECT v FROM t WHERE id = $1", ["7"], at: 0, says: "x")]) { port, loop in
            let result = try ChildProcess.run(["python3", "-c", program, "\(port)"])
            #expect(result.output == "12TDC\n", "\(result.errors)")
            #expect(loop.progress.answers.exact == 1)
        }
    }

    /// The recorded delay is kept: the answer is due no earlier than it came on-line.
    @Test func theRecordedDelayIsKept() throws {
        var session = PostgreSQLServerSession(timeShift: .zero)
        var recording = Recording()
        var account = AnswerAccount()
        recording.add(RecordingTests.round("SELECT v", at: 0, says: "x", delay: 40))
        let now = Timestamp(nanoseconds: 5_000_000)
        let startup: [UInt8] = [0, 0, 0, 8, 0, 3, 0, 0]
        let query = PostgreSQLMessage("Q", Array("SELECT v".utf8) + [0]).bytes
        let replies = session.received((startup + query).span, at: now, recording: &recording, account: &account)
        #expect(replies.count == 2)
        #expect(replies.first?.due == now)
        #expect(replies.last?.due == now + .milliseconds(40))
    }

    @Test func damagedMessagesCloseTheConnection() {
        var random = SystemRandomNumberGenerator()
        var recording = Recording()
        var account = AnswerAccount()
        recording.add(RecordingTests.round("SELECT v", at: 0, says: "x"))
        for _ in 0..<2000 {
            var session = PostgreSQLServerSession(timeShift: .zero)
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let startup: [UInt8] = Bool.random(using: &random) ? [0, 0, 0, 8, 0, 3, 0, 0] : []
            _ = session.received(
                (startup + bytes).span, at: Timestamp(nanoseconds: 0), recording: &recording, account: &account)
        }
    }

    @Test func aPortInUseSaysSo() throws {
        let port = UInt16.random(in: 29_001...32_000)
        let first = try Sockets.listen(Self.loopback, port)
        let error = try #require(throws: SystemError.self) { try Sockets.listen(Self.loopback, port) }
        withExtendedLifetime(first) {}
        #expect(error.description == "cannot listen on 127.0.0.1:\(port): Address already in use")
    }
}

/// A body of 70,000 bytes and a slow reader: what cannot be sent at once is sent later, whole.
@Suite struct ReplayLoopTests {
    @Test func requestsReachARealServerAtTheirTime() throws {
        let clock = SteadyClock()
        let port = UInt16.random(in: 32_001...32_700)
        let server = try ChildProcess([
            "python3", "-c",
            """
            import http.server, sys
            class H(http.server.BaseHTTPRequestHandler):
                protocol_version = 'HTTP/1.1'
                def do_POST(self):
                    n = len(self.rfile.read(int(self.headers['Content-Length'])))
                    body = str(n).encode()
                    self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
                    self.wfile.write(body)
                def log_message(self, *a): pass
            http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()
            """, "\(port)",
        ])
        defer { server.end() }
        try waitUntilListening(port, clock)

        let loop = try ReplayLoop(target: Endpoint(IPAddress(v4: 0x7f00_0001), port), source: nil, clock: clock)
        let thread = try WorkerThread("replay") { try loop.run() }
        let start = Timestamp(nanoseconds: clock.now) + .milliseconds(20)
        let body = [UInt8](repeating: 0x61, count: 70_000)
        let request = Array("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
        for number in 0..<10 {
            loop.inputs.put(
                .item(
                    ReplayItem(
                        connection: UInt64(number % 2), due: start + .milliseconds(number * 5),
                        kind: .request(
                            RecordedRequest(RequestKey(connection: UInt64(number % 2), number: number), request)))))
        }
        let deadline = clock.now + 10_000_000_000
        while clock.now < deadline, loop.progress.answered < 10 { usleep(2_000) }
        loop.stop()
        try thread.join()
        let log = loop.outcome.requests
        #expect(log.count == 10)
        for request in log {
            guard case .answered(200, _, let time) = request.outcome, let sent = request.sent else {
                Issue.record("\(request.outcome)")
                continue
            }
            #expect(sent >= request.due && time > sent)
        }
    }

    private func waitUntilListening(_ port: UInt16, _ clock: SteadyClock) throws {
        let deadline = clock.now + 10_000_000_000
        while clock.now < deadline {
            let socket = try Sockets.connect(to: 0x7f00_0001, port)
            var polled = pollfd(fd: socket.raw, events: Int16(POLLOUT), revents: 0)
            unsafe poll(&polled, 1, 200)
            if Sockets.error(of: socket) == 0 { return }
            usleep(10_000)
        }
        Issue.record("the server does not listen")
    }
}
