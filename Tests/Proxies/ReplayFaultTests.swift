import Foundation
import Glibc
import Model
import OperatingSystem
import Proxies
import Synchronization
import Testing
import Wire

/// A server that misbehaves: what became of each request is told, and nothing else changes.
@Suite(.serialized) struct ReplayFaultTests {
    /// Answers by what the path asks for. Its port is what it prints first.
    private static let script = """
        import asyncio, os, socket, struct, sys
        OK = b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi'
        stuck = []
        async def serve(reader, writer):
            try:
                while True:
                    head = await reader.readuntil(b'\\r\\n\\r\\n')
                    path = head.split(b' ')[1]
                    if path == b'/die': os._exit(1)
                    if path == b'/reset':
                        s = writer.get_extra_info('socket')
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                        writer.transport.abort()
                        return
                    if path == b'/half': writer.write(OK[:-1]); writer.close(); return
                    if path == b'/rubbish': writer.write(bytes(range(256))); continue
                    if path == b'/late': await asyncio.sleep(0.3)
                    if path == b'/never': continue
                    if path == b'/stop': stuck.append(writer); reader._transport.pause_reading(); return
                    if path == b'/twice': writer.write(OK)
                    if path == b'/error': writer.write(OK.replace(b'200 OK', b'500 No')); continue
                    writer.write(OK)
            except (asyncio.IncompleteReadError, ConnectionError): writer.close()
        async def main():
            server = await asyncio.start_server(serve, '127.0.0.1', 0, backlog=8192)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        asyncio.run(main())
        """

    /// The server as a process of its own.
    private final class Server {
        let process: ChildProcess
        let port: UInt16

        init() throws {
            let path = "/tmp/whatif-replay-\(UUID().uuidString)"
            defer { unsafe unlink(path) }
            let output = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL)
            process = try ChildProcess(["python3", "-c", script], output: output.raw)
            let clock = SteadyClock()
            let deadline = clock.now + 20_000_000_000
            var found: UInt16?
            while found == nil, clock.now < deadline {
                let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
                if text.hasSuffix("\n") { found = UInt16(text.dropLast()) } else { usleep(5_000) }
            }
            port = try #require(found)
        }

