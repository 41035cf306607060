import Model
import Proxies
import Testing
import Wire

/// What the wire says becomes what is replayed, each request once: heard or lost.
@Suite struct LiveScheduleTests {
    private static let server = Endpoint(IPAddress(v4: 0x0a00_0001), 80)
    private static let client = Endpoint(IPAddress(v4: 0x0a00_0002), 4000)

    private func at(_ milliseconds: Int) -> Timestamp { Timestamp(nanoseconds: Int64(milliseconds) * 1_000_000) }

    private func request(_ number: Int, _ time: Int) -> Request {
        Request(
            number: number, passage: Passage(firstByte: at(time), lastByte: at(time), byteCount: 1), key: 0,
            bytes: [UInt8(number)])
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
                "open 1 at 100", "0 on 1 at 110", "pipelined 1 on 1 at 112", "0 on 1 gave 200", "1 on 1 gave 200",
                "2 on 1 at 130", "close 1 at 140",
            ])
        #expect(schedule.captured == 3 && schedule.lost == 0)
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

    /// Copies have names of their own, so that nothing is expected of them.
    @Test func copiesAreNotCompared() {
        var shape = ReplayShape()
        shape.scale = 2
        shape.spread = .zero
        let (texts, schedule) = told(
            [
                .opened(1, client: Self.client, server: Self.server, at(0)), .request(1, request(0, 10)),
                .exchange(1, exchange(0, 10, 20)), .closed(1, ConnectionAccount(), at(40)),
            ], shape)
        #expect(texts.count == 6 && texts.filter { $0.hasPrefix("0 on") }.count == 2 && schedule.captured == 1)
    }
}
