import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// A body of 70,000 bytes and a slow reader: what cannot be sent at once is sent later, whole.
@Suite struct ReplayLoopTests {
    @Test func requestsReachARealServerAtTheirTime() throws {
        let clock = SteadyClock()
        let port = OutProxy.nextPort()
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
        try OutProxy.waitUntilListening(port, clock)

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
        let deadline = clock.now + 60_000_000_000
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
}
