/// What a connection is subscribed to, as the server's confirmations tell (Redis documentation, "Pub/Sub", "Format of
/// pushed messages"). Channels and patterns share the number that is told; shard channels have their own.
struct RedisSubscriptions: Sendable {
    enum Kind: Sendable, Hashable { case channels, patterns, shards }

    /// What an array or a push says by its first word.
    enum Notice: Sendable, Hashable {
        case message
        /// Also told by its number: only a script's reply could look the same.
        case confirmation(Kind, begins: Bool, told: Int)

        init?(_ gist: RESPGist) {
            guard gist.count == 3 || gist.count == 4, let notice = Self.table[gist.first] else { return nil }
            switch notice {
            case .message: self = notice
            case .confirmation(let kind, let begins, _):
                guard let told = gist.number else { return nil }
                self = .confirmation(kind, begins: begins, told: told)
            }
        }

        private static let table: [RESPWord: Notice] = [
            RESPWord("MESSAGE"): .message, RESPWord("PMESSAGE"): .message, RESPWord("SMESSAGE"): .message,
            RESPWord("SUBSCRIBE"): .confirmation(.channels, begins: true, told: 0),
            RESPWord("PSUBSCRIBE"): .confirmation(.patterns, begins: true, told: 0),
            RESPWord("SSUBSCRIBE"): .confirmation(.shards, begins: true, told: 0),
            RESPWord("UNSUBSCRIBE"): .confirmation(.channels, begins: false, told: 0),
            RESPWord("PUNSUBSCRIBE"): .confirmation(.patterns, begins: false, told: 0),
            RESPWord("SUNSUBSCRIBE"): .confirmation(.shards, begins: false, told: 0),
        ]
    }

    private var total = 0
    private var channels = 0
    private var patterns = 0
    private var shards = 0

    var isActive: Bool { total > 0 || shards > 0 }

    /// How many confirmations a command gets that names so many; one that ends all names none, and gets one at least.
    func confirmations(_ kind: Kind, names: Int) -> Int {
        if names > 0 { return names }
        return switch kind {
        case .channels: max(1, channels)
        case .patterns: max(1, patterns)
        case .shards: max(1, shards)
        }
    }

    mutating func confirm(_ kind: Kind, told number: Int) {
        // A foreign number: more than anyone has would only overflow.
        let told = min(max(0, number), 1 << 30)
        switch kind {
        case .channels: channels = max(0, channels + told - total)
        case .patterns: patterns = max(0, patterns + told - total)
        case .shards: shards = told
        }
        if kind != .shards { total = told }
    }
}
