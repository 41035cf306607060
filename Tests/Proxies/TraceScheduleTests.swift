import Model
import Proxies
import Testing
import Wire

/// Which load is made of a trace: times, sessions, copies.
@Suite struct TraceScheduleTests {
    private static let server = Endpoint(IPAddress(v4: 0x0a00_0001), 80)

    private func at(_ milliseconds: Int) -> Timestamp { Timestamp(nanoseconds: Int64(milliseconds) * 1_000_000) }

    private func connection(_ id: ConnectionID, opened: Int = 0, server: Endpoint = server) -> TraceConnection {
        TraceConnection(
            id: id, client: Endpoint(IPAddress(v4: 1), 1), server: server, protocolName: .http, opened: at(opened))
    }

    private func exchange(
        _ number: Int, asked: Int, answered: Int, path: String = "/", cookie: String? = nil
    ) -> Exchange {
        let text = "GET \(path) HTTP/1.1\r\n" + (cookie.map { "Cookie: a=1; sid=\($0)\r\n" } ?? "") + "\r\n"
        let passage = { (time: Int) in Passage(firstByte: at(time), lastByte: at(time), byteCount: 1) }
        return Exchange(
            .http,
            request: Request(
                number: number, passage: passage(asked), key: 0, label: "GET \(path)", bytes: Array(text.utf8)),
            reply: Reply(passage: passage(answered), status: 200))
    }

