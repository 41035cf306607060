import Model
import TestSupport
import Testing

@testable import Wire

/// The Redis protocol, one direction at a time.
@Suite struct RESPParserTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var text: String
        /// The texts of the messages.
        var messages: [String]
        var failure: RESPFailure?
        var isBetween = true
        /// Lines in `text` end as they are written.
        var isRaw = false

        init(
            _ testDescription: String, _ text: String, _ messages: [String]? = nil, failure: RESPFailure? = nil,
            isBetween: Bool = true, isRaw: Bool = false
        ) {
            (self.testDescription, self.text, self.messages) = (testDescription, text, messages ?? [text])
            (self.failure, self.isBetween, self.isRaw) = (failure, failure == nil && isBetween, isRaw)
        }

        var bytes: [UInt8] { isRaw ? Array(text.utf8) : RESPText.bytes(text) }
    }

    struct Outcome: Equatable {
        var messages: [[UInt8]] = []
        var types: [UInt8] = []
        var keys: [UInt64] = []
        var labels: [String] = []
        var lengths: [Int] = []
        var failure: RESPFailure?
        var isBetween = false
    }

    static func parse(
        _ text: [UInt8], _ role: RESPParser.Role, keeps: Bool = true, limit: Int = 1 << 20, longest: Int = 100_000,
        _ random: inout SeededGenerator
    ) -> Outcome {
        var parser = RESPParser(role, keepsPayload: keeps, messageLimit: limit)
        var outcome = Outcome()
        do throws(RESPFailure) {
            for piece in random.cut(text, longest: longest) {
                var position = 0
                while let message = try parser.next(
                    Array(piece).span, from: &position, at: Timestamp(nanoseconds: 0))
                {
                    outcome.messages.append(message.bytes)
                    outcome.types.append(message.type)
                    outcome.lengths.append(message.passage.byteCount)
                    outcome.keys.append(parser.gist.key.value)
                    outcome.labels.append(String(decoding: parser.gist.label, as: UTF8.self))
                }
            }
        } catch {
            outcome.failure = error
        }
        outcome.isBetween = outcome.failure == nil && parser.isBetweenMessages
        return outcome
    }

    private func check(_ item: Case, _ role: RESPParser.Role) {
        var random = SeededGenerator(1)
        let expected = item.messages.map { item.isRaw ? Array($0.utf8) : RESPText.bytes($0) }
        for longest in [100_000, 3, 1] {
            let outcome = Self.parse(item.bytes, role, longest: longest, &random)
            #expect(outcome.messages == expected)
            #expect(outcome.failure == item.failure)
            #expect(outcome.isBetween == item.isBetween)
            let counted = Self.parse(item.bytes, role, keeps: false, longest: longest, &random)
            #expect(counted.lengths == outcome.lengths && counted.keys == outcome.keys)
            #expect(counted.messages.allSatisfy { $0.isEmpty })
        }
    }

    @Test(arguments: replies) func readsReplies(_ item: Case) { check(item, .replies) }
    @Test(arguments: commands) func readsCommands(_ item: Case) { check(item, .commands) }

    /// Each of them whole, all of them behind each other.
    @Test func everyType() {
        var random = SeededGenerator(2)
        let outcome = Self.parse(RedisScript.replies.flatMap { RESPText.bytes($0) }, .replies, &random)
        let texts = outcome.messages.map { RESPText.text($0) }
        #expect(texts == RedisScript.replies)
    }

    static let replies = [
        Case("several in one piece", "+a\n:1\n$1\nb\n", ["+a\n", ":1\n", "$1\nb\n"]),
        Case("a string that is not whole", "$5\nhell", [], isBetween: false),
        Case("a string longer than its length", "$2\nabc\n", [], failure: .malformed),
        Case("a string behind LF alone", "$1\na\n", [], failure: .malformed, isRaw: true),
        Case("a null array in an array", "*2\n*-1\n$-1\n"),
        Case("empty aggregates in a map", "%1\n*0\n~0\n"),
        Case("streamed: string, array, map, set", "*4\n$?\n;1\na\n;0\n*?\n.\n%?\n+a\n+b\n.\n~?\n:1\n.\n"),
        Case("an empty attribute", "|0\n+a\n"),
        Case("a streamed attribute", "|?\n+a\n+b\n.\n:1\n"),
        Case("several attributes", "|1\n+a\n+b\n|1\n+c\n+d\n:1\n:2\n", ["|1\n+a\n+b\n|1\n+c\n+d\n:1\n", ":2\n"]),
        Case("an attribute of the last element", "*1\n|1\n+a\n*1\n+b\n:1\n"),
        Case("an attribute that nothing follows", "|1\n+a\n+b\n", [], isBetween: false),
        Case("a push between replies", "+a\n>2\n+x\n+y\n+b\n", ["+a\n", ">2\n+x\n+y\n", "+b\n"]),
        Case("a push in a reply", "*1\n>1\n+a\n", [], failure: .malformed),
        Case("infinite and not a number", ",inf\n,-inf\n,nan\n", [",inf\n", ",-inf\n", ",nan\n"]),
        Case("the least integer", ":-9223372036854775808\n:+1\n", [":-9223372036854775808\n", ":+1\n"]),
        Case("an integer too large", ":9223372036854775808\n", [], failure: .malformed),
        Case("an integer of nothing", ":\n", [], failure: .malformed),
        Case("an empty simple string", "+\n-\n", ["+\n", "-\n"]),
        Case("an unknown type", "@1\n", [], failure: .malformed),
        Case("an empty line", "\n", [], failure: .malformed),
        Case("a boolean of neither", "#x\n", [], failure: .malformed),
        Case("an end of nothing", ".\n", [], failure: .malformed),
        Case("an end of a counted array", "*1\n.\n", [], failure: .malformed),
        Case("a chunk of nothing", ";1\na\n", [], failure: .malformed),
        Case("another value among chunks", "$?\n+a\n", [], failure: .malformed),
        Case("a forged string", "$99999999999999\n", [], failure: .tooLarge),
        Case("a string beyond the limit of a message", "$1048577\n", [], failure: .tooLarge),
        Case("a forged array", "*99999999999\n", [], failure: .tooLarge),
        Case("a number that no length has", "$99999999999999999999\n", [], failure: .malformed),
        Case("lengths below zero", "$-2\n", [], failure: .malformed),
        Case("counts below zero", "*-2\n", [], failure: .malformed),
        Case("a map of -1", "%-1\n", [], failure: .malformed),
        Case("too deep", String(repeating: "*1\n", count: 1000), [], failure: .tooLarge),
        Case("deep", String(repeating: "*1\n", count: 100) + ":1\n"),
        Case("a line too long", "+" + String(repeating: "x", count: 70_000) + "\n", [], failure: .tooLarge),
        Case("a line without end", "+" + String(repeating: "x", count: 70_000), [], failure: .tooLarge),
    ]

    static let commands = [
        Case("a command", "*2\n$3\nGET\n$1\na\n"),
        Case("nothing: empty arrays and lines", "*0\n*-1\n\n", ["*0\n", "*-1\n", "\n"]),
        Case("inline", "GET a\nPING\n", ["GET a\n", "PING\n"]),
        Case("inline behind LF alone", "GET a\nPING\n", ["GET a\n", "PING\n"], isRaw: true),
        Case("inline and arrays in turn", "PING\n*1\n$4\nPING\nPING\n", ["PING\n", "*1\n$4\nPING\n", "PING\n"]),
        Case("an argument that looks like a command", "*2\n$4\nECHO\n$4\n*1\n\n"),
        Case("an argument of another type", "*2\n$3\nGET\n:1\n", [], failure: .malformed),
        Case("a null argument", "*2\n$3\nGET\n$-1\n", [], failure: .malformed),
        Case("streamed, which only servers do", "*?\n", [], failure: .malformed),
        Case("no text", "\u{1}\u{2}\n", [], failure: .malformed),
        Case("an inline command too long", "SET a " + String(repeating: "x", count: 70_000), [], failure: .tooLarge),
    ]

    struct Line: CustomTestStringConvertible, Sendable {
        var text: String
        var words: [String]
        var testDescription: String { "\(words.count) words" }
    }

    /// However a command is written, its question is the same: the key is that of its arguments.
    @Test(arguments: [
        Line(text: "get a", words: ["GET", "a"]),
        Line(text: "  GeT \t a  ", words: ["GET", "a"]),
        Line(text: "SET a \"b c\"", words: ["SET", "a", "b c"]),
        Line(text: "SET a 'b \"c'", words: ["SET", "a", "b \"c"]),
        Line(text: "SET a 'it\\'s'", words: ["SET", "a", "it's"]),
        Line(text: "SET a \"\\x41\\n\\t\\\"\\xzz\"", words: ["SET", "a", "A\n\t\"xzz"]),
        Line(text: "SET a \"\"", words: ["SET", "a", ""]),
    ])
    func keysOfInlineCommands(_ line: Line) {
        #expect(key(RESPText.bytes(line.text + "\n")) == key(words: line.words))
    }

    @Test func keysTellQuestionsApart() {
        let all = [
            ["GET", "ab"], ["GET", "a", "b"], ["GETa", "b"], ["GET", "AB"], ["GET", "ab", ""], ["SET", "ab"],
        ]
        let keys = Set(all.map { key(words: $0) })
        #expect(keys.count == all.count)
        #expect(key(words: ["get", "a"]) == key(words: ["GET", "a"]))
    }

    private func key(words: [String]) -> UInt64? {
        let head = Array("*\(words.count)\r\n".utf8)
        return key(words.reduce(head) { $0 + Array("$\($1.utf8.count)\r\n\($1)\r\n".utf8) })
    }

    private func key(_ bytes: [UInt8]) -> UInt64? {
        var random = SeededGenerator(3)
        return Self.parse(bytes, .commands, &random).keys.first
    }

    @Test(arguments: [
        ("get user:7", "GET user:7"), ("PING", "PING"), ("auth secret", "AUTH"), ("AUTH user secret", "AUTH"),
        ("HELLO 3 AUTH user secret", "HELLO 3"), ("EVAL script 1 k a", "EVAL k"), ("EVAL script 0 a", "EVAL"),
        ("BITOP AND to from", "BITOP to"),
        ("XREAD COUNT 2 STREAMS race 0", "XREAD race"), ("OBJECT ENCODING k", "OBJECT k"), ("SET k v", "SET k"),
        ("MSET k v l w", "MSET k"),
    ])
    func labels(_ command: String, _ label: String) {
        var random = SeededGenerator(4)
        for text in [command + "\n", RESPText.command(command)] {
            #expect(Self.parse(RESPText.bytes(text), .commands, &random).labels == [label])
            #expect(Self.parse(RESPText.bytes(text), .commands, keeps: false, &random).labels == [""])
        }
    }

    /// However spoilt, the cutting changes nothing, and no more comes out than went in.
    @Test(arguments: [RESPParser.Role.commands, .replies]) func spoilt(_ role: RESPParser.Role) throws {
        var random = SeededGenerator(role == .commands ? 40 : 41)
        let texts = (role == .commands ? Self.commands : Self.replies).map(\.bytes).filter { $0.count < 1000 }
        for round in 0..<3000 {
            let text = random.mutate(
                (0..<3).flatMap { _ in texts.randomElement(using: &random) ?? [] },
                with: texts.randomElement(using: &random) ?? [])
            let outcomes = [100_000, 9, 1].map { Self.parse(text, role, longest: $0, &random) }
            let areSame = outcomes.allSatisfy { $0 == outcomes[0] }
            try #require(areSame, "round \(round)")
            try #require(outcomes[0].lengths.reduce(0, +) <= text.count, "round \(round)")
        }
    }
}
