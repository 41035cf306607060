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

    /// Plays one request a connection and waits until all have ended or the time is over.
    private func play(
        _ paths: [String], to server: Server, _ setting: InProxySetting = InProxySetting(), sharing: Bool = false,
        every interval: Duration = .milliseconds(1), within seconds: Double = 1.5
    ) throws -> (outcomes: [Int: ReplayedRequest], progress: ReplayLoop.Progress) {
        let clock = SteadyClock()
        let loop = try ReplayLoop(
            setting, target: Endpoint(IPAddress(v4: 0x7f00_0001), server.port), source: nil, clock: clock)
        let thread = try WorkerThread("replay") { try loop.run() }
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
        let deadline = clock.now + Int64(seconds * 1e9)
        while clock.now < deadline, !(loop.progress.sent >= paths.count && loop.progress.isDrained) { usleep(2_000) }
        loop.stop()
        try thread.join()
        let outcomes = Dictionary(
            loop.outcome.requests.map { ($0.key.number, $0) }, uniquingKeysWith: { first, _ in first })
        return (outcomes, loop.progress)
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
        let (outcomes, progress) = try play(paths, to: server)
        #expect(
            paths.indices.map { kind(outcomes[$0]) } == [
                "200", "cut off", "200", "cut off", "malformed", "200", "waiting", "200", "500", "200",
            ])
        let late = try #require(outcomes[5]?.responseTime(until: .distantFuture))
        #expect(late >= .milliseconds(300))
        #expect(progress.sent == paths.count && progress.waiting == 1)
    }

    @Test func twoAnswersAreOneAndTheConnectionIsNotUsedAgain() throws {
        let server = try Server()
        let (outcomes, _) = try play(
            ["/twice", "/", "/error", "/"], to: server, sharing: true, every: .milliseconds(200))
        #expect((0..<4).map { kind(outcomes[$0]) } == ["200", "200", "500", "200"])
    }

    /// A server that dies: what was under way is cut off, and what is due later is refused.
    @Test func aServerThatDies() throws {
        let server = try Server()
        let (outcomes, _) = try play(["/", "/never", "/die"] + Array(repeating: "/", count: 20), to: server)
        #expect(kind(outcomes[0]) == "200" && kind(outcomes[1]) == "cut off" && kind(outcomes[2]) == "cut off")
        #expect(outcomes.count == 23 && (10..<23).allSatisfy { ["cut off", "200"].contains(kind(outcomes[$0])) })
        #expect(kind(outcomes[22]) == "cut off")
        server.process.wait()
    }

    /// A server that stops reading: memory stays bounded, and what is dropped is counted.
    @Test func aServerThatStopsReading() throws {
        let server = try Server()
        var setting = InProxySetting(whenBusy: .wait)
        setting.waitingLimit = 4_000
        let (outcomes, progress) = try play(
            ["/stop"] + Array(repeating: "/", count: 500), to: server, setting, sharing: true, within: 1)
        let kinds = Dictionary(grouping: outcomes.values.map { kind($0) }, by: { $0 }).mapValues(\.count)
        #expect(outcomes.count == 501 && kinds["dropped", default: 0] > 300 && kinds["waiting", default: 0] > 10)
        #expect(progress.sent == 1)
    }

    @Test func tenThousandConnectionsAtOnce() throws {
        let server = try Server()
        let (outcomes, _) = try play(
            Array(repeating: "/", count: 10_000), to: server, every: .zero, within: 60)
        let kinds = Dictionary(grouping: outcomes.values.map { kind($0) }, by: { $0 }).mapValues(\.count)
        #expect(kinds == ["200": 10_000])
    }
}