    /// The items that a trace gives, in the order in which they come.
    private func items(
        _ records: [TraceRecord], _ connections: [TraceConnection], _ shape: ReplayShape = ReplayShape(),
        round: Int = 0
    ) -> [ReplayItem] {
        let known = Dictionary(connections.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var overview = TraceOverview(of: Self.server, .http, shape)
        for record in records { overview.take(record, on: record.connection.flatMap { known[$0] }) }
        var schedule = TraceSchedule(overview, shape, start: at(100_000), round: round)
        var items: [ReplayItem] = []
        for record in records {
            schedule.take(record, on: record.connection.flatMap { known[$0] })
            while let item = schedule.next() { items.append(item) }
        }
        schedule.complete()
        while let item = schedule.next() { items.append(item) }
        return items
    }

    private func requests(_ items: [ReplayItem]) -> [(number: Int, due: Timestamp, connection: UInt64)] {
        items.compactMap {
            guard case .request(let request) = $0.kind else { return nil }
            return (request.key.number, $0.due, $0.connection)
        }
    }

    /// Exchanges are recorded when their replies end, and replayed when they were asked, however long one took.
    @Test func requestsComeInTheOrderInWhichTheyWereAsked() {
        let records: [TraceRecord] = [
            .connection(connection(1), isOpened: true), .connection(connection(2), isOpened: true),
            .exchange(2, exchange(0, asked: 20, answered: 30)), .exchange(2, exchange(1, asked: 40, answered: 50)),
            .exchange(1, exchange(0, asked: 10, answered: 60)),
            .exchange(2, exchange(2, asked: 70, answered: 80)),
            // Longer than the horizon, up to the very end.
            .exchange(2, exchange(3, asked: 9000, answered: 9001)),
            .exchange(1, exchange(1, asked: 65, answered: 60_000)),
        ]
        let found = requests(items(records, [connection(1), connection(2)]))
        #expect(found.map(\.connection) == [1, 2, 2, 1, 2, 2] && found.map(\.number) == [0, 0, 1, 1, 2, 3])
        // The first request is due at the start; times keep their distances.
        #expect(found.map(\.due) == [0, 10, 30, 55, 60, 8990].map { at(100_000 + $0) })
    }

    @Test func speedShortensTheDistances() {
        let records: [TraceRecord] = (0..<3).map { .exchange(1, exchange($0, asked: $0 * 100, answered: $0 * 100 + 1)) }
        var shape = ReplayShape()
        shape.speed = 4
        #expect(requests(items(records, [connection(1)], shape)).map(\.due) == [0, 25, 50].map { at(100_000 + $0) })
    }

    @Test func whatWasPipelinedIsMarkedSo() {
        let records: [TraceRecord] = [
            .exchange(1, exchange(0, asked: 0, answered: 50)), .exchange(1, exchange(1, asked: 10, answered: 60)),
            .exchange(1, exchange(2, asked: 70, answered: 80)),
        ]
        let marks = items(records, [connection(1)]).compactMap {
            if case .request(let request) = $0.kind { request.isPipelined } else { nil }
        }
        #expect(marks == [false, true, false])
    }

    @Test func anotherServersExchangesAreLeftOut() {
        let other = connection(2, server: Endpoint(IPAddress(v4: 9), 9))
        let records: [TraceRecord] = [
            .exchange(1, exchange(0, asked: 0, answered: 1)), .exchange(2, exchange(0, asked: 1, answered: 2)),
        ]
        #expect(requests(items(records, [connection(1), other])).count == 1)
    }

    /// Connections open and close as recorded, those without an end behind the last request.
    @Test func connectionsOpenAndClose() {
        let records: [TraceRecord] = [
            .connection(connection(1, opened: 0), isOpened: true), .exchange(1, exchange(0, asked: 10, answered: 11)),
            .closed(1, at(20)), .connection(connection(2, opened: 25), isOpened: true),
            .exchange(2, exchange(0, asked: 30, answered: 31)),
        ]
        let kinds = items(records, [connection(1), connection(2, opened: 25)]).map { item -> String in
            switch item.kind {
            case .open: "open \(item.connection)"
            case .request: "request \(item.connection)"
            case .close: "close \(item.connection)"
            }
        }
        #expect(kinds == ["open 1", "request 1", "close 1", "open 2", "request 2", "close 2"])
    }

    /// A thousand sessions of three requests each.
    private func sessions(cookies: Bool = false) -> ([TraceRecord], [TraceConnection]) {
        let connections = (0..<1000).map { connection(cookies ? 1 : ConnectionID($0 + 1)) }
        let records = (0..<3000).map { place in
            let session = place % 1000
            return TraceRecord.exchange(
                connections[session].id,
                exchange(
                    place / 1000, asked: place, answered: place, path: session < 200 ? "/search?q=\(session)" : "/",
                    cookie: cookies ? "s\(session)" : nil))
        }
        return (records, connections)
    }

    @Test(arguments: [0.25, 0.5, 1.5, 2, 3.25], [false, true])
    func sessionsAreCopiedOrLeftOutWhole(_ scale: Double, _ cookies: Bool) {
        let (records, connections) = sessions(cookies: cookies)
        var shape = ReplayShape()
        shape.scale = scale
        shape.spread = .milliseconds(500)
        if cookies { shape.sessions = .cookie("sid") }
        let found = items(records, connections, shape)
        let count = Double(requests(found).count)
        #expect(abs(count / (3000 * scale) - 1) < 0.12, "\(count)")
        #expect(found.map(\.due) == found.map(\.due).sorted())
        if !cookies {
            // All or nothing: every connection of ours has the three requests of one session.
            let perConnection = Dictionary(grouping: requests(found), by: \.connection)
            #expect(perConnection.values.allSatisfy { $0.map(\.number) == [0, 1, 2] })
        }
        // The same seed, the same load.
        #expect(requests(items(records, connections, shape)).map(\.due) == requests(found).map(\.due))
        shape.seed = 2
        #expect(requests(items(records, connections, shape)).map(\.due) != requests(found).map(\.due))
    }

    @Test func aMixWeighsTheSessionsThatMatch() {
        let (records, connections) = sessions()
        var shape = ReplayShape()
        shape.mix = [MixRule(pattern: "GET /search*", factor: 0)]
        #expect(requests(items(records, connections, shape)).count == 2400)
        shape.mix = [MixRule(pattern: "GET /search*", factor: 3), MixRule(pattern: "GET /", factor: 0)]
        #expect(requests(items(records, connections, shape)).count == 1800)
    }

    @Test func aRoundHasConnectionsOfItsOwn() {
        let (records, connections) = sessions()
        let first = Set(requests(items(records, connections, round: 0)).map(\.connection))
        let second = Set(requests(items(records, connections, round: 1)).map(\.connection))
        #expect(first.count == 1000 && second.count == 1000 && first.isDisjoint(with: second))
    }

    /// A file may say anything: it is replayed, or not, and nothing traps.
    @Test func timesThatMakeNoSense() {
        var shape = ReplayShape()
        (shape.speed, shape.scale) = (0.01, 1.5)
        let times: [Int64] = [.min, .min / 2, -1, 0, 1, .max / 2, .max]
        var records: [TraceRecord] = []
        for (number, asked) in times.enumerated() {
            for answered in times {
                let passage = { (time: Int64) in
                    Passage(
                        firstByte: Timestamp(nanoseconds: time), lastByte: Timestamp(nanoseconds: time), byteCount: 1)
                }
                records.append(
                    .exchange(
                        ConnectionID(number),
                        Exchange(
                            .http, request: Request(number: 0, passage: passage(asked), key: 0),
                            reply: Reply(passage: passage(answered)))))
            }
        }
        let found = items(records, times.indices.map { connection(ConnectionID($0)) }, shape)
        #expect(requests(found).count >= records.count)
    }

    @Test(arguments: [
        ("GET /*", "GET /items", true), ("GET /*", "POST /items", false), ("*", "", true), ("GET /", "GET /", true),
        ("GET /", "GET /a", false), ("*items*", "GET /items/7", true), ("GET */7", "GET /items/7", true),
        ("GET */7", "GET /items/77x", false), ("a*a", "a", false), ("a**b", "axb", true), ("", "", true),
    ])
    func patterns(_ pattern: String, _ label: String, _ matches: Bool) {
        #expect(MixRule(pattern: pattern, factor: 1).matches(label) == matches)
    }
}
