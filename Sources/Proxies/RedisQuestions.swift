import Wire

/// A command's words: its name and its arguments.
struct RedisWords: Sendable {
    private(set) var words: [[UInt8]] = []

    /// Nil for what is neither an array of strings nor a line; no words for an empty one, which a server passes over.
    init?(_ bytes: [UInt8]) {
        guard bytes.first == 0x2a else {
            // As one types it, without quotes: what the server's own clients do not send.
            words = bytes.split { $0 <= 0x20 }.map { Array($0) }
            return
        }
        var position = 1
        guard let count = Self.number(bytes, &position), count <= bytes.count else { return nil }
        for _ in 0..<max(0, count) {
            guard position < bytes.count, bytes[position] == 0x24 else { return nil }
            position += 1
            guard let length = Self.number(bytes, &position), length >= 0, length <= bytes.count - position else {
                return nil
            }
            words.append(Array(bytes[position..<position + length]))
            position += length + 2
        }
    }

    /// In upper case.
    var name: String { upper(0) }

    func upper(_ index: Int) -> String {
        index < words.count ? String(decoding: words[index].prefix(64), as: UTF8.self).uppercased() : ""
    }

    private static func number(_ bytes: [UInt8], _ position: inout Int) -> Int? {
        guard let end = bytes[position...].firstIndex(of: 0x0d), end + 2 <= bytes.count else { return nil }
        defer { position = end + 2 }
        return Int(String(decoding: bytes[position..<end], as: UTF8.self))
    }
}

/// A connection's MULTI and the commands that are queued behind it, which EXEC asks for all at once (Redis documentation,
/// "Transactions").
struct RedisTransaction: Sendable {
    private var exact = MatchingKey()
    private var template = MatchingKey()
    private var kind = MatchingKey()
    private(set) var isOpen = false

    /// Commands whose answer has an element for each argument: one with fewer is none.
    private static let answeringEach: Set = ["MGET", "HMGET", "GEOPOS", "GEOHASH", "SMISMEMBER", "ZMSCORE"]

    /// Follows the command; nil for one that every server answers alike.
    mutating func question(_ command: RedisWords) -> Question? {
        switch command.name {
        case "":
            return nil
        case "MULTI":
            self = RedisTransaction()
            isOpen = true
            return nil
        case "DISCARD", "RESET":
            self = RedisTransaction()
            return nil
        case "EXEC":
            defer { self = RedisTransaction() }
            add(command)
            return Question(exact: exact.value, template: template.value, kind: kind.value)
        default:
            guard !isOpen else {
                add(command)
                return nil
            }
            var single = RedisTransaction()
            single.add(command)
            return Question(exact: single.exact.value, template: single.template.value, kind: single.kind.value)
        }
    }

    /// The template has the name and the first word behind it, which is nearly always the key, without numbers.
    private mutating func add(_ command: RedisWords) {
        exact.add(part: command.name)
        template.add(part: command.name)
        kind.add(part: command.name)
        exact.add(number: command.words.count)
        if Self.answeringEach.contains(command.name) {
            template.add(number: command.words.count)
            kind.add(number: command.words.count)
        }
        for word in command.words.dropFirst() { exact.add(part: word.span) }
        if command.words.count > 1 {
            let word = command.words[1]
            let key = WordTemplate.of(word.span, insideWords: true)
            template.add(part: key.span)
        }
    }
}
