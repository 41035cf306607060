import TestSupport
import Model
import Testing

@testable import Wire

/// Whatever way a stream is cut, ordered and repeated, the same was said.
@Suite struct SegmentationPropertyTests {
    typealias Disturbance = Conversation.Disturbance

    /// What a network may do, from nothing to all of it at once.
    static let disturbances: [(name: String, Disturbance)] = [
        ("cut", Disturbance(longest: 1460)),
        ("cut to crumbs", Disturbance(longest: 3)),
        ("disordered", Disturbance(longest: 200, window: 6)),
        ("repeated", Disturbance(longest: 300, repeats: 2)),
        ("overlapping", Disturbance(longest: 100, overlaps: true)),
        ("everything", Disturbance(longest: 60, window: 12, repeats: 3, overlaps: true)),
    ]

    /// Both directions pass 2^32 early in the conversation in half of the cases.
    private func number(_ conversation: inout Conversation, _ random: inout SeededGenerator) {
        let nearTheEnd = random.once(in: 2)
        conversation.clientStart = nearTheEnd ? .max - UInt32.random(in: 0...900, using: &random) : random.next32()
        conversation.serverStart = nearTheEnd ? .max - UInt32.random(in: 0...900, using: &random) : random.next32()
    }

    @Test(arguments: disturbances.indices) func http(_ index: Int) throws {
        var random = SeededGenerator(UInt64(index))
        for round in 0..<25 {
            let script = HTTPScript(
                exchanges: 6, pipelined: round % 2 == 0 ? 1 : 4, endsWithClose: round % 3 == 0, &random)
            var conversation = Conversation(script.turns)
            number(&conversation, &random)
            let segments = conversation.segments(Self.disturbances[index].1, &random)
            let events = Place.random(.http, &random).events(segments)
            let isSame = events.plainExchanges == script.exchanges
            try #require(isSame, "round \(round), \(Self.disturbances[index].name)")
            #expect(events.requests.count == script.exchanges.count)
            #expect(events.losses.isEmpty && events.opened == 1 && events.closed == 1)
            #expect(events.timesAreInOrder)
        }
    }

    @Test(arguments: disturbances.indices) func postgreSQL(_ index: Int) throws {
        var random = SeededGenerator(UInt64(100 + index))
        for round in 0..<25 {
            let script = PostgreSQLScript(rounds: 6, pipelined: round % 2 == 0 ? 1 : 3, &random)
            var conversation = Conversation(script.turns)
            number(&conversation, &random)
            let segments = conversation.segments(Self.disturbances[index].1, &random)
            let events = Place.random(.postgresql, &random).events(segments)
            let isSame = events.plainRounds == script.rounds
            try #require(isSame, "round \(round), \(Self.disturbances[index].name)")
            #expect(events.losses.isEmpty && events.opened == 1 && events.closed == 1)
            #expect(events.timesAreInOrder)
        }
    }

    /// Requests and replies that pass each other on their way.
    @Test(arguments: disturbances.indices) func bothDirectionsAtOnce(_ index: Int) throws {
        var random = SeededGenerator(UInt64(50 + index))
        for round in 0..<15 {
            let script = HTTPScript(exchanges: 8, ahead: 3, &random)
            var conversation = Conversation(script.turns)
            number(&conversation, &random)
            let segments = conversation.segments(Self.disturbances[index].1, &random)
            let events = Place.random(.http, &random).events(segments)
            let isSame = events.plainExchanges == script.exchanges
            try #require(isSame, "round \(round), \(Self.disturbances[index].name)")
            #expect(events.losses.isEmpty)
        }
    }

    /// A bridge that is listened to on both of its legs shows every packet twice.
    @Test func everyPacketTwice() throws {
        var random = SeededGenerator(3)
        let script = HTTPScript(exchanges: 20, pipelined: 2, endsWithClose: true, &random)
        let segments = Conversation(script.turns).segments(Disturbance(longest: 400), &random)
        let events = Place().events(segments.flatMap { [$0, $0] })
        let isSame = events.plainExchanges == script.exchanges
        #expect(isSame)
        #expect(events.losses.isEmpty && events.opened == 1 && events.closed == 1)
    }

    /// From its middle a connection is read from the next request on.
    @Test(arguments: 0..<12) func fromTheMiddle(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(200 + seed))
        let script = HTTPScript(exchanges: 6, pipelined: 1, endsWithClose: false, &random)
        var conversation = Conversation(script.turns)
        number(&conversation, &random)
        let segments = conversation.segments(Disturbance(longest: 500), &random)
        let cut = Int.random(in: 3..<segments.count, using: &random)
        let events = Place().events(Array(segments[cut...]))
        let areTrue = events.plainExchanges.isSubsequence(of: script.exchanges)
        try #require(areTrue)
        // The first turn of a client that is there whole and all behind it.
        let turns = Set(segments[..<cut].compactMap(\.turn))
        let whole = script.numbers.indices.first { $0 % 2 == 0 && !turns.contains($0) }
        let expected = whole.map { script.exchanges.count - script.numbers[$0].lowerBound } ?? 0
        #expect(events.plainExchanges.count >= expected)
    }
}

extension SeededGenerator {
    mutating func next32() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
}
