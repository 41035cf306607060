import TestSupport
import Model
import Testing

@testable import Wire

/// The life of TCP connections as a capture shows it, with what it misses.
@Suite struct ConnectionTrackingTests {
    private static func get(_ target: String) -> [UInt8] { Array("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n".utf8) }
    private static let ok = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)

    private func segments(
        _ turns: [(Side, [UInt8])], client: UInt32 = 1000, server: UInt32 = 5000, closes: Bool = true
    ) -> [Conversation.Segment] {
        var conversation = Conversation(turns.map { .init($0.0, $0.1) })
        (conversation.clientStart, conversation.serverStart, conversation.closes) = (client, server, closes)
        // One segment for each turn, and nothing that chance may add.
        var random = SeededGenerator(0)
        return conversation.segments(.init(longest: .max), &random).filter {
            $0.turn != nil || $0.flags != .acknowledgement
        }
    }

    private let exchange: [(Side, [UInt8])] = [(.client, get("/1")), (.server, ok)]

    /// A request in the SYN itself (RFC 7413).
    @Test func dataInTheSYN() {
        var segments = segments(exchange)
        let request = segments.remove(at: 2)
        segments[0].payload = request.payload
        segments[1].acknowledged = request.sequence &+ UInt32(request.payload.count)
        let events = Place().events(segments)
        #expect(events.exchanges.map(\.request.target) == ["/1"] && events.losses.isEmpty)
    }

    @Test func repeatedSYNs() {
        var segments = segments(exchange)
        segments.insert(segments[0], at: 1)
        segments.insert(segments[2], at: 3)
        // One more that lost its way and comes in the middle.
        segments.insert(segments[0], at: 5)
        let events = Place().events(segments)
        #expect(events.exchanges.count == 1 && events.opened == 1 && events.closed == 1)
    }

    /// A client uses its port again though the end of the connection before was missed.
    @Test(arguments: 0..<4) func aPortIsUsedAgain(_ seen: Int) {
        let ends = segments(exchange).suffix(seen == 0 ? 0 : 3).prefix(seen)
        let again = segments([(.client, Self.get("/2")), (.server, Self.ok)], client: 77_000_000, server: 99_000_000)
        let first = segments(exchange, closes: false)
        let events = Place().events(first + ends + again)
        #expect(events.exchanges.map(\.request.target) == ["/1", "/2"])
        #expect(events.opened == 2 && events.closed == 2 && events.losses.isEmpty)
    }

    /// The handshake is three chances to learn where the streams begin; any of them is enough.
    @Test(arguments: [[0], [1], [0, 1]]) func partsOfTheHandshakeAreMissing(_ missing: [Int]) {
        let all = segments(exchange)
        let events = Place().events(all.indices.filter { !missing.contains($0) }.map { all[$0] })
        #expect(events.exchanges.count == 1 && events.losses.isEmpty && events.closed == 1)
    }

    /// Without the SYN a PostgreSQL connection is still read from its first message.
    @Test func aStartupWithoutItsSYN() {
        let all = segments([
            (.client, PostgreSQLText.startup()),
            (.server, [PostgreSQLText.authenticated, PostgreSQLText.ready()].bytes),
            (.client, PostgreSQLText.query("A").bytes),
            (.server, [PostgreSQLText.complete("A"), PostgreSQLText.ready()].bytes),
        ])
        var place = Place()
        place.protocolName = .postgresql
        let events = place.events(Array(all.dropFirst()))
        #expect(events.rounds.count == 1 && events.losses.isEmpty)
    }

    @Test func aResetEndsTheConnection() {
        var segments = segments([(.client, Self.get("/1"))], closes: false)
        segments.append(
            Conversation.Segment(side: .server, sequence: 5001, acknowledged: 0, flags: .reset, payload: []))
        let events = Place().events(segments)
        #expect(events.losses == [.cutOff] && events.closed == 1)
    }

    /// A browser hangs up in the middle of a download: what the server had under way is no new connection.
    @Test func whatIsStillUnderWayOpensNothing() {
        let body = [UInt8](repeating: 0x78, count: 90_000)
        var segments = segments([(.client, Self.get("/1")), (.server, Self.ok + body)], closes: false)
        let answer = segments.removeLast()
        for start in stride(from: 0, to: answer.payload.count, by: 1460) {
            var part = answer
            part.sequence &+= UInt32(start)
            part.payload = Array(answer.payload[start...].prefix(1460))
            segments.append(part)
            if start > 20_000 {
                segments.append(
                    Conversation.Segment(
                        side: .client, sequence: part.acknowledged, acknowledged: 0, flags: .reset, payload: []))
            }
        }
        let events = Place().events(segments)
        #expect(events.opened == 1 && events.closed == 1)
    }

    /// The last acknowledgements of a connection open nothing either.
    @Test func lateSegmentsOpenNothing() {
        let all = segments(exchange)
        let events = Place().events(all + all.suffix(3))
        #expect(events.opened == 1 && events.closed == 1)
    }

    /// A FIN that was missed is not a byte that was missed.
    @Test func aMissingFINIsNoLoss() {
        var all = segments(exchange)
        all.remove(at: all.count - 2)
        let events = Place().events(all)
        #expect(events.exchanges.count == 1 && events.losses.isEmpty)
    }

    /// A byte that was missed is said, though one number could be a FIN's.
    @Test func aMissingByteIsALoss() {
        var all = segments(exchange + [(.client, Self.get("/2")), (.server, Self.ok)])
        all[2].payload.removeLast()
        let events = Place().events(all)
        #expect(events.exchanges.map(\.request.target) == ["/2"] && events.losses == [.gap])
    }

    /// Only the client was heard: every request is told, each answer is lost, and nothing piles up.
    @Test func oneDirectionOnly() {
        let turns = (0..<50).flatMap { [(Side.client, Self.get("/\($0)")), (Side.server, Self.ok)] }
        let events = Place().events(segments(turns).filter { $0.side == .client })
        #expect(events.requests.count == 50 && events.exchanges.isEmpty && events.losses.count == 50)
    }

    @Test func keepAliveProbesSayNothing() {
        var all = segments(exchange)
        let probe = Conversation.Segment(
            side: .client, sequence: all[2].sequence &- 1, acknowledged: all[2].acknowledged, flags: .acknowledgement,
            payload: [0])
        all.insert(probe, at: 2)
        all.insert(probe, at: 4)
        let events = Place().events(all)
        #expect(events.exchanges.count == 1 && events.losses.isEmpty)
    }

    /// What the snap length cut off is missing, and counted once.
    @Test func cutOffBytesAreAGap() {
        let place = Place()
        var dissector = Dissector([WatchedServer(place.server, .http)])
        var events: [WireEvent] = []
        for (number, segment) in segments(exchange).enumerated() {
            var packet = place.packet(segment)
            if number == 2 { packet.removeLast(10) }
            for _ in 0..<2 {
                dissector.accept(packet.span, link: .ethernet, at: Timestamp(nanoseconds: Int64(number))) {
                    events.append($0)
                }
            }
        }
        #expect(Heard(events: events).losses == [.gap])
        #expect(dissector.counters.gaps == 1 && dissector.counters.missingBytes == 10)
    }

    /// The bytes that wait for a missing one are bounded, however small the segments.
    @Test(arguments: [1, 1460]) func waitingIsBounded(_ size: Int) {
        var all = segments([(.client, Self.get("/1"))], closes: false)
        let missing = all.removeLast()
        let count = 2_000_000 / (size + 64)
        for number in 1...count {
            var segment = missing
            segment.sequence &+= UInt32(100 + number * size)
            segment.payload = [UInt8](repeating: 0, count: size)
            all.append(segment)
        }
        // The gap is given up at the limit, not at the end of the capture.
        #expect(Place().events(all).losses.first == .gap)
    }

    @Test func whatNobodyWatchesIsNotFollowed() {
        var place = Place()
        let packets = segments(exchange).map(place.packet)
        place.server.port = 81
        var dissector = Dissector([WatchedServer(place.server, .http)])
        for packet in packets {
            dissector.accept(packet.span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { _ in
                Issue.record("an event of a connection that is not watched")
            }
        }
        #expect(dissector.counters.packets == packets.count && dissector.counters.segments == 0)
    }

    @Test func countersSayWhatWasSeen() {
        let place = Place()
        var dissector = Dissector([WatchedServer(place.server, .http)])
        var all = segments(exchange + [(.client, Self.get("/2")), (.server, Self.ok)])
        all.remove(at: 3)
        for segment in all {
            dissector.accept(place.packet(segment).span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { _ in }
        }
        let fragment = Place(builder: PacketBuilder(fragment: 0x2000)).packet(all[0])
        dissector.accept(fragment.span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { _ in }
        dissector.accept([1, 2, 3].span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { _ in }
        var expected = DissectorCounters()
        expected.packets = all.count + 2
        expected.segments = all.count
        (expected.fragments, expected.datagramsLost) = (1, 1)
        (expected.gaps, expected.missingBytes) = (1, Self.ok.count)
        expected.connections = 1
        #expect(dissector.counters == expected)
    }

    /// The connections that are longest idle make room, and what they were about to say is lost and not forgotten.
    @Test func connectionsAreBounded() {
        var place = Place()
        var dissector = Dissector([WatchedServer(place.server, .http)], limits: DissectorLimits(connections: 200))
        var events: [WireEvent] = []
        for number in 0..<201 {
            place.client.port = UInt16(number)
            for segment in segments([(.client, Self.get("/\(number)"))], closes: false) {
                let time = Timestamp(nanoseconds: Int64(number))
                dissector.accept(place.packet(segment).span, link: .ethernet, at: time) { events.append($0) }
            }
        }
        let heard = Heard(events: events)
        #expect(dissector.counters.evicted == 1 && heard.closed == 1 && heard.losses == [.cutOff])
        let answer = segments(exchange)[3]
        for port in [0, 1] as [UInt16] {
            place.client.port = port
            var reply = answer
            reply.sequence = 5001
            dissector.accept(place.packet(reply).span, link: .ethernet, at: .distantFuture) { events.append($0) }
        }
        // The first that stayed is answered; the last that went is not followed any more.
        #expect(Heard(events: events).exchanges.map(\.request.target) == ["/1"])
    }
}
