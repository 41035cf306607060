/// Takes values out of Redis' messages (RESP 2 and 3, redis.io/docs/reference/protocol-spec): of a command, what stands
/// behind its key; of a reply, all texts and numbers. Lengths and structure stay.
struct RedisRedaction: Sendable {
    private let isOff: Bool

    init(_ rules: RedactionRules) { isOff = rules.redisValues == .keep }

    /// Commands whose first argument is a value or a credential and not a key.
    private static let valueFirst: Set<String> = ["AUTH", "ECHO", "PING", "EVAL", "EVAL_RO", "FUNCTION"]
    /// Options, which decide what a command does and tell nothing.
    private static let options: Set<String> = [
        "EX", "PX", "EXAT", "PXAT", "NX", "XX", "GT", "LT", "KEEPTTL", "GET", "MATCH", "COUNT", "TYPE", "LIMIT",
        "WITHSCORES", "BY", "ASC", "DESC", "STORE", "AUTH", "SETNAME", "BLOCK", "STREAMS", "GROUP", "REV",
    ]
    /// Replies that are the protocol's own.
    private static let states: Set<String> = ["OK", "PONG", "QUEUED"]

    func redact(request: inout Filler, reply: inout Filler, label: inout Filler) {
        if isOff { return }
        var position = 0
        while position < request.count {
            guard let arguments = command(request, &position) else {
                request.fill(position..<request.count)
                break
            }
            redact(&request, arguments)
        }
        replies(&reply)
        redact(&label, words(label, 0..<label.count))
    }

    private func redact(_ filler: inout Filler, _ arguments: [Range<Int>]) {
        guard let name = arguments.first else { return }
        let kept = Self.valueFirst.contains(filler.text(name).uppercased()) ? 1 : 2
        for argument in arguments.dropFirst(kept) where !Self.options.contains(filler.text(argument).uppercased()) {
            filler.fillValue(argument)
        }
    }

    /// The arguments of the command at `position`; nil when it is none.
    private func command(_ filler: Filler, _ position: inout Int) -> [Range<Int>]? {
        var next = position
        guard let line = line(filler, &next) else { return nil }
        guard filler[line.lowerBound] == 0x2a else {
            // An inline command, as people type it.
            position = next
            return words(filler, line)
        }
        guard let count = Int(filler.text(line.dropFirst())), count <= filler.count else { return nil }
        var arguments: [Range<Int>] = []
        for _ in 0..<max(0, count) {
            guard let head = self.line(filler, &next), filler[head.lowerBound] == 0x24,
                let length = Int(filler.text(head.dropFirst())), length >= 0, length <= filler.count - next - 2
            else { return nil }
            arguments.append(next..<next + length)
            next += length + 2
        }
        position = next
        return arguments
    }

    private func words(_ filler: Filler, _ range: Range<Int>) -> [Range<Int>] {
        range.split(whereSeparator: { filler[$0] == 0x20 }).map { $0 }
    }

    /// A line of at least one byte, without its end.
    private func line(_ filler: Filler, _ position: inout Int) -> Range<Int>? {
        guard let feed = filler.firstIndex(of: 0x0a, from: position, to: filler.count), feed > position + 1,
            filler[feed - 1] == 0x0d
        else { return nil }
        defer { position = feed + 1 }
        return position..<feed - 1
    }

    /// Structure need not be followed: each text says its own length, each other value is a line.
    private func replies(_ filler: inout Filler) {
        var position = 0
        while position < filler.count {
            let start = position
            guard let line = line(filler, &position) else { return filler.fill(start..<filler.count) }
            let value = line.dropFirst()
            switch filler[line.lowerBound] {
            case 0x24, 0x3d, 0x21:  // $ = !
                guard let length = Int(filler.text(value)), length <= filler.count - position - 2 else {
                    return filler.fill(start..<filler.count)
                }
                if length < 0 { continue }
                filler.fillValue(position..<position + length)
                position += length + 2
            case 0x2b: if !Self.states.contains(filler.text(value)) { filler.fillValue(value) }
            case 0x2d:  // An error: its first word is its kind.
                let kind = filler.firstIndex(of: 0x20, from: value.lowerBound, to: value.upperBound)
                if let kind { filler.fill(kind + 1..<value.upperBound) }
            case 0x2c, 0x28: filler.fillValue(value)
            case 0x3a, 0x2a, 0x25, 0x7e, 0x3e, 0x7c, 0x5f, 0x23: break  // : * % ~ > | _ #
            default: return filler.fill(start..<filler.count)
            }
        }
    }
}
