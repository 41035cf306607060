/// What of a command decides how it is answered.
enum RedisCommand: Sendable, Hashable {
    /// One reply.
    case plain
    /// One reply; a subscriber may send it too, and never gets an array for it that looks like a message.
    case ofSubscribers
    /// A confirmation for each channel that is named, or that was subscribed to.
    case subscription(RedisSubscriptions.Kind, begins: Bool, names: Int)
    /// The reply is followed by all that the server does, without end.
    case monitor
    /// From here on the server feeds a replica: no longer requests and replies.
    case replicate
    case hello(isRESP3: Bool)
    case reset
    case multi
    case endOfMulti
    case clientReply(RedisSilence.Order)

    init(_ gist: RESPGist) {
        switch Self.table[gist.first] {
        case nil: self = .plain
        case .subscription(let kind, let begins, _):
            self = .subscription(kind, begins: begins, names: gist.count - 1)
        case .hello: self = gist.count > 1 ? .hello(isRESP3: gist.second == RESPWord("3")) : .plain
        case .clientReply:
            guard gist.count == 3, gist.second == Self.reply, let order = RedisSilence.Order(gist.third) else {
                self = .plain
                return
            }
            self = .clientReply(order)
        case let other?: self = other
        }
    }

    /// The only commands of a RESP2 subscriber, none of which is answered with a message ("Pub/Sub").
    var isForSubscribers: Bool {
        switch self {
        case .ofSubscribers, .subscription, .reset: true
        default: false
        }
    }

    private static let reply = RESPWord("REPLY")

    private static let table: [RESPWord: RedisCommand] = [
        RESPWord("SUBSCRIBE"): .subscription(.channels, begins: true, names: 0),
        RESPWord("PSUBSCRIBE"): .subscription(.patterns, begins: true, names: 0),
        RESPWord("SSUBSCRIBE"): .subscription(.shards, begins: true, names: 0),
        RESPWord("UNSUBSCRIBE"): .subscription(.channels, begins: false, names: 0),
        RESPWord("PUNSUBSCRIBE"): .subscription(.patterns, begins: false, names: 0),
        RESPWord("SUNSUBSCRIBE"): .subscription(.shards, begins: false, names: 0),
        RESPWord("PING"): .ofSubscribers, RESPWord("QUIT"): .ofSubscribers,
        RESPWord("MONITOR"): .monitor, RESPWord("SYNC"): .replicate, RESPWord("PSYNC"): .replicate,
        RESPWord("HELLO"): .hello(isRESP3: false), RESPWord("RESET"): .reset,
        RESPWord("MULTI"): .multi, RESPWord("EXEC"): .endOfMulti, RESPWord("DISCARD"): .endOfMulti,
        RESPWord("CLIENT"): .clientReply(.on),
    ]

    /// Whether the bytes begin with the name of a common command and the end of a word.
    static func isKnownInline(_ bytes: Span<UInt8>) -> Bool {
        var word = RESPWord()
        for index in 0..<min(bytes.count, 17) {
            let byte = bytes[index]
            if byte == 0x20 || byte == 0x0d || byte == 0x0a { return common.contains(word) }
            word.add(byte)
        }
        return false
    }

    private static let common = Set(
        """
        APPEND AUTH CLIENT CLUSTER COMMAND CONFIG DBSIZE DECR DEL ECHO EVAL EXEC EXISTS EXPIRE FLUSHALL FLUSHDB GET \
        HELLO HGET HGETALL HMGET HSET INCR INCRBY INFO KEYS LLEN LPOP LPUSH LRANGE MGET MONITOR MSET MULTI PING \
        PSUBSCRIBE PUBLISH QUIT RESET RPOP RPUSH SADD SCAN SELECT SET SETEX SMEMBERS SUBSCRIBE TIME TTL TYPE XADD \
        ZADD ZRANGE
        """.split(separator: " ").map { RESPWord(String($0)) })
}

/// Where a command's first key stands among its words (Redis documentation, "Command key specifications").
enum RedisKeyPlace: Sendable, Hashable {
    case at(Int)
    case after(RESPWord)
    /// Behind a script and the number of its keys, if there are any: EVAL script 1 key argument.
    case afterScript
    case nowhere

    init(_ name: RESPWord) { self = Self.table[name] ?? .at(1) }

    /// The commands whose first key is not their first argument; what follows AUTH is a secret.
    private static let table: [RESPWord: RedisKeyPlace] = [
        RESPWord("AUTH"): .nowhere,
        RESPWord("EVAL"): .afterScript, RESPWord("EVAL_RO"): .afterScript, RESPWord("EVALSHA"): .afterScript,
        RESPWord("EVALSHA_RO"): .afterScript, RESPWord("FCALL"): .afterScript, RESPWord("FCALL_RO"): .afterScript,
        RESPWord("BITOP"): .at(2), RESPWord("OBJECT"): .at(2), RESPWord("XGROUP"): .at(2), RESPWord("XINFO"): .at(2),
        RESPWord("MIGRATE"): .at(3),
        RESPWord("XREAD"): .after(RESPWord("STREAMS")), RESPWord("XREADGROUP"): .after(RESPWord("STREAMS")),
    ]
}

/// Whether the server answers, as CLIENT REPLY ordered (Redis documentation, "CLIENT REPLY").
struct RedisSilence: Sendable {
    enum Order: Sendable, Hashable {
        case on, off, skip

        init?(_ word: RESPWord) {
            guard let order = Self.words[word] else { return nil }
            self = order
        }

        private static let words: [RESPWord: Order] = [
            RESPWord("ON"): .on, RESPWord("OFF"): .off, RESPWord("SKIP"): .skip,
        ]
    }

    private var isOff = false
    private var skipsNext = false
    /// In a transaction commands are queued, which is answered, and an order is one of them.
    private var isInTransaction = false

    /// Whether this command, the client's next, gets no reply.
    mutating func covers(_ command: RedisCommand) -> Bool {
        let skips = skipsNext
        skipsNext = false
        switch command {
        case .multi: isInTransaction = true
        case .endOfMulti: isInTransaction = false
        case .clientReply(let order) where !isInTransaction:
            if order == .skip { skipsNext = !isOff }
            if order != .skip { isOff = order == .off }
            return order != .on
        case .reset:
            isInTransaction = false
            isOff = false
        default: break
        }
        return isOff || skips
    }
}
