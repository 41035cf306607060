import FuzzEntries
import Model
import TestSupport
import Testing

@testable import Wire

/// Commands and answers of one MySQL connection, paired.
@Suite struct MySQLReaderTests {
    typealias Text = MySQLText

    /// A connection whose turns are one segment each.
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var turns: [Conversation.Turn]
        var exchanges: [Said] = []
        var losses: [LossReason] = []
        /// A turn that the capture misses.
        var missing: Int?
        var fromStart = true
        /// Behind a loss a command is known by the segment that holds it whole.
        var isCut: Bool { missing == nil && fromStart && (losses.isEmpty || exchanges.isEmpty) }

        init(
            _ description: String, _ turns: [Conversation.Turn], _ exchanges: [Said] = [], losses: [LossReason] = [],
            missing: Int? = nil, fromStart: Bool = true
        ) {
            (testDescription, self.turns, self.exchanges, self.losses) = (description, turns, exchanges, losses)
            (self.missing, self.fromStart) = (missing, fromStart)
        }
    }

    struct Said: Equatable, Sendable {
        var label: String
        var status: Int
        /// Of the answer.
        var byteCount: Int

        init(_ label: String, _ answer: [UInt8], status: Int = 0) {
            (self.label, self.status, byteCount) = (label, status, answer.count)
        }

        init(_ exchange: Exchange) {
            (label, status) = (exchange.request.label, exchange.reply.status)
            byteCount = exchange.reply.passage.byteCount
        }
    }

    private func events(_ item: Case, longest: Int = 100_000) -> Heard {
        var conversation = Conversation(item.turns)
        conversation.hasHandshake = item.fromStart
        var random = SeededGenerator(1)
        let segments = conversation.segments(.init(longest: longest), &random)
        var place = Place()
        place.protocolName = .mysql
        return place.events(segments.filter { $0.turn == nil || $0.turn != item.missing })
    }

    @Test(arguments: cases) func pairs(_ item: Case) {
        for longest in item.isCut ? [100_000, 11, 1] : [100_000] {
            let events = events(item, longest: longest)
            #expect(events.all.map(Said.init) == item.exchanges)
            #expect(events.losses == item.losses)
            #expect(events.timesAreInOrder)
            for exchange in events.all {
                let (request, reply) = (exchange.request, exchange.reply)
                #expect(request.bytes.count == request.passage.byteCount)
                #expect(reply.bytes.count == reply.passage.byteCount)
                #expect(reply.isError == (reply.status != 0))
            }
        }
    }

    /// Cut, disordered, repeated and overlapping.
    @Test(arguments: SegmentationPropertyTests.disturbances.indices) func whateverTheNetworkDoes(_ index: Int) throws {
        var random = SeededGenerator(UInt64(6000 + index))
        for item in Self.cases where item.isCut {
            let segments = Conversation(item.turns).segments(SegmentationPropertyTests.disturbances[index].1, &random)
            let events = Place.random(.mysql, &random).events(segments)
            try #require(events.all.map(Said.init) == item.exchanges, "\(item.testDescription)")
            #expect(events.losses == item.losses && events.timesAreInOrder)
        }
    }

    /// Without payload the same is said, with the same keys.
    @Test(arguments: cases.filter { $0.missing == nil }) func keepsNothing(_ item: Case) {
        let kept = feed(item, keepsPayload: true)
        let plain = feed(item, keepsPayload: false)
        #expect(plain.requests.map(\.key) == kept.requests.map(\.key))
        #expect(plain.all.map(\.reply.status) == kept.all.map(\.reply.status))
        #expect(plain.all.map(\.reply.passage) == kept.all.map(\.reply.passage))
        #expect(plain.all.map(\.request.passage) == kept.all.map(\.request.passage))
        #expect(plain.losses == kept.losses)
        #expect(plain.all.allSatisfy { $0.request.label.isEmpty && $0.request.bytes.isEmpty && $0.reply.bytes.isEmpty })
    }

    private func feed(_ item: Case, keepsPayload: Bool) -> Heard {
        var reader = MySQLReader(ReaderSetting(1, fromStart: item.fromStart, keepsPayload: keepsPayload))
        return Self.feed(item.turns.map { ($0.side, $0.bytes) }, to: &reader)
    }

    private static func feed(_ turns: [(Side, [UInt8])], to reader: inout MySQLReader) -> Heard {
        var events: [WireEvent] = []
        var time = Timestamp(nanoseconds: 0)
        for (side, bytes) in turns {
            time = time + .milliseconds(1)
            switch side {
            case .client: reader.client(bytes.span, at: time) { events.append($0) }
            case .server: reader.server(bytes.span, at: time) { events.append($0) }
            }
        }
        reader.cutOff(at: time) { events.append($0) }
        return Heard(events: events)
    }

    /// Payloads of 16 MiB - 1 and more go on in the next packet; only the server's are passed over.
    @Test(arguments: [true, false]) func payloadsOfSeveralPackets(_ keepsPayload: Bool) {
        let sql = [MySQLCommand.query.rawValue] + [UInt8](repeating: 0x78, count: MySQLPackets.longest - 1)
        let row = [0xfd] + Text.little(UInt64(MySQLPackets.longest), 3)
        let rows = [
            row + [UInt8](repeating: 0xfe, count: MySQLPackets.longest), [0xfe] + [UInt8](repeating: 1, count: 1 << 24),
        ]
        let answer = Text.packets([[1], Text.column, Text.eof()])
        // Each row takes two numbers.
        let data = Text.packet(4, rows[0]) + Text.packet(6, rows[1]) + Text.packet(8, Text.eof())
        var reader = MySQLReader(ReaderSetting(1, fromStart: false, keepsPayload: keepsPayload))
        let heard = Self.feed(
            [
                (.client, Text.query("A")), (.server, Text.packet(1, Text.ok())), (.client, Text.packet(0, sql)),
                (.server, answer + data), (.client, Text.query("B")), (.server, Text.packet(1, Text.ok())),
            ], to: &reader)
        #expect(heard.losses.isEmpty)
        #expect(heard.all.map(\.request.passage.byteCount) == [6, sql.count + 8, 6])
        #expect(heard.all.map(\.reply.passage.byteCount) == [11, answer.count + data.count, 11])
        #expect(reader.retainedBytes < 1 << 10)
    }

    /// The answer of a large table is not kept: it is lost, and the next one is read. Nor is a large command.
    @Test func payloadIsBounded() {
        let large = Text.packets(
            [[1], Text.column, Text.eof()] + Array(repeating: Text.text("x"), count: 900) + [Text.eof()])
        let long = String(repeating: "x", count: 1100)
        for keepsPayload in [true, false] {
            var reader = MySQLReader(
                ReaderSetting(1, fromStart: false, keepsPayload: keepsPayload, payloadLimit: 1000))
            let heard = Self.feed(
                [
                    (.client, Text.query("A")), (.server, large), (.client, Text.query("B")),
                    (.server, Text.packet(1, Text.ok())), (.client, Text.query(long)),
                    (.server, Text.packet(1, Text.ok())), (.client, Text.query("C")),
                    (.server, Text.packet(1, Text.ok())),
                ], to: &reader)
            #expect(heard.losses == (keepsPayload ? [.tooLarge, .tooLarge] : [.tooLarge]))
            #expect(heard.all.count == (keepsPayload ? 2 : 3))
        }
    }

    @Test func keysAreOfTheQuestion() throws {
        let question = "SELECT ?"
        func prepare(_ number: UInt32) -> [(Side, [UInt8])] {
            [
                (.client, Text.prepare(question)),
                (.server, Text.packets([Text.prepared(number, columns: 0, parameters: 1), Text.column])),
            ]
        }
        func call(_ command: [UInt8]) -> [(Side, [UInt8])] {
            [(.client, command), (.server, Text.packet(1, Text.ok()))]
        }
        func longData(_ bytes: [UInt8]) -> (Side, [UInt8]) {
            (.client, Text.statement(.sendLongData, 2, [0, 0] + bytes))
        }
        var reader = MySQLReader(ReaderSetting(1, fromStart: true))
        var turns = Text.login(Text.deprecateEOF).map { ($0.side, $0.bytes) }
        turns += prepare(1) + prepare(2)
        turns += call(Text.execute(1, 5)) + call(Text.execute(1, 5, hasTypes: false)) + call(Text.execute(2, 5))
        turns += call(Text.execute(2, 6)) + [longData([1])] + call(Text.execute(2, 5)) + [longData([2])]
        turns += call(Text.execute(2, 5)) + call(Text.query("A")) + call(Text.query("A")) + call(Text.query("B"))
        let heard = Self.feed(turns, to: &reader)
        let keys = heard.all.map(\.request.key)
        try #require(keys.count == 11)
        #expect(keys[0] == keys[1])
        #expect(keys[2] == keys[3] && keys[3] == keys[4])
        #expect(Set(keys[4...]).count == 6)
        #expect(keys[8] == keys[9])
        #expect(heard.all[2...7].allSatisfy { $0.request.label == question })
    }

    @Test(arguments: recognitions) func recognises(_ item: Recognised) {
        #expect(MySQLReader.entry.recognise(item.client.span, item.server.span) == item.recognition)
    }

    struct Recognised: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var client: [UInt8] = []
        var server: [UInt8] = []
        var recognition: Recognition
    }

    static let recognitions = [
        Recognised(testDescription: "nothing", recognition: .unsure),
        Recognised(testDescription: "greeting", server: Text.greeting(), recognition: .certain),
        Recognised(
            testDescription: "a part of the greeting", server: Array(Text.greeting().prefix(9)), recognition: .likely),
        Recognised(
            testDescription: "a version that is no text", server: Text.greeting(version: "\u{1}"), recognition: .no),
        Recognised(testDescription: "refusal", server: Text.packet(0, Text.error(1040)), recognition: .likely),
        Recognised(testDescription: "query", client: Text.query("A"), recognition: .likely),
        Recognised(testDescription: "ping", client: Text.command(.ping), recognition: .unsure),
        Recognised(
            testDescription: "query and answer", client: Text.query("A"), server: Text.packet(1, Text.ok()),
            recognition: .likely),
        Recognised(
            testDescription: "query and something else", client: Text.query("A"), server: Array("HTTP/1.1 200".utf8),
            recognition: .no),
        Recognised(testDescription: "more than the query", client: Text.query("A") + [1], recognition: .no),
        Recognised(testDescription: "HTTP", client: Array("GET / HTTP/1.1\r\n\r\n".utf8), recognition: .no),
        Recognised(testDescription: "PostgreSQL", client: PostgreSQLText.startup(), recognition: .no),
    ]

    /// Almost MySQL: nothing traps, whatever the cut, and every request is accounted for.
    @Test(arguments: 0..<4) func spoilt(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(7000 + seed))
        let all = Self.cases.flatMap(\.turns).map(\.bytes)
        for round in 0..<12 {
            for item in Self.cases {
                var reader = MySQLReader(
                    ReaderSetting(1, fromStart: random.once(in: 3) != item.fromStart, payloadLimit: 1 << 16))
                var consistency = Consistency()
                let here = Endpoint(IPAddress(v4: 1), 1)
                var time = Timestamp(nanoseconds: 0)
                consistency.take(.opened(1, client: here, server: here, time))
                for turn in item.turns {
                    let other = all.randomElement(using: &random) ?? []
                    let bytes = random.once(in: 3) ? random.mutate(turn.bytes, with: other) : turn.bytes
                    if random.once(in: 20) {
                        reader.gap(fromClient: turn.side == .client, at: time) { consistency.take($0) }
                        continue
                    }
                    for piece in random.cut(bytes, longest: random.once(in: 2) ? 9 : 100_000) {
                        time = time + .milliseconds(1)
                        switch turn.side {
                        case .client: reader.client(Array(piece).span, at: time) { consistency.take($0) }
                        case .server: reader.server(Array(piece).span, at: time) { consistency.take($0) }
                        }
                    }
                }
                if random.once(in: 2) {
                    reader.serverClosed(at: time) { consistency.take($0) }
                    reader.clientClosed(at: time) { consistency.take($0) }
                } else {
                    reader.cutOff(at: time) { consistency.take($0) }
                }
                consistency.take(.closed(1, ConnectionAccount(), time))
                try #require(consistency.problems.isEmpty, "\(item.testDescription), round \(round)")
                #expect(reader.retainedBytes < 1 << 18)
            }
        }
    }

    /// Whatever packet is missing, what is told is true. Where it is of the login, the EOF behind a lonely definition is
    /// passed over: see the cases from the middle.
    @Test(arguments: 0..<60) func nothingIsJoinedAcrossAGap(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(8000 + seed))
        let plain = Self.cases.filter { $0.isCut && $0.losses.isEmpty && $0.testDescription != "parameters only" }
        let item = try #require(plain.randomElement(using: &random))
        let segments = Conversation(item.turns).segments(.init(longest: [5, 40, 300][seed % 3]), &random)
        let carriers = segments.indices.filter { segments[$0].turn != nil }
        var rest = segments
        rest.remove(at: try #require(carriers.randomElement(using: &random)))
        var place = Place()
        place.protocolName = .mysql
        let told = place.events(rest)
        let areTrue = told.all.map { $0.reply.bytes }.isSubsequence(of: events(item).all.map { $0.reply.bytes })
        try #require(areTrue, "\(item.testDescription)")
        #expect(!told.losses.isEmpty || item.exchanges.isEmpty)
    }
}
