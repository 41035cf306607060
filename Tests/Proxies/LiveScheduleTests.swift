import Model
import Proxies
import Testing
import Wire

/// What the wire says becomes what is replayed, each request once: heard or lost.
@Suite struct LiveScheduleTests {
    private static let server = Endpoint(IPAddress(v4: 0x0a00_0001), 80)
    private static let client = Endpoint(IPAddress(v4: 0x0a00_0002), 4000)

    private func at(_ milliseconds: Int) -> Timestamp { Timestamp(nanoseconds: Int64(milliseconds) * 1_000_000) }

    private func request(_ number: Int, _ time: Int, _ label: String = "", cookie: String? = nil) -> Request {
        Request(
            number: number, passage: Passage(firstByte: at(time), lastByte: at(time), byteCount: 1), key: 0,
            label: label,
            bytes: cookie.map { Array("\(label) HTTP/1.1\r\nCookie: sid=\($0)\r\n\r\n".utf8) } ?? [UInt8(number)])
    }

    private func exchange(_ number: Int, _ asked: Int, _ answered: Int) -> Exchange {
        Exchange(
            .http, request: request(number, asked),
            reply: Reply(passage: Passage(firstByte: at(answered), lastByte: at(answered), byteCount: 1), status: 200))
    }

    private func told(_ events: [WireEvent], _ shape: ReplayShape = ReplayShape()) -> (texts: [String], LiveSchedule) {
        var schedule = LiveSchedule(of: Self.server, shape, shift: .milliseconds(100))
        var inputs: [ReplayInput] = []
        for event in events { schedule.take(event, into: &inputs) }
        let texts = inputs.map { input -> String in
            switch input {
            case .item(let item):
                let time = item.due.nanoseconds / 1_000_000
                return switch item.kind {
                case .open: "open \(item.connection) at \(time)"
                case .request(let request):
                    "\(request.isPipelined ? "pipelined " : "")\(request.key.number) on \(item.connection) at \(time)"
                        + (request.expected.map { " gave \($0.status)" } ?? "")
                case .close: "close \(item.connection) at \(time)"
                }
            case .expected(let key, let reply): return "\(key.number) on \(key.connection) gave \(reply.status)"
            default: return "other"
            }
        }
        return (texts, schedule)
    }

