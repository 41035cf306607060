import Model
import TestSupport

@testable import Wire

/// Redis's bytes as one writes them: lines end in LF here and in CR LF on the wire.
enum RESPText {
    static func bytes(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

    /// Back again, for expectations.
    static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    /// A command as programs send it.
    static func command(_ words: [String]) -> String {
        words.reduce("*\(words.count)\n") { $0 + "$\($1.utf8.count)\n\($1)\n" }
    }

    /// Words without spaces.
    static func command(_ words: String) -> String { command(words.split(separator: " ").map(String.init)) }
}

/// What two programs say in Redis: commands of several kinds and their replies, in turns.
struct RedisScript {
    var turns: [Conversation.Turn] = []
    /// Commands and replies as sent.
    var exchanges: [RedisExchange] = []
    /// The exchanges of each turn.
    var numbers: [Range<Int>] = []

    init(exchanges count: Int, pipelined: Int, _ random: inout SeededGenerator) {
        while exchanges.count < count {
            let first = exchanges.count
            for _ in 0..<min(count - first, Int.random(in: 1...pipelined, using: &random)) {
                let isInline = random.once(in: 4)
                let command =
                    isInline
                    ? "GET key:\(exchanges.count)\n" : RESPText.command("SET key:\(exchanges.count) \(random.next())")
                let reply = Self.replies.randomElement(using: &random) ?? ""
                exchanges.append(RedisExchange(request: RESPText.bytes(command), reply: RESPText.bytes(reply)))
            }
            let range = first..<exchanges.count
            turns.append(.init(.client, exchanges[range].flatMap(\.request)))
            turns.append(.init(.server, exchanges[range].flatMap(\.reply)))
            numbers += [range, range]
        }
    }

    static let replies = [
        "+OK\n", "-ERR wrong\n", ":-7\n", "$5\nhello\n", "$0\n\n", "$-1\n", "*-1\n", "*0\n", "_\n", ",1.5e3\n", "#t\n",
        "(123456789012345678901234567890\n", "!5\nERR x\n", "=7\ntxt:abc\n", "*3\n:1\n*1\n$1\na\n$-1\n",
        "%2\n+a\n:1\n+b\n*1\n_\n", "~2\n+a\n+b\n", "|1\n+ttl\n:3600\n*2\n:1\n|1\n+x\n+y\n:2\n", "$11\n\n+OK\n$3\n\n",
        "$?\n;4\nHell\n;1\no\n;0\n", "*?\n:1\n%?\n+a\n:1\n.\n.\n",
    ]
}

struct RedisExchange: Hashable {
    var request: [UInt8]
    var reply: [UInt8]
}

extension Heard {
    var redisExchanges: [RedisExchange] {
        all.map { RedisExchange(request: $0.request.bytes, reply: $0.reply.bytes) }
    }
}
