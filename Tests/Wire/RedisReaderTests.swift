import FuzzEntries
import Model
import TestSupport
import Testing

@testable import Wire

/// Commands and replies of one Redis connection, paired.
@Suite struct RedisReaderTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// The client's and the server's in alternation; words of a client's line that begins with `!` are a command
        /// as programs send it.
        var turns: [String]
        /// "GET a -> +OK", lines of the reply parted by spaces.
        var exchanges: [String]
        var losses: [LossReason] = []
        /// A turn that the capture misses.
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

    private static func turn(_ number: Int, _ text: String) -> Conversation.Turn {
        let isClient = number % 2 == 0
        let bytes = text.split(separator: "\n").flatMap { line -> [UInt8] in
            RESPText.bytes(isClient && line.hasPrefix("!") ? RESPText.command(String(line.dropFirst())) : line + "\n")
        }
        return .init(isClient ? .client : .server, bytes)
    }

    private func events(_ item: Case, longest: Int) -> Heard {
        var conversation = Conversation(
            item.turns.enumerated().filter { !$0.element.isEmpty }.map { Self.turn($0.offset, $0.element) })
        conversation.hasHandshake = item.fromStart
        var random = SeededGenerator(1)
        let segments = conversation.segments(.init(longest: longest), &random)
        var place = Place()
        place.protocolName = .redis
        return place.events(segments.filter { $0.turn == nil || $0.turn != item.missing })
    }

    @Test(arguments: cases) func pairs(_ item: Case) {
        for longest in item.missing == nil && item.fromStart && item.losses.isEmpty ? [100_000, 7, 1] : [100_000] {
            let events = events(item, longest: longest)
            let exchanges = events.all.map {
                "\($0.request.label) -> \(RESPText.text($0.reply.bytes).split(separator: "\n").joined(separator: " "))"
            }
            #expect(exchanges == item.exchanges)
            #expect(events.losses == item.losses)
            #expect(events.timesAreInOrder)
            #expect(
                events.all.allSatisfy {
                    $0.protocolName == .redis && $0.reply.status == 0
                        && $0.reply.passage.byteCount == $0.reply.bytes.count
                        && $0.request.passage.byteCount == $0.request.bytes.count
                })
            #expect(events.requests.map(\.number) == Array(events.requests.indices))
            var consistency = Consistency()
            for event in events.events { consistency.take(event) }
            #expect(consistency.problems.isEmpty)
        }
    }

    static let cases: [Case] = [
        Case("one at a time", ["!GET a", "$1\nx", "get b\n", "$-1"], ["GET a -> $1 x", "GET b -> $-1"]),
        Case(
            "several at once, in one segment",
            ["!SET a 1\n!INCR a\nPING\n!LRANGE l 0 -1", "+OK\n:2\n+PONG\n*2\n$1\na\n$1\nb"],
            ["SET a -> +OK", "INCR a -> :2", "PING -> +PONG", "LRANGE l -> *2 $1 a $1 b"]),
        Case(
            "replies that come in parts", ["!GET a\n!GET b", "$1\nx\n$1", "", "y"], ["GET a -> $1 x", "GET b -> $1 y"]),
        Case("empty lines and arrays ask nothing", ["*0\n*-1\nPING", "+PONG"], ["PING -> +PONG"]),
        Case(
            "a password is not told", ["!AUTH me secret\nauth secret", "+OK\n-ERR no"],
            ["AUTH -> +OK", "AUTH -> -ERR no"]),
        Case(
            "a transaction", ["!MULTI\n!SET a 1\n!EXEC", "+OK\n+QUEUED\n*1\n+OK"],
            ["MULTI -> +OK", "SET a -> +QUEUED", "EXEC -> *1 +OK"]),
        Case(
            "no replies",
            ["PING\nCLIENT REPLY OFF\nPING\nCLIENT REPLY SKIP\nCLIENT REPLY ON\nGET a", "+PONG\n+OK\n:1"],
            ["PING -> +PONG", "CLIENT REPLY -> +OK", "GET a -> :1"]),
        Case(
            "a reply left out", ["!CLIENT REPLY SKIP\n!SET a 1\n!GET a", "$1\n1"], ["GET a -> $1 1"]),
        Case(
            "left out again and again",
            ["!CLIENT REPLY SKIP\n!CLIENT REPLY SKIP\n!SET a 1\n!GET a\n!client REPLY bad", "$1\n1\n-ERR syntax"],
            ["GET a -> $1 1", "CLIENT REPLY -> -ERR syntax"]),
        Case(
            "queued like any other in a transaction",
            ["!MULTI\n!CLIENT REPLY OFF\n!DISCARD\nPING", "+OK\n+QUEUED\n+OK\n+PONG"],
            ["MULTI -> +OK", "CLIENT REPLY -> +QUEUED", "DISCARD -> +OK", "PING -> +PONG"]),
        Case(
            "RESET ends a silence", ["CLIENT REPLY OFF\nPING\nRESET\nPING", "+RESET\n+PONG"],
            ["RESET -> +RESET", "PING -> +PONG"]),
        Case(
            "RESP3, and pushes that nobody asked for",
            [
                "!HELLO 3\n!GET a", "%1\n+proto\n:3\n>2\n+invalidate\n*1\n$1\na\n$1\nx", "!GET b",
                ">3\n+message\n+c\n+hi\n$1\ny\n>2\n+invalidate\n_",
            ],
            ["HELLO 3 -> %1 +proto :3", "GET a -> $1 x", "GET b -> $1 y"]),
        Case(
            "attributes belong to the reply", ["GET a\nGET b", "|1\n+ttl\n:3600\n$1\nx\n$1\ny"],
            ["GET a -> |1 +ttl :3600 $1 x", "GET b -> $1 y"]),
        Case(
            "subscriptions of RESP2, and messages",
            [
                "!SUBSCRIBE a b\n!PING",
                "*3\n$9\nsubscribe\n$1\na\n:1\n*3\n$7\nmessage\n$1\na\n$2\nhi\n"
                    + "*3\n$9\nsubscribe\n$1\nb\n:2\n*4\n$8\npmessage\n$1\n*\n$1\na\n$2\nhi\n*2\n$4\npong\n$1\nx",
                "!UNSUBSCRIBE\nGET a", "*3\n$11\nunsubscribe\n$1\na\n:1\n*3\n$11\nunsubscribe\n$1\nb\n:0\n$1\nx",
            ],
            [
                "SUBSCRIBE a -> *3 $9 subscribe $1 a :1 *3 $9 subscribe $1 b :2", "PING -> *2 $4 pong $1 x",
                "UNSUBSCRIBE -> *3 $11 unsubscribe $1 a :1 *3 $11 unsubscribe $1 b :0", "GET a -> $1 x",
            ]),
        Case(
            "patterns and channels are ended apart",
            [
                "SUBSCRIBE a b\nPSUBSCRIBE p*",
                "*3\n+subscribe\n+a\n:1\n*3\n+subscribe\n+b\n:2\n*3\n+psubscribe\n+p*\n:3",
                "PUNSUBSCRIBE\nPING", "*3\n+punsubscribe\n+p*\n:2\n*2\n+pong\n+",
            ],
            [
                "SUBSCRIBE a -> *3 +subscribe +a :1 *3 +subscribe +b :2", "PSUBSCRIBE p* -> *3 +psubscribe +p* :3",
                "PUNSUBSCRIBE -> *3 +punsubscribe +p* :2", "PING -> *2 +pong +",
            ]),
        Case(
            "nothing to unsubscribe", ["UNSUBSCRIBE\nPING", "*3\n+unsubscribe\n$-1\n:0\n+PONG"],
            ["UNSUBSCRIBE -> *3 +unsubscribe $-1 :0", "PING -> +PONG"]),
        Case(
            "subscriptions of RESP3",
            [
                "HELLO 3\nSUBSCRIBE a b\nLRANGE l 0 -1",
                "%0\n>3\n+subscribe\n+a\n:1\n>3\n+message\n+a\n+hi\n>3\n+subscribe\n+b\n:2\n*3\n+message\n+a\n+b",
            ],
            [
                "HELLO 3 -> %0", "SUBSCRIBE a -> >3 +subscribe +a :1 >3 +subscribe +b :2",
                "LRANGE l -> *3 +message +a +b",
            ]),
        Case(
            "a subscription refused or queued",
            ["SUBSCRIBE a b\nMULTI\nSSUBSCRIBE s\nDISCARD", "-NOPERM no\n+OK\n+QUEUED\n+OK"],
            ["SUBSCRIBE a -> -NOPERM no", "MULTI -> +OK", "SSUBSCRIBE s -> +QUEUED", "DISCARD -> +OK"]),
        Case(
            "a list that looks like a message, of one who has not subscribed",
            ["LRANGE l 0 -1", "*3\n+message\n+a\n+b"], ["LRANGE l -> *3 +message +a +b"]),
        Case(
            "MONITOR",
            ["PING\nMONITOR", "+PONG\n+OK\n+1.2 [0 x] \"GET\" \"a\"\n", "PING", "+1.3 [0 x] \"PING\"\n+PONG"],
            ["PING -> +PONG", "MONITOR -> +OK"]),
        Case("MONITOR refused", ["MONITOR\nPING", "-NOAUTH no\n+PONG"], ["MONITOR -> -NOAUTH no", "PING -> +PONG"]),
        Case(
            "commands behind MONITOR", ["MONITOR\nPING\nPING", "+OK\n+PONG\n+PONG"], ["MONITOR -> +OK"],
            losses: [.cutOff, .cutOff]),
        Case(
            "a replica", ["PING", "+PONG", "!PSYNC ? -1", "+FULLRESYNC x 0\n$1000000\nREDIS"], ["PING -> +PONG"],
            losses: [.cutOff]),
        Case("a server that refuses", ["", "-ERR max number of clients reached"], []),
        Case(
            "unbalanced quotes", ["SET a \"b\nPING", "-ERR Protocol error"], ["SET a -> -ERR Protocol error"],
            losses: [.cutOff]),
        Case("TLS", ["\u{16}\u{3}\u{1}abc", "\u{16}\u{3}\u{3}abc"], [], losses: [.encrypted]),
        Case(
            "no Redis", ["\u{1}\u{2}\nabc", "\u{16}\u{3}\u{3}abc", "PING", "+PONG"], ["PING -> +PONG"],
            losses: [.malformed]),
        // RESP3 has pushes between replies only; Redis 7.0 puts this one into the array of EXEC, and others behind it.
        Case(
            "a push inside a reply",
            ["HELLO 3\nMULTI\nSUBSCRIBE a\nEXEC", "%0\n+OK\n+QUEUED\n*1\n>3\n+subscribe\n+a\n:1"],
            ["HELLO 3 -> %0", "MULTI -> +OK", "SUBSCRIBE a -> +QUEUED"], losses: [.malformed]),
        Case("a reply that is none", ["PING", "@x", "PING", "+PONG"], ["PING -> +PONG"], losses: [.malformed]),
        Case("no reply before the end", ["PING\nPING", "+PONG"], ["PING -> +PONG"], losses: [.cutOff]),
        Case("a command not sent to its end", ["PING", "+PONG", "*2\n$3\nGET"], ["PING -> +PONG"], losses: [.cutOff]),
        Case(
            "a command missed", ["!GET a", ":1", "!GET b", ":2", "!GET c", ":3"], ["GET a -> :1", "GET c -> :3"],
            losses: [.gap], missing: 2),
        Case(
            "a reply missed", ["!GET a", ":1", "!GET b", ":2", "!GET c", ":3"], ["GET a -> :1", "GET c -> :3"],
            losses: [.gap], missing: 3),
        Case(
            "a reply missed when several were out",
            ["!GET a\n!GET b", ":1\n:2", "!GET c", ":3", "!GET d", ":4"], ["GET a -> :1", "GET b -> :2"],
            losses: [.gap, .gap], missing: 3),
        Case("from the middle", ["", "$1\nx", "!GET a", ":1"], ["GET a -> :1"], fromStart: false),
        Case(
            "from the middle of a command", ["a\n$5\nhello", "+OK", "!GET a", ":1", "GET b", ":2"],
            ["GET a -> :1", "GET b -> :2"], fromStart: false),
        Case(
            "a subscriber from the middle",
            [
                "PING", "*3\n+message\n+a\n+hi\n*2\n+pong\n+", "UNSUBSCRIBE",
                "*3\n+unsubscribe\n+a\n:1\n*3\n+unsubscribe\n+b\n:0", "GET a", ":1",
            ],
            ["PING -> *2 +pong +", "UNSUBSCRIBE -> *3 +unsubscribe +a :1", "GET a -> :1"], fromStart: false),
    ]

    @Test func errors() {
        let item = Case("", ["GET a\nGET b\nGET c", "-ERR x\n!5\nERR y\n*1\n-ERR z"], [])
        #expect(events(item, longest: 100_000).all.map(\.reply.isError) == [true, true, false])
    }

    @Test(arguments: SegmentationPropertyTests.disturbances.indices) func whateverTheNetworkDoes(_ index: Int) throws {
        var random = SeededGenerator(UInt64(400 + index))
        for round in 0..<20 {
            let script = RedisScript(exchanges: 12, pipelined: round % 2 == 0 ? 1 : 6, &random)
            let segments = Conversation(script.turns).segments(SegmentationPropertyTests.disturbances[index].1, &random)
            let events = Place.random(.redis, &random).events(segments)
            let isSame = events.redisExchanges == script.exchanges
            try #require(isSame, "round \(round)")
            #expect(events.losses.isEmpty && events.timesAreInOrder)
        }
    }

    @Test(arguments: 0..<100) func nothingIsJoinedAcrossAGap(_ seed: Int) throws {
        var random = SeededGenerator(UInt64(4000 + seed))
        let script = RedisScript(exchanges: 8, pipelined: seed % 2 == 0 ? 1 : 3, &random)
        let disturbance = Conversation.Disturbance(longest: [5, 40, 300][seed % 3], window: seed % 5)
        var segments = Conversation(script.turns).segments(disturbance, &random)
        let victim = try #require(segments.indices.filter { segments[$0].turn != nil }.randomElement(using: &random))
        segments.remove(at: victim)
        let events = Place.random(.redis, &random).events(segments)
        let areTrue = events.redisExchanges.isSubsequence(of: script.exchanges)
        try #require(areTrue)
        #expect(!events.losses.isEmpty && events.all.count < script.exchanges.count)
    }

    /// Without payload the same exchanges, and their bytes only counted.
    @Test func counts() {
        var random = SeededGenerator(5)
        let script = RedisScript(exchanges: 50, pipelined: 5, &random)
        let kept = drive(RedisReader(.init(1, fromStart: true)), script.turns)
        let counted = drive(RedisReader(.init(1, fromStart: true, keepsPayload: false, payloadLimit: 1)), script.turns)
        #expect(kept.all.map(\.request.passage) == counted.all.map(\.request.passage))
        #expect(kept.all.map(\.reply.passage) == counted.all.map(\.reply.passage))
        #expect(kept.all.map(\.request.key) == counted.all.map(\.request.key))
        #expect(
            counted.all.allSatisfy { $0.request.label.isEmpty && $0.request.bytes.isEmpty && $0.reply.bytes.isEmpty })
        #expect(counted.all.count == 50 && counted.losses.isEmpty)
    }

    /// A message, or all that wait, beyond what is kept.
    @Test(arguments: [
        ["SET a \(String(repeating: "x", count: 200))\n", "+OK\n"],
        ["GET a\n", "$200\n\(String(repeating: "x", count: 200))\n"],
    ])
    func tooLarge(_ turns: [String]) {
        let texts = turns + ["GET b\n", ":1\n"]
        let events = drive(
            RedisReader(.init(1, fromStart: true, payloadLimit: 100)),
            texts.enumerated().map { .init($0.offset % 2 == 0 ? .client : .server, RESPText.bytes($0.element)) })
        #expect(events.losses == [.tooLarge])
        #expect(events.all.map(\.request.label) == ["GET b"])
    }

    @Test(arguments: [
        ("*1\n$4\nPING\n", "", Recognition.certain), ("*12\n", "", .unsure), ("*", "", .unsure), ("", "", .unsure),
        ("PING\n", "", .likely), ("info server\n", "+x\n", .likely), ("GET / HTTP/1.1\n", "", .unsure),
        ("EHLO x\n", "", .no), ("*x", "", .no), ("PING\n", "HTTP/1.1", .no), ("", "220 ready", .no),
    ])
    func recognises(_ client: String, _ server: String, _ recognition: Recognition) {
        let (ours, theirs) = (RESPText.bytes(client), RESPText.bytes(server))
        #expect(RedisReader.entry.recognise(ours.span, theirs.span) == recognition)
    }

    /// Spoilt bytes of both sides, gaps and closes in any order: no crash, and everything is accounted for.
    @Test func spoilt() throws {
        var random = SeededGenerator(50)
        for round in 0..<1500 {
            let item = Self.cases.randomElement(using: &random)?.turns ?? []
            let script = RedisScript(exchanges: 6, pipelined: 4, &random)
            var turns = item.enumerated().map { Self.turn($0.offset, $0.element) }
            turns = (turns + script.turns).map { .init($0.side, random.mutate($0.bytes, with: turns[0].bytes)) }
            var setting = ReaderSetting(
                1, fromStart: !random.once(in: 5), payloadLimit: random.once(in: 4) ? 300 : 1 << 20)
            setting.keepsPayload = true
            let problems = spoil(RedisReader(setting), turns, &random)
            try #require(problems.isEmpty, "round \(round)")
        }
    }
}

