/// A short word such as a command's name, in upper case, without storage of its own: up to 16 bytes are told apart.
struct RESPWord: Hashable, Sendable {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var count = 0

    init() {}

    init(_ text: String) { for byte in text.utf8 { add(byte) } }

    /// A longer word is none that is known.
    mutating func add(_ byte: UInt8) {
        count += 1
        if count <= 8 {
            high = high << 8 | UInt64(Self.upper(byte))
        } else if count <= 16 {
            low = low << 8 | UInt64(Self.upper(byte))
        }
    }

    mutating func add(_ bytes: Span<UInt8>) {
        // 17 bytes say that it is too long, and so do more.
        for index in 0..<min(bytes.count, max(0, 17 - count)) { add(bytes[index]) }
    }

    static func upper(_ byte: UInt8) -> UInt8 { byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte }
}

/// What is noted of the outermost elements of a message while they pass: a command's name and question, or the kind of
/// a pub/sub message. Nothing is kept of the elements themselves but a label, if asked for.
struct RESPGist: Sendable {
    /// Elements begun: a command's name and arguments.
    private(set) var count = 0
    private(set) var first = RESPWord()
    private(set) var second = RESPWord()
    private(set) var third = RESPWord()
    /// The third element if it is an integer: in a confirmation of pub/sub, how many subscriptions there are.
    private(set) var number: Int?
    private(set) var key = MatchingKey()
    /// The command's name and its first key.
    private(set) var label: [UInt8] = []

    private let isCommand: Bool
    private let keepsLabel: Bool
    private var keyPlace = RedisKeyPlace.at(1)
    private var word = RESPWord()
    private var length = 0
    private var labels = false

    private static let noKeys = RESPWord("0")
    private static let nameLimit = 64
    private static let labelLimit = 1024

    init(isCommand: Bool, keepsLabel: Bool) {
        (self.isCommand, self.keepsLabel) = (isCommand, keepsLabel)
    }

    mutating func reset() {
        count = 0
        (first, second, third) = (RESPWord(), RESPWord(), RESPWord())
        number = nil
        key = MatchingKey()
        label.removeAll(keepingCapacity: true)
        (word, length, labels) = (RESPWord(), 0, false)
    }

    mutating func begin() {
        count += 1
        length = 0
        if keepsLabel {
            switch keyPlace {
            case _ where count == 1: labels = true
            case .at(let place): labels = count == place + 1
            case .after(let mark): labels = word == mark
            case .afterScript: labels = count == 4 && third != Self.noKeys
            case .nowhere: labels = false
            }
            if labels, count > 1 {
                label.append(0x20)
                keyPlace = .nowhere
            }
        }
        word = RESPWord()
    }

    mutating func add(_ bytes: Span<UInt8>) {
        word.add(bytes)
        guard isCommand else { return }
        length += bytes.count
        if count == 1 {
            for index in bytes.indices { key.add(RESPWord.upper(bytes[index])) }
        } else {
            key.add(bytes)
        }
        guard labels else { return }
        let room = (count == 1 ? Self.nameLimit : Self.labelLimit) - label.count
        for index in 0..<max(0, min(bytes.count, room)) {
            label.append(count == 1 ? RESPWord.upper(bytes[index]) : bytes[index])
        }
    }

    mutating func add(byte: UInt8) {
        let one: InlineArray<1, UInt8> = [byte]
        add(one.span)
    }

    mutating func add(_ number: Int) { if count == 3 { self.number = number } }

    /// The length goes into the key behind the bytes, so that no other division into arguments has the same.
    mutating func end() {
        switch count {
        case 1:
            first = word
            if keepsLabel { keyPlace = RedisKeyPlace(first) }
        case 2: second = word
        case 3: third = word
        default: break
        }
        guard isCommand else { return }
        for shift in stride(from: 0, to: 32, by: 8) { key.add(UInt8(truncatingIfNeeded: length >> shift)) }
    }
}