        deinit { process.end() }
    }

    private struct Played {
        let requests: [ReplayedRequest]
        let outcomes: [Int: ReplayedRequest]
        let progress: ReplayLoop.Progress
        /// What a report is made of.
        var tally = ReplayTally()

        init(_ loop: ReplayLoop, until end: Timestamp) {
            requests = loop.outcome.requests
            outcomes = Dictionary(requests.map { ($0.key.number, $0) }, uniquingKeysWith: { first, _ in first })
            progress = loop.progress
            for request in requests { tally.add(request, until: end) }
        }
    }

    /// Runs a loop that `feed` gives so many requests, and waits until all have ended or the time is over.
    private func play(
        to server: Server, _ setting: InProxySetting = InProxySetting(), within seconds: Double,
        _ feed: (ReplayLoop, SteadyClock) throws -> Int
    ) throws -> Played {
        let clock = SteadyClock()
        let loop = try ReplayLoop(
            setting, target: Endpoint(IPAddress(v4: 0x7f00_0001), server.port), source: nil, clock: clock)
        let thread = try WorkerThread("replay") { try loop.run() }
        let count = try feed(loop, clock)
        let deadline = clock.now + Int64(seconds * 1e9)
        while clock.now < deadline, !(loop.progress.sent >= count && loop.progress.isDrained) { usleep(2_000) }
        loop.stop()
        try thread.join()
        return Played(loop, until: Timestamp(nanoseconds: clock.now))
    }

    /// Plays one request a connection.
    private func play(
        _ paths: [String], to server: Server, _ setting: InProxySetting = InProxySetting(), sharing: Bool = false,
        every interval: Duration = .milliseconds(1), within seconds: Double = 1.5
    ) throws -> Played {
        try play(to: server, setting, within: seconds) { loop, clock in
            let start = Timestamp(nanoseconds: clock.now) + .milliseconds(20)
            let items = paths.enumerated().map { number, path in
                let id = sharing ? 0 : UInt64(number)
                let bytes = Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                return ReplayInput.item(
                    ReplayItem(
                        connection: id, due: start + interval * number,
                        kind: .request(RecordedRequest(RequestKey(connection: id, number: number), bytes))))
            }
            #expect(loop.inputs.put(contentsOf: items) == 0)
            return paths.count
        }
    }

    private func kind(_ request: ReplayedRequest?) -> String {
        switch request?.outcome {
        case .answered(let status, _, _): "\(status)"
        case .cutOff: "cut off"
        case .malformed: "malformed"
        case .waiting: "waiting"
        case .dropped: "dropped"
        case nil: "not told"
        }
    }

    /// Whatever happens on one connection, those beside it are answered.
    @Test func eachFaultIsToldAndTouchesNoOther() throws {
        let server = try Server()
        let paths = ["/", "/reset", "/", "/half", "/rubbish", "/late", "/never", "/", "/error", "/"]
        let played = try play(paths, to: server)
        let (outcomes, progress) = (played.outcomes, played.progress)
        #expect(
            paths.indices.map { kind(outcomes[$0]) } == [
                "200", "cut off", "200", "cut off", "malformed", "200", "waiting", "200", "500", "200",
            ])
        let late = try #require(outcomes[5]?.responseTime(until: .distantFuture))
        #expect(late >= .milliseconds(300))
        #expect(progress.sent == paths.count && progress.waiting == 1)
        let (tally, account) = (played.tally, played.tally.account)
        #expect(account.captured == 10 && account.sent == 10 && account.answered == 6 && account.unanswered == 1)
        #expect(tally.cutOff == 2 && tally.malformed == 1 && account.failed == 3 && account.dropped == 0)
        // Late counts as late: the longest wait is that of the one without a reply.
        #expect(try #require(tally.responseTimes.maximum) >= 0.3)
    }

    @Test func twoAnswersAreOneAndTheConnectionIsNotUsedAgain() throws {
        let server = try Server()
        let played = try play(
            ["/twice", "/", "/error", "/"], to: server, sharing: true, every: .milliseconds(200))
        #expect((0..<4).map { kind(played.outcomes[$0]) } == ["200", "200", "500", "200"])
        #expect(played.tally.account.answered == 4 && played.tally.account.failed == 0)
    }

    /// A server that dies: what was under way is cut off, and what is due later is refused.
    @Test func aServerThatDies() throws {
        let server = try Server()
        let played = try play(["/", "/never", "/die"] + Array(repeating: "/", count: 20), to: server)
        let outcomes = played.outcomes
        #expect(kind(outcomes[0]) == "200" && kind(outcomes[1]) == "cut off" && kind(outcomes[2]) == "cut off")
        #expect(outcomes.count == 23 && (10..<23).allSatisfy { ["cut off", "200"].contains(kind(outcomes[$0])) })
        #expect(kind(outcomes[22]) == "cut off")
        #expect(played.tally.account.captured == 23 && played.tally.account.unanswered == 0)
        #expect(played.tally.cutOff == 23 - played.tally.account.answered && played.tally.cutOff >= 15)
        server.process.wait()
    }

    /// A server that stops reading: memory stays bounded, and what is dropped is counted.
    @Test func aServerThatStopsReading() throws {
        let server = try Server()
        var setting = InProxySetting(whenBusy: .wait)
        setting.waitingLimit = 4_000
        let played = try play(
            ["/stop"] + Array(repeating: "/", count: 500), to: server, setting, sharing: true, within: 1)
        let account = played.tally.account
        #expect(played.outcomes.count == 501 && account.dropped > 300 && account.unanswered > 10)
        #expect(account.captured == 501 && account.dropped + account.unanswered == 501 && account.answered == 0)
        #expect(played.progress.sent == 1 && account.sent == 1)
    }

    @Test func tenThousandConnectionsAtOnce() throws {
        let server = try Server()
        let played = try play(Array(repeating: "/", count: 10_000), to: server, every: .zero, within: 60)
        let account = played.tally.account
        #expect(account.captured == 10_000 && account.sent == 10_000 && account.answered == 10_000)
        #expect(account.failed == 0 && account.unanswered == 0 && account.dropped == 0)
    }

    /// The machine's clock is set, far forward and later far back, while live traffic is played: the loop's own clock is
    /// the real one, and stamps are what a machine would stamp. Each request leaves a time shift after it was heard.
    @Test func theClockIsSet() throws {
        let server = try Server()
        let onLine = Endpoint(IPAddress(v4: 0x0a00_0001), 80)
        let shift = Duration.milliseconds(60)
        var heard: [Timestamp] = []
        let played = try play(to: server, within: 10) { loop, clock in
            let start = Timestamp(nanoseconds: clock.now)
            let skew = { (time: Timestamp) -> Int64 in
                let since = time - start
                return since < .milliseconds(100) ? 0 : since < .milliseconds(200) ? 7_200_000_000_000 : -5_000_000_000
            }
            let reading = {
                let now = clock.now
                return SteadyClock.Reading(now: now, skew: skew(Timestamp(nanoseconds: now)))
            }
            var packetClock = PacketClock(reading())
            var dissector = Dissector([WatchedServer(onLine, .http)])
            var schedule = LiveSchedule(of: onLine, ReplayShape(), shift: shift)
            var connection = HeardConnection(1, to: onLine, at: start)
            for number in 0..<30 { connection.exchange("/\(number)", at: start + .milliseconds(number * 10 + 5)) }
            heard = connection.packets.filter { $0.segment.destination == onLine && !$0.bytes.isEmpty }.map(\.time)
            var inputs: [ReplayInput] = []
            for packet in connection.packets {
                // The packet is there when its time has come.
                while Timestamp(nanoseconds: clock.now) < packet.time { usleep(500) }
                packetClock.note(reading())
                let time = packetClock.time(of: Timestamp(nanoseconds: packet.time.nanoseconds + skew(packet.time))) {
                    reading()
                }
                dissector.accept(packet.segment, packet.bytes.span, at: time) { schedule.take($0, into: &inputs) }
                _ = loop.inputs.put(contentsOf: inputs)
                inputs = []
            }
            #expect(schedule.captured == 30 && schedule.lost == 0)
            return 30
        }
        let account = played.tally.account
        #expect(account.captured == 30 && account.sent == 30 && account.answered == 30 && account.mismatched == 0)
        let requests = played.requests.sorted { $0.key.number < $1.key.number }
        #expect(requests.map(\.due) == heard.map { $0 + shift })
        // None before its time, and so none at once with others.
        #expect(requests.allSatisfy { $0.sent ?? .distantPast >= $0.due })
    }
}