/// A reader alone: the turns in pieces, one every millisecond.
func drive(_ reader: some ConnectionReader, _ turns: [Conversation.Turn]) -> Heard {
    var reader = reader
    var events: [WireEvent] = []
    var time = Timestamp(nanoseconds: 0)
    for turn in turns {
        time = time + .milliseconds(1)
        if turn.side == .client {
            reader.client(turn.bytes.span, at: time) { events.append($0) }
        } else {
            reader.server(turn.bytes.span, at: time) { events.append($0) }
        }
    }
    reader.serverClosed(at: time) { events.append($0) }
    reader.clientClosed(at: time) { events.append($0) }
    return Heard(events: events)
}

/// The turns cut anywhere, with gaps between; what does not hold of the events.
func spoil(
    _ reader: some ConnectionReader, _ turns: [Conversation.Turn], _ random: inout SeededGenerator
) -> [String] {
    var reader = reader
    var consistency = Consistency()
    var time = Timestamp(nanoseconds: 0)
    let place = Place()
    consistency.take(.opened(1, client: place.client, server: place.server, time))
    for turn in turns {
        for piece in random.cut(turn.bytes, longest: [2, 20, 1000].randomElement(using: &random) ?? 1) {
            time = time + .milliseconds(1)
            if random.once(in: 30) {
                reader.gap(fromClient: random.once(in: 2), at: time) { consistency.take($0) }
            }
            if turn.side == .client {
                reader.client(Array(piece).span, at: time) { consistency.take($0) }
            } else {
                reader.server(Array(piece).span, at: time) { consistency.take($0) }
            }
        }
    }
    if random.once(in: 2) { reader.clientClosed(at: time) { consistency.take($0) } }
    if random.once(in: 2) { reader.serverClosed(at: time) { consistency.take($0) } }
    reader.cutOff(at: time) { consistency.take($0) }
    consistency.take(.closed(1, ConnectionAccount(), time))
    return consistency.problems
}
