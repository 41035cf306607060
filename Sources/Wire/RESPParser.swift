package import Model

package enum RESPFailure: Error, Sendable, Hashable {
    case malformed
    case tooLarge
}

/// One direction of a Redis connection: RESP2, RESP3 and inline commands as a scanner that keeps no tree, only how many
/// elements of each open aggregate are still to come (Redis serialization protocol specification).
package struct RESPParser: Sendable {
    /// A client sends arrays of bulk strings or inline commands ("Sending commands to a Redis server"); a server
    /// anything.
    package enum Role: Sendable { case commands, replies }

    package struct Message: Sendable, Hashable {
        /// The first byte of the value, behind its attributes; 0 for an inline command.
        package internal(set) var type: UInt8 = 0
        package internal(set) var passage: Passage
        /// As sent, if payload is kept.
        package internal(set) var bytes: [UInt8] = []
    }

    private enum State: Sendable {
        case line
        case data(left: Int)
        /// CR and LF behind a string's bytes.
        case dataEnd(left: Int)
    }

    /// An aggregate that is open; `left` is negative when its end will be marked ("Streamed aggregated data types").
    private struct Level: Sendable {
        enum Kind: Sendable { case aggregate, attribute, chunks }
        var kind: Kind
        var left: Int
    }

    /// As `proto-inline-max-size` of the server.
    package static let lineLimit = 65_536
    /// As the default of `proto-max-bulk-len`.
    package static let stringLimit = 512 << 20
    package static let countLimit = Int(Int32.max)
    package static let nestingLimit = 128

    private let role: Role
    private let keepsPayload: Bool
    private let messageLimit: Int
    private var state = State.line
    /// A line that did not come in one piece.
    private var line: [UInt8] = []
    private var nesting: [Level] = []
    private var message = Message(passage: .nothing)
    /// The element that is being read is one of the outermost aggregate.
    private var isNoted = false
    /// What is to be known of the last message, until the next one begins.
    private(set) var gist: RESPGist
    /// Nothing of a message has been read since the last one ended.
    package private(set) var isBetweenMessages = true

    package init(_ role: Role, keepsPayload: Bool, messageLimit: Int = 64 << 20) {
        self.role = role
        self.keepsPayload = keepsPayload
        self.messageLimit = messageLimit
        gist = RESPGist(isCommand: role == .commands, keepsLabel: keepsPayload && role == .commands)
    }

    package var retainedBytes: Int { line.count + message.bytes.count }

    /// Reads on from `position`; gives the next message that becomes whole, or nil when all bytes are read.
    package mutating func next(
        _ bytes: Span<UInt8>, from position: inout Int, at time: Timestamp
    ) throws(RESPFailure) -> Message? {
        while position < bytes.count {
            if isBetweenMessages {
                isBetweenMessages = false
                gist.reset()
                message.passage.firstByte = time
            }
            if try step(bytes, from: &position) { return finish(at: time) }
        }
        return nil
    }

    /// One line, or one piece of a string; true when the message is whole.
    private mutating func step(_ bytes: Span<UInt8>, from position: inout Int) throws(RESPFailure) -> Bool {
        switch state {
        case .data(let left):
            let piece = bytes.extracting(position..<min(bytes.count, position + left))
            if isNoted { gist.add(piece) }
            try take(piece, &position)
            state = left == piece.count ? .dataEnd(left: 2) : .data(left: left - piece.count)
        case .dataEnd(let left):
            guard bytes[position] == (left == 2 ? 0x0d : 0x0a) else { throw .malformed }
            try take(bytes.extracting(position..<position + 1), &position)
            state = left == 2 ? .dataEnd(left: 1) : .line
            if left == 1 { return endString() }
        case .line:
            let feed = bytes.firstIndex(of: 0x0a, from: position)
            let piece = bytes.extracting(position..<(feed.map { $0 + 1 } ?? bytes.count))
            guard line.count + piece.count <= Self.lineLimit else { throw .tooLarge }
            try take(piece, &position)
            if feed != nil, line.isEmpty { return try read(piece) }
            line.append(piece)
            guard feed != nil else { return false }
            // Lent out and taken back, so that its room is used again.
            var whole: [UInt8] = []
            swap(&whole, &line)
            let isWhole = try read(whole.span)
            whole.removeAll(keepingCapacity: true)
            swap(&whole, &line)
            return isWhole
        }
        return false
    }

    private mutating func take(_ piece: Span<UInt8>, _ position: inout Int) throws(RESPFailure) {
        position += piece.count
        message.passage.byteCount += piece.count
        guard keepsPayload else { return }
        guard message.passage.byteCount <= messageLimit else { throw .tooLarge }
        message.bytes.append(piece)
    }

    private mutating func finish(at time: Timestamp) -> Message {
        message.passage.lastByte = time
        let whole = message
        message = Message(passage: .nothing)
        isBetweenMessages = true
        return whole
    }

    /// A line with its end; true when the message is whole.
    private mutating func read(_ text: Span<UInt8>) throws(RESPFailure) -> Bool {
        let type = text[0]
        if role == .commands, nesting.isEmpty, type != 0x2a { return try inline(text) }
        guard text.count >= 3, text[text.count - 2] == 0x0d else { throw .malformed }
        let value = text.extracting(1..<text.count - 2)
        if role == .commands, !nesting.isEmpty, type != 0x24 { throw .malformed }
        if nesting.last?.kind == .chunks, type != 0x3b { throw .malformed }
        isNoted = nesting.count == 1 && nesting[0].kind == .aggregate && type != 0x7c && type != 0x2e
        if isNoted { gist.begin() }
        if nesting.isEmpty, type != 0x7c { message.type = type }
        switch type {
        case 0x24, 0x21, 0x3d, 0x3b:  // $ ! = ;
            return try string(type, value)
        case 0x2a, 0x7e, 0x25, 0x7c, 0x3e:  // * ~ % | >
            return try aggregate(type, value)
        case 0x2e:  // . ends what was opened with ?
            guard value.isEmpty, let level = nesting.popLast(), level.left < 0 else { throw .malformed }
            return level.kind == .attribute ? false : complete()
        default:
            try check(type, value)
            if isNoted {
                gist.add(value)
                gist.end()
            }
            return complete()
        }
    }

    /// "Simple types": all that a line holds.
    private mutating func check(_ type: UInt8, _ value: Span<UInt8>) throws(RESPFailure) {
        switch type {
        case 0x2b, 0x2d: return  // + -
        case 0x3a:  // :
            guard let number = Self.integer(value) else { throw .malformed }
            if isNoted { gist.add(number) }
        case 0x5f where value.isEmpty: return  // _
        case 0x23 where value.count == 1 && (value[0] == 0x74 || value[0] == 0x66): return  // #
        case 0x2c where !value.isEmpty, 0x28 where !value.isEmpty: return  // , (
        default: throw .malformed
        }
    }

    private mutating func string(_ type: UInt8, _ value: Span<UInt8>) throws(RESPFailure) -> Bool {
        let isChunk = type == 0x3b
        guard isChunk == (nesting.last?.kind == .chunks) else { throw .malformed }
        if type == 0x24, role == .replies, value.count == 1, value[0] == 0x3f {
            try open(.chunks, -1)
            return false
        }
        guard let length = Self.integer(value) else { throw .malformed }
        if length == -1, type == 0x24, role == .replies { return endString() }
        guard length >= 0 else { throw .malformed }
        if isChunk, length == 0 {
            nesting.removeLast()
            return complete()
        }
        guard length <= Self.stringLimit else { throw .tooLarge }
        if keepsPayload, length > messageLimit - message.passage.byteCount { throw .tooLarge }
        state = length == 0 ? .dataEnd(left: 2) : .data(left: length)
        return false
    }

    /// A chunk's end is not yet the string's.
    private mutating func endString() -> Bool {
        if isNoted { gist.end() }
        return nesting.last?.kind == .chunks ? false : complete()
    }

    private mutating func aggregate(_ type: UInt8, _ value: Span<UInt8>) throws(RESPFailure) -> Bool {
        let kind: Level.Kind = type == 0x7c ? .attribute : .aggregate
        // Push messages stand between replies, never in them ("Pushes").
        if type == 0x3e, !nesting.isEmpty { throw .malformed }
        if role == .replies, value.count == 1, value[0] == 0x3f {
            try open(kind, -1)
            return false
        }
        guard let count = Self.integer(value) else { throw .malformed }
        guard count > 0 else {
            // The server takes a negative count of a command for none.
            guard count == 0 || type == 0x2a && (count == -1 || role == .commands) else { throw .malformed }
            return kind == .attribute ? false : complete()
        }
        guard count <= Self.countLimit else { throw .tooLarge }
        try open(kind, type == 0x25 || type == 0x7c ? count * 2 : count)
        return false
    }

    private mutating func open(_ kind: Level.Kind, _ count: Int) throws(RESPFailure) {
        guard nesting.count < Self.nestingLimit else { throw .tooLarge }
        nesting.append(Level(kind: kind, left: count))
    }

    /// A value ended, and with it the aggregates whose last it was; true when that is the message.
    private mutating func complete() -> Bool {
        while var level = nesting.popLast() {
            level.left -= level.left > 0 ? 1 : 0
            if level.left != 0 {
                nesting.append(level)
                return false
            }
            // What an attribute speaks of follows it ("Attributes").
            if level.kind == .attribute { return false }
        }
        return true
    }

    private mutating func inline(_ text: Span<UInt8>) throws(RESPFailure) -> Bool {
        var end = text.count - 1
        if end > 0, text[end - 1] == 0x0d { end -= 1 }
        // What no one would type is not Redis.
        for index in 0..<end where text[index] < 0x20 && text[index] != 0x09 { throw .malformed }
        _ = RESPInline.split(text.extracting(0..<end), into: &gist)
        return true
    }
}
