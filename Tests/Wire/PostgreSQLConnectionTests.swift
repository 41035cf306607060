import TestSupport
import Model
import Testing

@testable import Wire

/// Rounds and answers of one PostgreSQL connection, paired.
@Suite struct PostgreSQLConnectionTests {
    typealias Text = PostgreSQLText

    /// A connection whose turns are one segment each, the client's and the server's in alternation.
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var turns: [[UInt8]]
        /// The statements of each round, and how each of its outcomes completed.
        var rounds: [Round] = []
        var losses: [LossReason] = []
        /// A turn that the capture misses.
        var missing: Int?
        var fromStart = true
        var closes = true
    }

    struct Round: Equatable, Sendable {
        var sql: [String?]
        var completions: String
        var status = "I"

        init(_ sql: [String?], _ completions: String, _ status: String = "I") {
            (self.sql, self.completions, self.status) = (sql, completions, status)
        }
    }

    private func events(_ item: Case, longest: Int = 100_000) -> Heard {
        var conversation = Conversation(
            item.turns.enumerated().filter { !$0.element.isEmpty }.map {
                .init($0.offset % 2 == 0 ? .client : .server, $0.element)
            })
        conversation.hasHandshake = item.fromStart
        conversation.closes = item.closes
        var random = SeededGenerator(1)
        let segments = conversation.segments(.init(longest: longest), &random)
        var place = Place()
        place.protocolName = .postgresql
        return place.events(segments.filter { $0.turn == nil || $0.turn != item.missing })
    }

    @Test(arguments: cases) func pairs(_ item: Case) {
        for longest in item.missing == nil && item.fromStart ? [100_000, 11, 1] : [100_000] {
            let events = events(item, longest: longest)
            let rounds = events.rounds.map { round in
                Round(
                    round.calls.map(\.sql),
                    String(round.outcomes.map { Character(UnicodeScalar($0.completion?.type ?? 0)) }),
                    String(UnicodeScalar(round.transactionStatus)))
            }
            #expect(rounds == item.rounds)
            #expect(events.losses == item.losses)
        }
    }

    /// What a trace leaves out is read again from the bytes that it keeps.
    @Test(arguments: cases) func detailsAreReadAgain(_ item: Case) {
        let events = events(item)
        var details = DetailReader()
        for exchange in events.all where exchange.protocolName == .postgresql {
            var kept = exchange
            kept.detail = .none
            guard case .postgresql(var expected) = exchange.detail,
                case .postgresql(let found) = details.whole(kept, on: 1).detail
            else {
                Issue.record("no detail")
                continue
            }
            if Self.preparedBefore.contains(item.testDescription) {
                #expect(found.calls.count == expected.calls.count)
                (expected.calls, expected.descriptions) = (found.calls, found.descriptions)
            }
            #expect(found == expected)
        }
    }

    /// Of rounds that only prepare, there is nothing in a trace.
    private static let preparedBefore = [
        "a statement that is prepared in one round and used in others",
        "behind a missing Parse the unnamed statement is another",
    ]
    private static let login = [Text.startup(), [Text.authenticated, Text.ready()].bytes]
    private static func call(_ name: String, _ sql: String? = nil) -> [PostgreSQLMessage] {
        (sql.map { [Text.parse(name, $0)] } ?? []) + [Text.bind("", name), Text.execute("")]
    }
    private static let prepared = PostgreSQLMessage("1")
    private static let bound = PostgreSQLMessage("2")
    private static let done = Text.complete("SELECT 1")

    static let cases = [
        Case(
            testDescription: "simple",
            turns: login + [Text.query("A").bytes, [Text.columns, Text.row("x"), done, Text.ready()].bytes],
            rounds: [Round(["A"], "C")]),
        Case(
            testDescription: "several statements in one simple query",
            turns: login + [
                Text.query("A; B; ").bytes,
                [Text.columns, Text.row("x"), done, done, PostgreSQLMessage("I"), Text.ready("T")].bytes,
            ],
            rounds: [Round(["A; B; "], "CCI", "T")]),
        Case(
            testDescription: "an error ends a simple query",
            turns: login + [Text.query("A; B; C").bytes, [done, Text.failed, Text.ready("E")].bytes],
            rounds: [Round(["A; B; C"], "CE", "E")]),
        Case(
            testDescription: "extended, unnamed",
            turns: login + [(call("", "A") + [Text.sync]).bytes, [prepared, bound, done, Text.ready()].bytes],
            rounds: [Round(["A"], "C")]),
        Case(
            testDescription: "a statement that is prepared in one round and used in others",
            turns: login + [
                [Text.parse("s", "A"), Text.describe("S", "s"), Text.sync].bytes,
                [prepared, PostgreSQLMessage("t", big16(0)), Text.columns, Text.ready()].bytes,
                (call("s") + call("s") + [Text.sync]).bytes, [bound, done, bound, done, Text.ready()].bytes,
                (call("s") + [Text.sync]).bytes, [bound, done, Text.ready()].bytes,
            ],
            rounds: [Round(["A", "A"], "CC"), Round(["A"], "C")]),
        Case(
            testDescription: "a portal that is fetched from again and again",
            turns: login + [
                [Text.parse("", "A"), Text.bind("p", ""), Text.execute("p", limit: 1), Text.sync].bytes,
                [prepared, bound, Text.row("x"), PostgreSQLMessage("s"), Text.ready("T")].bytes,
                [Text.execute("p", limit: 1), Text.sync].bytes, [Text.row("y"), done, Text.ready("T")].bytes,
            ],
            rounds: [Round(["A"], "s", "T"), Round(["A"], "C", "T")]),
        Case(
            testDescription: "an error skips the rest of an extended round",
            turns: login + [
                (call("", "A") + call("", "B") + call("", "C") + [Text.sync]).bytes,
                [prepared, bound, done, prepared, bound, Text.failed, Text.ready()].bytes,
            ],
            rounds: [Round(["A", "B", "C"], "CE")]),
        Case(
            testDescription: "rounds that are out at once",
            turns: login + [
                (call("", "A") + [Text.sync] + call("", "B") + [Text.sync, Text.query("C")]).bytes,
                [prepared, bound, done, Text.ready(), prepared, bound, Text.failed, Text.ready(), done, Text.ready()]
                    .bytes,
            ],
            rounds: [Round(["A"], "C"), Round(["B"], "E"), Round(["C"], "C")]),
        Case(
            testDescription: "flush: the answer comes in two parts",
            turns: login + [
                [Text.parse("", "A"), Text.describe("S", ""), PostgreSQLMessage("H")].bytes,
                [prepared, Text.columns].bytes, [Text.bind("", ""), Text.execute(""), Text.sync].bytes,
                [bound, done, Text.ready()].bytes,
            ],
            rounds: [Round(["A"], "C")]),
        Case(
            testDescription: "parameters, notices and notifications at any time",
            turns: login + [
                Text.query("A").bytes,
                [
                    PostgreSQLMessage("N", [0]), PostgreSQLMessage("S", Text.string("a") + [0]), done,
                    PostgreSQLMessage("A", [UInt8](repeating: 0, count: 6)), Text.ready(),
                    PostgreSQLMessage("S", [0, 0]),
                ].bytes, Text.query("B").bytes, [done, Text.ready()].bytes,
            ],
            rounds: [Round(["A"], "C"), Round(["B"], "C")]),
        Case(
            testDescription: "copy out and copy in, simple",
            turns: login + [
                Text.query("COPY a TO").bytes,
                [
                    PostgreSQLMessage("H", [0, 0, 0]), PostgreSQLMessage("d", [1]), PostgreSQLMessage("c"), done,
                    Text.ready(),
                ]
                .bytes, Text.query("COPY a FROM").bytes, PostgreSQLMessage("G", [0, 0, 0]).bytes,
                [PostgreSQLMessage("d", [1]), PostgreSQLMessage("c")].bytes, [done, Text.ready()].bytes,
                Text.query("B").bytes, [done, Text.ready()].bytes,
            ],
            rounds: [Round(["COPY a TO"], "C"), Round(["COPY a FROM"], "C"), Round(["B"], "C")]),
        Case(
            // libpq's way: the Sync behind Execute is not heeded while the server takes data, and another follows.
            testDescription: "copy in, extended: two Syncs and one answer",
            turns: login + [
                (call("", "COPY a FROM") + [Text.sync]).bytes,
                [prepared, bound, PostgreSQLMessage("G", [0, 0, 0])].bytes,
                [PostgreSQLMessage("d", [1]), PostgreSQLMessage("c"), Text.sync].bytes, [done, Text.ready()].bytes,
                Text.query("B").bytes, [Text.failed, Text.ready()].bytes,
            ],
            rounds: [Round(["COPY a FROM"], "C"), Round(["B"], "E")]),
        Case(
            testDescription: "SSLRequest refused",
            turns: [Text.sslRequest, [0x4e]] + login + [Text.query("A").bytes, [done, Text.ready()].bytes],
            rounds: [Round(["A"], "C")]),
        Case(
            testDescription: "SSLRequest refused after GSSENCRequest was",
            turns: [Text.startup(80_877_104), [0x4e], Text.sslRequest, [0x4e]] + login + [
                Text.query("A").bytes, [done, Text.ready()].bytes,
            ],
            rounds: [Round(["A"], "C")]),
        Case(
            testDescription: "SSLRequest accepted",
            turns: [Text.sslRequest, [0x53], [0x16, 3, 1, 0, 2, 1, 0], Text.query("no").bytes],
            losses: [.encrypted]),
        Case(testDescription: "a request to cancel", turns: [Text.startup(80_877_102)]),
        Case(
            testDescription: "login that is refused",
            turns: [
                Text.startup(), PostgreSQLMessage("R", big32(3)).bytes, PostgreSQLMessage("p", [1, 0]).bytes,
                Text.failed.bytes,
            ]),
        Case(
            testDescription: "an answer that is cut off", turns: login + [Text.query("A").bytes, Text.columns.bytes],
            losses: [.cutOff]),
        Case(
            testDescription: "a message that is cut off", turns: login + [Text.query("A").bytes.dropLast()],
            losses: [.cutOff]),
        Case(
            testDescription: "a round that is cut off before its Sync", turns: login + [call("", "A").bytes],
            losses: [.cutOff]),
        Case(
            testDescription: "the capture ends in an answer",
            turns: login + [Text.query("A").bytes, Text.columns.bytes], losses: [.cutOff], closes: false),
        Case(testDescription: "not PostgreSQL", turns: [Array("GET / HTTP/1.1\r\n\r\n".utf8)], losses: [.tooLarge]),
        Case(
            testDescription: "a length that cannot be", turns: login + [[0x51, 0, 0, 0, 0]], losses: [.malformed]),
        Case(
            testDescription: "from the middle: a statement from before has no text",
            turns: [
                (call("s") + [Text.sync]).bytes, [bound, done, Text.ready()].bytes, Text.query("B").bytes,
                [done, Text.ready()].bytes,
            ],
            rounds: [Round([nil], "C"), Round(["B"], "C")], fromStart: false),
        Case(
            testDescription: "from the middle of an answer",
            turns: [
                [], Text.row("x").bytes + [Text.ready()].bytes, Text.query("B").bytes, [done, Text.ready()].bytes,
            ],
            rounds: [Round(["B"], "C")], fromStart: false),
        Case(
            testDescription: "from the middle of the client's message",
            turns: [
                Text.query("A").bytes.dropFirst(2) + [], [done, Text.ready()].bytes, Text.query("B").bytes,
                [done, Text.ready()].bytes,
            ],
            rounds: [Round(["B"], "C")], fromStart: false),
        Case(
            testDescription: "a missing request",
            turns: login + [
                Text.query("A").bytes, [done, Text.ready()].bytes, Text.query("B").bytes,
                [Text.failed, Text.ready()].bytes,
            ],
            rounds: [Round(["B"], "E")], losses: [.gap], missing: 2),
        Case(
            testDescription: "a missing answer",
            turns: login + [
                Text.query("A").bytes, [done, Text.ready()].bytes, Text.query("B").bytes,
                [Text.failed, Text.ready()].bytes,
            ],
            rounds: [Round(["B"], "E")], losses: [.gap], missing: 3),
        Case(
            testDescription: "behind a missing Parse the unnamed statement is another",
            turns: login + [
                (call("", "A") + [Text.sync]).bytes, [prepared, bound, done, Text.ready()].bytes,
                [Text.parse("", "B"), Text.sync].bytes, [prepared, Text.ready()].bytes,
                (call("") + [Text.sync]).bytes, [bound, done, Text.ready()].bytes,
            ],
            rounds: [Round(["A"], "C"), Round([nil], "C")], losses: [.gap], missing: 4),
        Case(
            testDescription: "the second part of a round whose first is missing",
            turns: login + [
                [Text.parse("", "A"), Text.bind("", ""), Text.execute(""), PostgreSQLMessage("H")].bytes, [],
                (call("", "B") + [Text.sync]).bytes,
                [prepared, bound, Text.failed, Text.ready()].bytes, Text.query("C").bytes, [done, Text.ready()].bytes,
            ],
            rounds: [Round(["C"], "C")], losses: [.gap], missing: 2),
    ]

    @Test func answersAreKeptMessageByMessage() throws {
        let answer = [Self.prepared, Self.bound, Text.columns, Text.row("x"), Text.row("y"), Self.done]
        let item = Case(
            testDescription: "",
            turns: Self.login + [
                [
                    Text.parse("", "A"), Text.bind("", "", [[5], nil]), Text.describe("P", ""),
                    Text.execute("", limit: 3), Text.sync,
                ]
                .bytes, (answer + [Text.ready("T")]).bytes,
            ])
        let round = try #require(events(item).rounds.first)
        #expect(round.calls == [PostgreSQLCall(sql: "A", values: [[5], nil], rowLimit: 3)])
        #expect(
            round.outcomes == [
                PostgreSQLOutcome(
                    description: Text.columns, rows: [Text.row("x"), Text.row("y")], completion: Self.done)
            ])
        #expect(round.asked < round.answerBegan && round.answerBegan == round.answered)
    }

    /// Found by fuzzing: it was told when its first Sync came and again with its second.
    @Test func aRoundThatGoesOnBehindItsSyncIsOneRequest() {
        var reader = PostgreSQLReader(ReaderSetting(1, fromStart: true))
        var requests = 0
        var exchanges: [Exchange] = []
        let take = { (event: WireEvent) in
            if case .request = event { requests += 1 }
            if case .exchange(_, let exchange) = event { exchanges.append(exchange) }
        }
        let time = Timestamp(nanoseconds: 0)
        let copy = [PostgreSQLMessage("d", [1]), PostgreSQLMessage("c"), Text.sync]
        reader.client(Text.startup().span, at: time, emit: take)
        reader.server([Text.authenticated, Text.ready()].bytes.span, at: time, emit: take)
        reader.client((Self.call("", "COPY a FROM") + [Text.sync]).bytes.span, at: time, emit: take)
        reader.client(copy.bytes.span, at: time, emit: take)
        reader.server([Text.complete("COPY"), Text.ready()].bytes.span, at: time, emit: take)
        #expect(requests == 1 && exchanges.map(\.request.number) == [0])
        #expect(exchanges.first?.request.bytes.suffix(copy.bytes.count) == copy.bytes[...])
    }

    /// Found by fuzzing: it was timed from its first whole message, and otherwise when payload was not kept.
    @Test(arguments: [true, false]) func anAnswerBeginsWithItsFirstByte(_ keepsPayload: Bool) throws {
        var reader = PostgreSQLReader(ReaderSetting(1, fromStart: true, keepsPayload: keepsPayload))
        var exchanges: [Exchange] = []
        let take = { (event: WireEvent) in
            if case .exchange(_, let exchange) = event { exchanges.append(exchange) }
        }
        let times = (0..<4).map { Timestamp(nanoseconds: $0) }
        let answer = [Text.row("long enough"), Text.complete("SELECT"), Text.ready()].bytes
        reader.client(Text.startup().span, at: times[0], emit: take)
        reader.server([Text.authenticated, Text.ready()].bytes.span, at: times[0], emit: take)
        reader.client(Text.query("A").bytes.span, at: times[1], emit: take)
        reader.server(Array(answer[..<9]).span, at: times[2], emit: take)
        reader.server(Array(answer[9...]).span, at: times[3], emit: take)
        let reply = try #require(exchanges.first).reply
        #expect(reply.passage == Passage(firstByte: times[2], lastByte: times[3], byteCount: answer.count))
    }

    /// The copy of a large table is not kept: it is lost, and the next answer is read.
    @Test func answersAreBounded() {
        var reader = PostgreSQLReader(ReaderSetting(1, fromStart: true, payloadLimit: 1000))
        var events: [WireEvent] = []
        let time = Timestamp(nanoseconds: 0)
        let rows = [PostgreSQLMessage](repeating: Text.row(String(repeating: "x", count: 90)), count: 40)
        reader.client(Text.startup().span, at: time) { events.append($0) }
        reader.server([Text.authenticated, Text.ready()].bytes.span, at: time) { events.append($0) }
        for answer in [rows, [], Array(rows.prefix(3))] {
            reader.client(Text.query("A").bytes.span, at: time) { events.append($0) }
            reader.server((answer + [Self.done, Text.ready()]).bytes.span, at: time) { events.append($0) }
        }
        let heard = Heard(events: events)
        #expect(heard.losses == [.tooLarge] && heard.rounds.map(\.outcomes.first?.rows.count) == [0, 3])
    }
}
