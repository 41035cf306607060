import Model
import Testing

@testable import Wire

/// How connections end, and what is told of each when it has.
@Suite struct ConnectionAccountTests {
    private static let get = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
    private static let ok = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    private let place = Place()

    private struct Step {
        var side: Side
        var sequence: UInt32
        var acknowledged: UInt32
        var flags: TCPSegment.Flags = .acknowledgement
        var window: UInt16 = 1000
        var payload: [UInt8] = []
    }

    private func play(_ steps: [Step]) -> (heard: Heard, accounts: [ConnectionAccount]) {
        var dissector = Dissector([WatchedServer(place.server, .http)])
        var events: [WireEvent] = []
        for (number, step) in steps.enumerated() {
            let isClient = step.side == .client
            let segment = TCPSegment(
                source: isClient ? place.client : place.server, destination: isClient ? place.server : place.client,
                sequence: step.sequence, acknowledged: step.acknowledged, flags: step.flags, window: step.window,
                payload: step.payload.indices)
            dissector.accept(segment, step.payload.span, at: Timestamp(nanoseconds: Int64(number))) {
                events.append($0)
            }
        }
        let accounts = events.compactMap { if case .closed(_, let account, _) = $0 { account } else { nil } }
        return (Heard(events: events), accounts)
    }

    private var asked: UInt32 { 1 + UInt32(Self.get.count) }
    private var answered: UInt32 { 1 + UInt32(Self.ok.count) }

    private var opening: [Step] {
        [
            Step(side: .client, sequence: 0, acknowledged: 0, flags: .syn),
            Step(side: .server, sequence: 0, acknowledged: 1, flags: [.syn, .acknowledgement]),
            Step(side: .client, sequence: 1, acknowledged: 1, payload: Self.get),
        ]
    }

    /// Both sides say their last before they hear the other's (RFC 9293, figure 13).
    @Test func aSimultaneousClose() {
        let (heard, accounts) = play(
            opening + [
                Step(side: .server, sequence: 1, acknowledged: asked, payload: Self.ok),
                Step(side: .client, sequence: asked, acknowledged: answered, flags: [.fin, .acknowledgement]),
                Step(side: .server, sequence: answered, acknowledged: asked, flags: [.fin, .acknowledgement]),
                Step(side: .client, sequence: asked + 1, acknowledged: answered + 1),
                Step(side: .server, sequence: answered + 1, acknowledged: asked + 1),
            ])
        #expect(heard.all.count == 1 && heard.closed == 1 && heard.losses.isEmpty && accounts.count == 1)
    }

    /// The client has said all it had to say, and still gets its answer.
    @Test func aHalfClosedConnection() {
        let (heard, accounts) = play(
            opening + [
                Step(side: .client, sequence: asked, acknowledged: 1, flags: [.fin, .acknowledgement]),
                Step(side: .server, sequence: 1, acknowledged: asked + 1, payload: Self.ok),
                Step(side: .server, sequence: answered, acknowledged: asked + 1, flags: [.fin, .acknowledgement]),
            ])
        #expect(heard.all.count == 1 && heard.closed == 1 && heard.losses.isEmpty && accounts.count == 1)
    }

    /// One side has forgotten the connection and refuses what the other still sends.
    @Test func aHalfOpenConnectionEndsWithAReset() {
        let (heard, accounts) = play(opening + [Step(side: .server, sequence: 1, acknowledged: asked, flags: .reset)])
        #expect(heard.all.isEmpty && heard.losses == [.cutOff] && accounts.count == 1)
    }

    @Test func aStrangersResetDoesNotEndIt() {
        let (heard, accounts) = play(
            opening + [
                Step(side: .server, sequence: 1 << 29, acknowledged: asked, flags: .reset),
                Step(side: .server, sequence: 1, acknowledged: asked, payload: Self.ok),
            ])
        #expect(heard.all.count == 1 && accounts.isEmpty)
    }

    /// A receiver that is full, a segment that comes twice, a probe, and bytes that never come.
    @Test func whatAConnectionWentThrough() throws {
        let later = asked + 10
        let (heard, accounts) = play(
            opening + [
                Step(side: .server, sequence: 1, acknowledged: asked, window: 0),
                Step(side: .client, sequence: 1, acknowledged: 1, payload: Self.get),
                Step(side: .client, sequence: asked - 1, acknowledged: 1, payload: [0]),
                Step(side: .server, sequence: 1, acknowledged: asked, payload: Self.ok),
                Step(side: .client, sequence: later, acknowledged: answered, payload: Self.get),
                Step(side: .server, sequence: answered, acknowledged: later + UInt32(Self.get.count), flags: .reset),
            ])
        let account = try #require(accounts.first)
        #expect(heard.all.count == 1 && accounts.count == 1)
        #expect(account.client.retransmitted == 2 && account.client.keepAlives == 1 && account.client.outOfOrder == 1)
        #expect(account.server.zeroWindows == 1 && account.server.bytes == Self.ok.count)
        #expect(account.client.bytes == Self.get.count)
    }
}
