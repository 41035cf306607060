import TestSupport
import Model
import Testing

@testable import Wire

/// A segment that the capture missed is said, and nothing is joined across the gap.
@Suite struct LossPropertyTests {
    typealias Disturbance = Conversation.Disturbance

    /// The segments without one that carries data, and the turn that misses it.
    private func remove(
        from segments: [Conversation.Segment], _ random: inout SeededGenerator
    ) throws -> (rest: [Conversation.Segment], turn: Int) {
        let candidates = segments.indices.filter { segments[$0].turn != nil }
        let victim = try #require(candidates.randomElement(using: &random))
        var rest = segments
        let turn = try #require(rest.remove(at: victim).turn)
        return (rest, turn)
    }

    /// A client that waits for each reply: what the missing segment belonged to is lost and everything else is there.
    @Test(arguments: 0..<120) func sequentialHTTPLosesOneExchange(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(seed))
        let script = HTTPScript(exchanges: 6, pipelined: 1, endsWithClose: false, &random)
        let segments = Conversation(script.turns).segments(Disturbance(longest: 700, window: seed % 3), &random)
        let (rest, turn) = try remove(from: segments, &random)
        let events = Place.random(.http, &random).events(rest)
        var expected = script.exchanges
        expected.removeSubrange(script.numbers[turn])
        // A crumb at the front of the next request can hide it too: a start is known by more than a byte.
        let areTrue = events.plainExchanges.isSubsequence(of: expected)
        try #require(areTrue)
        #expect(events.plainExchanges.count >= expected.count - 1)
        #expect(!events.losses.isEmpty)
    }

    /// However small the pieces and however many requests are out at once, every exchange that is told is a true one.
    @Test(arguments: 0..<120) func noExchangeIsJoinedAcrossAGap(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(1000 + seed))
        let script = HTTPScript(exchanges: 8, pipelined: 4, endsWithClose: seed % 4 == 0, &random)
        let disturbance = Disturbance(longest: [5, 40, 300][seed % 3], window: seed % 5)
        let segments = Conversation(script.turns).segments(disturbance, &random)
        var (rest, turn) = try remove(from: segments, &random)
        if seed % 2 == 0 { (rest, _) = try remove(from: rest, &random) }
        let events = Place.random(.http, &random).events(rest)
        let areTrue = events.plainExchanges.isSubsequence(of: script.exchanges)
        try #require(areTrue, "turn \(turn)")
        #expect(!events.losses.isEmpty)
        #expect(events.plainExchanges.count < script.exchanges.count)
    }

    @Test(arguments: 0..<120) func noRoundIsJoinedAcrossAGap(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(2000 + seed))
        let script = PostgreSQLScript(rounds: 8, pipelined: seed % 2 == 0 ? 1 : 3, &random)
        let disturbance = Disturbance(longest: [5, 40, 300, 1460][seed % 4], window: seed % 5)
        let segments = Conversation(script.turns).segments(disturbance, &random)
        let (rest, turn) = try remove(from: segments, &random)
        let events = Place.random(.postgresql, &random).events(rest)
        // A statement whose Parse was missed has no text; its answer is still its own.
        let answers = script.rounds.map(\.outcomes)
        let areTrue = events.plainRounds.map(\.outcomes).isSubsequence(of: answers)
        try #require(areTrue, "turn \(turn)")
        let told = events.plainRounds.flatMap(\.calls).compactMap(\.sql)
        let areTold = told.isSubsequence(of: script.rounds.flatMap(\.calls).compactMap(\.sql))
        try #require(areTold, "turn \(turn)")
        #expect(!events.losses.isEmpty)
    }

    /// A waiting client and segments that hold whole messages: only the rounds of the missing segment go.
    @Test(arguments: 0..<60) func sequentialPostgreSQLLosesOneRound(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(3000 + seed))
        let script = PostgreSQLScript(rounds: 8, pipelined: 1, &random)
        let segments = Conversation(script.turns).segments(Disturbance(longest: 100_000), &random)
        let (rest, turn) = try remove(from: segments, &random)
        let events = Place.random(.postgresql, &random).events(rest)
        var expected = script.rounds
        expected.removeSubrange(script.numbers[turn])
        let areTrue = events.plainRounds.map(\.outcomes).isSubsequence(of: expected.map(\.outcomes))
        try #require(areTrue)
        #expect(events.plainRounds.count >= expected.count - 1)
        #expect(!events.losses.isEmpty)
    }
}
