import FuzzEntries
import Model
import TestSupport
import Testing

@testable import Wire

/// Connections whose protocol is not read: who speaks, and how much.
@Suite struct TurnReaderTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// "c" and a client's bytes, "s" and a server's.
        var turns: [String]
        /// "asked -> answered".
        var exchanges: [String]
        var losses: [LossReason] = []
        var missing: Int?
        var fromStart = true

        init(
            _ testDescription: String, _ turns: [String], _ exchanges: [String], losses: [LossReason] = [],
            missing: Int? = nil, fromStart: Bool = true
        ) {
            (self.testDescription, self.turns, self.exchanges) = (testDescription, turns, exchanges)
            (self.losses, self.missing, self.fromStart) = (losses, missing, fromStart)
        }
    }

    static let cases: [Case] = [
        Case("turns", ["cask", "sanswer", "cagain", "syes"], ["ask -> answer", "again -> yes"]),
        Case("turns in parts", ["ca", "csk", "san", "sswer", "cx", "sy"], ["ask -> answer", "x -> y"]),
        Case("a greeting", ["shello", "cask", "sanswer"], ["ask -> answer"]),
        Case("a greeting only", ["shello"], []),
        Case("nothing", [], []),
        Case("no answer", ["cask", "sanswer", "cagain"], ["ask -> answer"], losses: [.cutOff]),
        Case(
            "a request missed", ["ca1", "sb1", "ca2", "sb2", "ca3", "sb3"], ["a3 -> b3"],
            losses: [.gap, .gap], missing: 2),
        Case(
            "a reply missed", ["ca1", "sb1", "ca2", "sb2", "ca3", "sb3"], ["a1 -> b1", "a3 -> b3"], losses: [.gap],
            missing: 3),
        Case(
            "a part of a request missed", ["c1", "s1", "c2a", "c2b", "s2", "c3", "s3"], ["1 -> 1", "3 -> 3"],
            losses: [.gap], missing: 3),
        Case("from the middle", ["crest", "s1", "c2", "s2"], ["2 -> 2"], fromStart: false),
    ]

    private func events(_ item: Case, longest: Int) -> Heard {
        var conversation = Conversation(
            item.turns.map { .init($0.hasPrefix("c") ? .client : .server, Array($0.utf8.dropFirst())) })
        conversation.hasHandshake = item.fromStart
        var random = SeededGenerator(1)
        let segments = conversation.segments(.init(longest: longest), &random)
        var place = Place()
        place.protocolName = .tcp
        return place.events(segments.filter { $0.turn == nil || $0.turn != item.missing })
    }

    @Test(arguments: cases) func takesTurns(_ item: Case) {
        for longest in item.missing == nil ? [1000, 1] : [1000] {
            let events = events(item, longest: longest)
            let exchanges = events.all.map {
                String(decoding: $0.request.bytes, as: UTF8.self) + " -> "
                    + String(decoding: $0.reply.bytes, as: UTF8.self)
            }
            #expect(exchanges == item.exchanges)
            #expect(events.losses == item.losses)
            #expect(events.timesAreInOrder)
            #expect(events.all.allSatisfy { $0.protocolName == .tcp && $0.request.label.isEmpty })
        }
    }

    @Test func theRequestIsToldWhenItIsAnswered() {
        var reader = TurnReader(.init(1, fromStart: true))
        var told: [String] = []
        let tell = { (event: WireEvent) in
            switch event {
            case .request(_, let request): told.append("request \(request.passage.byteCount)")
            case .exchange(_, let exchange): told.append("exchange \(exchange.reply.endedByClose)")
            default: told.append("other")
            }
        }
        let bytes: [UInt8] = [1, 2, 3]
        let times = (0..<9).map { Timestamp(nanoseconds: $0 * 1000) }
        reader.client(bytes.span, at: times[0], emit: tell)
        reader.client(bytes.span, at: times[1], emit: tell)
        #expect(told.isEmpty)
        reader.server(bytes.span, at: times[2], emit: tell)
        #expect(told == ["request 6"])
        reader.server(bytes.span, at: times[3], emit: tell)
        reader.client(bytes.span, at: times[4], emit: tell)
        #expect(told == ["request 6", "exchange false"])
        // A client that has said all it had to say still waits.
        reader.clientClosed(at: times[5], emit: tell)
        #expect(told.last == "request 3")
        reader.server(bytes.span, at: times[6], emit: tell)
        reader.serverClosed(at: times[7], emit: tell)
        reader.cutOff(at: times[8], emit: tell)
        #expect(told == ["request 6", "exchange false", "request 3", "exchange true"])
    }

    @Test func sameBytesSameKey() {
        let turns: [Conversation.Turn] = ["a", "b", "a"].flatMap {
            [.init(.client, Array($0.utf8)), .init(.server, [1])]
        }
        let keys = drive(TurnReader(.init(1, fromStart: true)), turns).all.map(\.request.key)
        #expect(keys.count == 3 && keys[0] == keys[2] && keys[0] != keys[1])
    }

    /// With payload a long turn is lost, and the next is not; without, nothing is too long.
    @Test(arguments: [0, 1]) func longTurns(_ long: Int) {
        var turns: [Conversation.Turn] = [
            .init(.client, [1]), .init(.server, [2]), .init(.client, [3]), .init(.server, [4]),
        ]
        turns[long] = .init(turns[long].side, [UInt8](repeating: 7, count: 200))
        let kept = drive(TurnReader(.init(1, fromStart: true, payloadLimit: 100)), turns)
        #expect(kept.losses == [.tooLarge] && kept.all.map(\.request.bytes) == [[3]])
        let counted = drive(TurnReader(.init(1, fromStart: true, keepsPayload: false, payloadLimit: 100)), turns)
        #expect(counted.losses.isEmpty && counted.all.count == 2)
        #expect(counted.all[long / 2].request.bytes.isEmpty)
    }

    @Test func spoilt() throws {
        var random = SeededGenerator(60)
        for round in 0..<1500 {
            let turns = (0..<8).map { _ in
                Conversation.Turn(
                    random.once(in: 2) ? .client : .server,
                    [UInt8](repeating: 1, count: Int.random(in: 0...50, using: &random)))
            }
            let limit = random.once(in: 3) ? 60 : 1000
            let problems = spoil(
                TurnReader(.init(1, fromStart: !random.once(in: 5), payloadLimit: limit)), turns, &random)
            try #require(problems.isEmpty, "round \(round)")
        }
    }

    @Test func isNeverSure() {
        let bytes: [UInt8] = [0x2a, 0x31]
        #expect(TurnReader.entry.recognise(bytes.span, bytes.span) == .unsure && TurnReader.entry.ports.isEmpty)
        #expect(ProtocolTable.all.last?.name == .tcp)
    }
}
