import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// Many connections of the clone at once, and one that does not read.
@Suite(.serialized) struct AnswerLoadTests {
    private static let asked = Array("GET /a HTTP/1.1\r\nHost: x\r\n\r\n".utf8)

    private static func recorded(_ body: Int, delay: Int64) -> [Exchange] {
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: \(body)\r\n\r\n" + String(repeating: "x", count: body)
        return Recorded.exchanges(.http, [.client(asked), .server(Array(reply.utf8))]).map { exchange in
            var exchange = exchange
            exchange.reply.passage.lastByte = exchange.request.passage.lastByte + .milliseconds(delay)
            return exchange
        }
    }

    /// Until the other thread has done its part; a failure is told by what is expected of it then.
    private func wait(_ clock: SteadyClock, _ isTrue: () -> Bool) {
        let deadline = clock.now + 10_000_000_000
        while clock.now < deadline, !isTrue() { usleep(1_000) }
    }

    /// 3,000 connections with a question each, all of them waiting for their time.
    @Test func thousandsOfConnectionsAreAnswered() throws {
        let clock = SteadyClock()
        let count = 3_000
        try OutProxy.serving(.http, Self.recorded(2, delay: 50)) { port, loop in
            var sockets: [Descriptor] = []
            for _ in 0..<count {
                let socket = try Sockets.connect(to: OutProxy.loopback, port)
                wait(clock) { Sockets.send(socket, Self.asked, from: 0) == Self.asked.count }
                sockets.append(socket)
            }
            wait(clock) { loop.progress.answers.exact == count }
            #expect(loop.progress.answers.exact == count)
            for socket in sockets {
                wait(clock) { if case .bytes = Sockets.receive(socket) { true } else { false } }
            }
        }
    }

    /// The bound holds for each connection by itself; the others are answered.
    @Test func aConnectionThatIsNotReadIsClosedAndCounted() throws {
        let clock = SteadyClock()
        var policy = AnswerPolicy()
        policy.unsentLimit = 1 << 20
        policy.keepsDelay = false
        try OutProxy.serving(.http, Self.recorded(1 << 20, delay: 0), policy) { port, loop in
            let socket = try Sockets.connect(to: OutProxy.loopback, port)
            wait(clock) { Sockets.send(socket, Self.asked, from: 0) == Self.asked.count }
            for _ in 0..<64 { _ = Sockets.send(socket, Self.asked, from: 0) }
            wait(clock) { loop.progress.answers.overrun == 1 }
            #expect(loop.progress.answers.overrun == 1)
            let other = try ChildProcess.run([
                "curl", "-sS", "--max-time", "5", "-o", "/dev/null", "-w", "%{size_download}", "-H", "Host: x",
                "http://127.0.0.1:\(port)/a",
            ])
            #expect(other.output == "1048576", "\(other.errors)")
        }
    }
}