    @Test func aConnectionIsPlayedLaterAsItWas() {
        let (texts, schedule) = told([
            .opened(1, client: Self.client, server: Self.server, at(0)), .request(1, request(0, 10)),
            .request(1, request(1, 12)), .exchange(1, exchange(0, 10, 20)), .exchange(1, exchange(1, 12, 21)),
            .request(1, request(2, 30)), .closed(1, ConnectionAccount(), at(40)),
        ])
        #expect(
            texts == [
                "open 1 at 100", "0 on 1 at 110", "pipelined 1 on 1 at 112 gave 200", "0 on 1 gave 200",
                "2 on 1 at 130", "close 1 at 140",
            ])
        #expect(schedule.captured == 3 && schedule.lost == 0)
    }

    /// What was answered is said with the request, unless that has been handed on; with bytes it is always said apart.
    @Test(arguments: [(true, false), (true, true), (false, false)])
    func whatWasAnsweredIsToldOnce(_ comesTogether: Bool, _ keepsReplies: Bool) {
        var shape = ReplayShape()
        shape.keepsReplies = keepsReplies
        var schedule = LiveSchedule(of: Self.server, shape, shift: .zero)
        var with: [RequestKey] = []
        var apart: [RequestKey] = []
        var inputs: [ReplayInput] = []
        let handOn = {
            for input in inputs {
                switch input {
                case .item(let item):
                    if case .request(let request) = item.kind, request.expected?.status == 200 {
                        with.append(request.key)
                    }
                case .expected(let key, let reply) where reply.status == 200: apart.append(key)
                default: break
                }
            }
            inputs = []
        }
        // More connections than are remembered.
        let connections = (1...300).map { ConnectionID($0) }
        for id in connections {
            schedule.take(.opened(id, client: Self.client, server: Self.server, at(0)), into: &inputs)
            schedule.take(.request(id, request(0, 10)), into: &inputs)
        }
        if !comesTogether { handOn() }
        for id in connections { schedule.take(.exchange(id, exchange(0, 10, 20)), into: &inputs) }
        handOn()
        let all = connections.map { RequestKey(connection: $0, number: 0) }
        #expect((with + apart).sorted { $0.connection < $1.connection } == all)
        #expect(with.isEmpty == (keepsReplies || !comesTogether) && (with.isEmpty || with.count < all.count))
    }

    @Test func anotherServersConnectionsAreNot() {
        let other = Endpoint(IPAddress(v4: 9), 9)
        let (texts, schedule) = told([
            .opened(1, client: Self.client, server: other, at(0)), .request(1, request(0, 10)),
            .exchange(1, exchange(0, 10, 20)), .lost(1, count: 3, .gap, at(21)),
            .closed(1, ConnectionAccount(), at(40)),
        ])
        #expect(texts.isEmpty && schedule.captured == 0 && schedule.lost == 0)
    }

    /// Of three that are lost two were heard whole and are played; their replies are what was lost of them.
    @Test func whatWasHeardIsNotLost() {
        let (_, schedule) = told([
            .opened(1, client: Self.client, server: Self.server, at(0)), .request(1, request(0, 10)),
            .request(1, request(1, 12)), .lost(1, count: 3, .gap, at(20)), .request(1, request(2, 30)),
            .lost(1, count: 1, .gap, at(40)), .lost(1, count: 1, .gap, at(41)),
        ])
        #expect(schedule.captured == 3 && schedule.lost == 2)
    }

    /// Copies have names of their own; what the on-line server answered is expected of each.
    @Test func copiesAreCompared() {
        var shape = ReplayShape()
        shape.scale = 2
        shape.spread = .zero
        let (texts, schedule) = told(
            [
                .opened(1, client: Self.client, server: Self.server, at(0)), .request(1, request(0, 10)),
                .exchange(1, exchange(0, 10, 20)), .closed(1, ConnectionAccount(), at(40)),
            ], shape)
        #expect(
            texts.dropLast(2) == [
                "open 1 at 100", "open 2 at 100", "0 on 1 at 110 gave 200", "0 on 2 at 110 gave 200",
            ])
        #expect(texts.suffix(2).sorted() == ["close 1 at 140", "close 2 at 140"])
        #expect(schedule.captured == 1)
    }

    private func mixed(_ rules: [(String, Double)]) -> ReplayShape {
        var shape = ReplayShape()
        shape.mix = rules.map { MixRule(pattern: $0, factor: $1) }
        shape.spread = .zero
        return shape
    }

    /// A connection's first request weighs it: what comes behind does not, and it opens when it did.
    @Test func aMixWeighsByTheFirstRequest() {
        let events: [WireEvent] = [
            .opened(1, client: Self.client, server: Self.server, at(0)),
            .opened(2, client: Self.client, server: Self.server, at(1)),
            .request(1, request(0, 10, "GET /search?a")), .request(2, request(0, 11, "GET /")),
            .exchange(1, exchange(0, 10, 20)), .exchange(2, exchange(0, 11, 21)),
            .request(2, request(1, 30, "GET /search?b")), .request(1, request(1, 31, "GET /")),
            .closed(1, ConnectionAccount(), at(40)), .closed(2, ConnectionAccount(), at(41)),
        ]
        let (without, schedule) = told(events, mixed([("GET /search*", 0)]))
        #expect(
            without == ["open 1 at 101", "0 on 1 at 111 gave 200", "1 on 1 at 130", "close 1 at 141"])
        // What is left out was captured all the same.
        #expect(schedule.captured == 4 && schedule.lost == 0)
        let (only, _) = told(events, mixed([("GET /search*", 1), ("*", 0)]))
        #expect(only == ["open 1 at 100", "0 on 1 at 110 gave 200", "1 on 1 at 131", "close 1 at 140"])
        let (doubled, _) = told(events, mixed([("GET /search*", 2)]))
        #expect(doubled.count { $0.hasPrefix("open") } == 3 && doubled.count { $0.contains(" gave ") } == 3)
        #expect(doubled.prefix(2) == ["open 1 at 100", "open 2 at 100"])
    }

    /// A connection that asks nothing is weighed by no rule.
    @Test func aMixKeepsWhatAsksNothing() {
        let (texts, _) = told(
            [
                .opened(1, client: Self.client, server: Self.server, at(0)),
                .closed(1, ConnectionAccount(), at(40)),
            ], mixed([("*", 0)]))
        #expect(texts == ["open 1 at 100", "close 1 at 140"])
    }

    /// Sessions that share a connection are weighed each by itself, on whatever connection they go on.
    @Test func aMixWeighsSessionsOfCookies() {
        var shape = mixed([("GET /search*", 0)])
        shape.sessions = .cookie("sid")
        let (texts, _) = told(
            [
                .opened(1, client: Self.client, server: Self.server, at(0)),
                .opened(2, client: Self.client, server: Self.server, at(0)),
                .request(1, request(0, 10, "GET /search", cookie: "a")),
                .request(1, request(1, 20, "GET /", cookie: "b")), .request(2, request(0, 30, "GET /", cookie: "a")),
                .request(2, request(1, 40, "GET /search", cookie: "b")), .request(2, request(2, 50, "GET /")),
                .closed(1, ConnectionAccount(), at(60)), .closed(2, ConnectionAccount(), at(60)),
            ], shape)
        #expect(
            texts.map { $0.replacing("pipelined ", with: "") } == [
                "1 on 1 at 120", "1 on 2 at 140", "2 on 2 at 150", "close 1 at 160", "close 2 at 160",
            ])
    }

    /// However many connections come and go, nothing of them is kept.
    @Test func whatIsWeighedIsAlsoForgotten() {
        var schedule = LiveSchedule(of: Self.server, mixed([("GET /a", 2)]), shift: .zero)
        var inputs: [ReplayInput] = []
        for id in 1...2_000 as ClosedRange<ConnectionID> {
            let label = id % 2 == 0 ? "GET /a" : "GET /b"
            schedule.take(.opened(id, client: Self.client, server: Self.server, at(0)), into: &inputs)
            schedule.take(.request(id, request(0, 1, label)), into: &inputs)
            schedule.take(.closed(id, ConnectionAccount(), at(2)), into: &inputs)
        }
        let kinds = inputs.reduce(into: [0, 0, 0]) { counts, input in
            guard case .item(let item) = input else { return }
            switch item.kind {
            case .open: counts[0] += 1
            case .request: counts[1] += 1
            case .close: counts[2] += 1
            }
        }
        #expect(kinds == [3_000, 3_000, 3_000])
    }
}
