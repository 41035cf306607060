import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// The out-proxy's sockets: waits that end, many connections at once, and one that does not read.
@Suite(.serialized) struct AnswerSideTests {
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
        let deadline = clock.now + 60_000_000_000
        while clock.now < deadline, !isTrue() { usleep(1_000) }
    }

    /// Sends the question on a connection of its own.
    private func ask(_ port: UInt16, _ clock: SteadyClock) throws -> Descriptor {
        let socket = try Sockets.connect(to: OutProxy.loopback, port)
        wait(clock) { Sockets.send(socket, Self.asked, from: 0) == Self.asked.count }
        return socket
    }

    private func answer(_ socket: Descriptor, _ clock: SteadyClock) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        wait(clock) {
            if case .bytes(let count, _) = Sockets.receive(socket, into: &buffer) {
                text = String(decoding: buffer[..<count], as: UTF8.self)
            }
            return !text.isEmpty
        }
        return text
    }

    /// Questions ahead of the recording: one is answered when its answer is recorded, the other when the recording has
    /// passed it. A third waits until its deadline.
    @Test func whatWaitsIsAnsweredWhenTheRecordingGrows() throws {
        let clock = SteadyClock()
        var policy = AnswerPolicy()
        policy.wait = .seconds(8)
        try OutProxy.serving(.http, [], policy, heard: .distantPast) { port, loop in
            let first = try ask(port, clock)
            wait(clock) { loop.progress.answers.waited == 1 }
            for exchange in Self.recorded(2, delay: 0) {
                loop.inputs.put(
                    .exchange(
                        RecordedExchange(tier: OutProxy.tier, connection: 1, exchange), history: false))
            }
            #expect(answer(first, clock).hasSuffix("\r\n\r\nxx"))
        }
        try OutProxy.serving(.http, [], policy, heard: .distantPast) { port, loop in
            let second = try ask(port, clock)
            wait(clock) { loop.progress.answers.waited == 1 }
            loop.inputs.put(.heard(.distantFuture))
            #expect(answer(second, clock).hasPrefix("HTTP/1.1 502"))
        }
        policy.wait = .milliseconds(30)
        try OutProxy.serving(.http, [], policy, heard: .distantPast) { port, loop in
            let start = clock.now
            let third = try ask(port, clock)
            #expect(answer(third, clock).hasPrefix("HTTP/1.1 502"))
            #expect(clock.now - start >= 30_000_000)
        }
    }

    /// What one tier answered is no answer of another.
    @Test func tiersAreKeptApart() throws {
        let clock = SteadyClock()
        let ports = [OutProxy.nextPort(), OutProxy.nextPort()]
        let points = zip(ports, ["a", "b"]).map {
            AnswerPoint(Endpoint(IPAddress(v4: OutProxy.loopback), $0), .http, tier: $1)
        }
        let loop = try ReplayLoop(
            target: Endpoint(IPAddress(v4: OutProxy.loopback), 1), source: nil, answerPoints: points, clock: clock)
        for exchange in Self.recorded(2, delay: 0) {
            for tier in ["b", "unknown"] {
                loop.inputs.put(.exchange(RecordedExchange(tier: tier, connection: 1, exchange), history: false))
            }
        }
        loop.inputs.put(.heard(.distantFuture))
        let thread = try WorkerThread("out-proxy") { try loop.run() }
        defer {
            loop.stop()
            try? thread.join()
        }
        for port in ports { try OutProxy.waitUntilListening(port, clock) }
        let sockets = try ports.map { try ask($0, clock) }
        #expect(answer(sockets[0], clock).hasPrefix("HTTP/1.1 502"))
        #expect(answer(sockets[1], clock).hasSuffix("xx"))
    }

    /// The capture missed some of what a next tier was asked: what is left answers, by the same question with other
    /// values, by the next in the session, or not at all, as the policy says; the account tells which.
    @Test func aRecordingWithHoles() throws {
        let clock = SteadyClock()
        let next = Endpoint(IPAddress(v4: 0x0a00_0003), 80)
        var connection = HeardConnection(1, to: next, at: Recorded.at(0))
        connection.exchange("/items/1", at: Recorded.at(10))
        connection.exchange("/items/2", at: Recorded.at(20), requestIsHeard: false)
        connection.exchange("/rare", at: Recorded.at(30), replyIsHeard: false)
        connection.exchange("/list", at: Recorded.at(40))
        connection.exchange("/last", at: Recorded.at(50))
        connection.close(at: Recorded.at(60))
        var dissector = Dissector([WatchedServer(next, .http)])
        var exchanges: [Exchange] = []
        for packet in connection.packets {
            dissector.accept(packet.segment, packet.bytes.span, at: packet.time) {
                if case .exchange(_, let exchange) = $0 { exchanges.append(exchange) }
            }
        }
        #expect(exchanges.count == 3)
        for match in [AnswerMatch.nearest, .template] {
            var policy = AnswerPolicy()
            policy.match = match
            try OutProxy.serving(.http, exchanges, policy) { port, loop in
                let asked = ["items/1", "items/2", "rare", "last"].map { "http://127.0.0.1:\(port)/\($0)" }
                let result = try ChildProcess.run(
                    ["curl", "-sS", "--max-time", "60", "-H", "Host: a", "-w", " %{http_code}\n"] + asked)
                let lines = result.output.split(separator: "\n").map(String.init)
                #expect(
                    lines.filter { $0.hasSuffix("hi 200") }.count == (match == .nearest ? 4 : 3), "\(result.output)")
                #expect(result.output.contains(" 502\n") == (match == .template))
                wait(clock) { loop.progress.answers.total == 4 }
                let account = loop.progress.answers
                #expect(account.exact == 2 && account.template == 1)
                #expect(
                    account.nearest == (match == .nearest ? 1 : 0) && account.unmatched == (match == .nearest ? 0 : 1))
            }
        }
    }

    /// 3,000 connections with a question each, all of them waiting for their time.
    @Test func thousandsOfConnectionsAreAnswered() throws {
        let clock = SteadyClock()
        let count = 3_000
        try OutProxy.serving(.http, Self.recorded(2, delay: 50)) { port, loop in
            var sockets: [Descriptor] = []
            for _ in 0..<count {
                sockets.append(try ask(port, clock))
            }
            wait(clock) { loop.progress.answers.exact == count }
            #expect(loop.progress.answers.exact == count)
            for socket in sockets { #expect(answer(socket, clock).hasSuffix("xx")) }
        }
    }

    /// The bound holds for each connection by itself; the others are answered.
    @Test func aConnectionThatIsNotReadIsClosedAndCounted() throws {
        let clock = SteadyClock()
        var policy = AnswerPolicy()
        policy.unsentLimit = 1 << 20
        policy.keepsDelay = false
        try OutProxy.serving(.http, Self.recorded(1 << 20, delay: 0), policy) { port, loop in
            let socket = try ask(port, clock)
            for _ in 0..<64 { _ = Sockets.send(socket, Self.asked, from: 0) }
            wait(clock) { loop.progress.answers.overrun == 1 }
            #expect(loop.progress.answers.overrun == 1)
            let other = try ChildProcess.run([
                "curl", "-sS", "--max-time", "60", "-o", "/dev/null", "-w", "%{size_download}", "-H", "Host: x",
                "http://127.0.0.1:\(port)/a",
            ])
            #expect(other.output == "1048576", "\(other.errors)")
        }
    }
}
