package import Model

/// What a message parser has to say about the stream it reads.
package enum HTTPFailure: Error, Sendable, Hashable {
    /// Not HTTP/1, or framing that cannot be followed (RFC 9112, section 6.3).
    case malformed(String)
    case tooLarge
}

/// One direction of HTTP/1.0 and 1.1 (RFC 9112) as a state machine: bytes in, whole messages out.
package struct HTTPParser: Sendable {
    package enum Role: Sendable { case requests, replies }

    package struct Message: Sendable, Hashable {
        /// Method and target of a request; empty for a reply.
        package var method = ""
        package var target = ""
        /// Status of a reply; 0 for a request.
        package var status = 0
        /// The whole message when the parser keeps bytes.
        package var bytes: [UInt8] = []
        /// The header section of a reply, kept when asked for.
        package var head: [UInt8] = []
        package var byteCount = 0
        package var firstByte: Timestamp
        package var lastByte: Timestamp
        package var endedByClose = false
    }

    private enum State: Sendable {
        case head
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case trailer
        case untilClose
        /// After 101 or a CONNECT that succeeded: no longer HTTP.
        case upgraded
    }

    package static let headLimit = 65_536
    package static let messageLimit = 64 << 20

    private let role: Role
    private let keepsBytes: Bool
    private var state = State.head
    /// The header section so far, then the line in progress of chunk sizes and trailers.
    private var line: [UInt8] = []
    private var message: Message?

    package init(_ role: Role, keepsBytes: Bool) {
        self.role = role
        self.keepsBytes = keepsBytes
    }

    /// Nothing of a message has been read since the last one ended.
    package var isBetweenMessages: Bool { message == nil }
    package var isUpgraded: Bool { if case .upgraded = state { true } else { false } }

    /// Whether `bytes` can be the start of a message: used to find a boundary in a connection seen from its middle.
    package static func canStart(_ role: Role, _ bytes: Span<UInt8>) -> Bool {
        switch role {
        case .replies:
            // A segment may end anywhere, also inside the prefix.
            let count = min(bytes.count, versionPrefix.count)
            return count > 0 && (0..<count).allSatisfy { bytes[$0] == versionPrefix[$0] }
        case .requests:
            var index = 0
            while index < bytes.count, index < 20, isToken(bytes[index]) { index += 1 }
            return index > 0 && index + 1 < bytes.count && bytes[index] == 0x20
                && (bytes[index + 1] == 0x2f || bytes[index + 1] == 0x2a || isToken(bytes[index + 1]))
        }
    }

    private static let versionPrefix = Array("HTTP/1.".utf8)

    private static func isToken(_ byte: UInt8) -> Bool {
        byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a || byte == 0x2d || byte == 0x5f
    }

    /// Takes bytes and hands each message on as it becomes whole.
    ///
    /// `replyHasNoBody` is asked with the status when a reply's head is complete: true for the reply to HEAD and for a
    /// CONNECT that succeeded (RFC 9112, section 6.3, rules 1 and 2).
    package mutating func feed(
        _ bytes: Span<UInt8>, at time: Timestamp, replyHasNoBody: (Int) -> Bool,
        emit: (Message) -> Void
    ) throws(HTTPFailure) {
        var position = 0
        while position < bytes.count {
            switch state {
            case .upgraded:
                return
            case .head:
                let byte = bytes[position]
                if message == nil {
                    // An empty line before a request is to be ignored (RFC 9112, section 2.2).
                    if byte == 0x0d || byte == 0x0a {
                        position += 1
                        continue
                    }
                    message = Message(firstByte: time, lastByte: time)
                }
                position += 1
                line.append(byte)
                if byte == 0x0a, line.endsHead {
                    try finishHead(at: time, replyHasNoBody: replyHasNoBody, emit: emit)
                } else if line.count > Self.headLimit {
                    throw .tooLarge
                }
            case .body(let left):
                let taken = min(left, bytes.count - position)
                try take(bytes, position, taken)
                position += taken
                state = .body(left: left - taken)
                if left == taken { finish(at: time, emit: emit) }
            case .chunk(let left):
                let taken = min(left, bytes.count - position)
                try take(bytes, position, taken)
                position += taken
                state = left == taken ? .chunkSize : .chunk(left: left - taken)
            case .chunkSize, .trailer:
                let byte = bytes[position]
                try take(bytes, position, 1)
                position += 1
                line.append(byte)
                if line.count > 8192 { throw .tooLarge }
                if byte == 0x0a { try finishLine(at: time, emit: emit) }
            case .untilClose:
                try take(bytes, position, bytes.count - position)
                message?.lastByte = time
                position = bytes.count
            }
        }
    }

    /// The connection ended. A reply without a length is whole now; anything else that was begun is not.
    package mutating func close(at time: Timestamp, emit: (Message) -> Void) {
        if case .untilClose = state {
            message?.endedByClose = true
            finish(at: message?.lastByte ?? time, emit: emit)
        }
        message = nil
        line = []
        state = .head
    }

    private mutating func take(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) throws(HTTPFailure) {
        message?.byteCount += count
        guard keepsBytes else { return }
        guard (message?.byteCount ?? 0) <= Self.messageLimit else { throw .tooLarge }
        for index in start..<start + count { message?.bytes.append(bytes[index]) }
    }

    private mutating func finishHead(
        at time: Timestamp, replyHasNoBody: (Int) -> Bool, emit: (Message) -> Void
    ) throws(HTTPFailure) {
        let head = try HTTPHead(line, role: role)
        message?.method = head.method
        message?.target = head.target
        message?.status = head.status
        message?.byteCount = line.count
        if keepsBytes { message?.bytes = line } else { message?.head = line }
        line = []

        let bodyless =
            role == .replies
            && (head.status < 200 || head.status == 204 || head.status == 304 || replyHasNoBody(head.status))
        if bodyless {
            let isUpgrade = head.status == 101
            finish(at: time, emit: emit)
            if isUpgrade { state = .upgraded }
        } else if head.isChunked {
            state = .chunkSize
        } else if let length = head.length {
            if length == 0 { finish(at: time, emit: emit) } else { state = .body(left: length) }
        } else if role == .replies {
            state = .untilClose
        } else {
            finish(at: time, emit: emit)
        }
    }

    /// A chunk-size line, the empty line behind a chunk, or a trailer line.
    private mutating func finishLine(at time: Timestamp, emit: (Message) -> Void) throws(HTTPFailure) {
        let text = line.withoutLineEnd
        line = []
        if case .trailer = state {
            if text.isEmpty { finish(at: time, emit: emit) }
            return
        }
        // The line end that closes the chunk before.
        if text.isEmpty { return }
        let digits = text.prefix { $0 != 0x3b && $0 != 0x20 && $0 != 0x09 }
        // Hexadecimal digits and nothing else: `Int` would take a sign.
        guard !digits.isEmpty, digits.count <= 15, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .malformed("a chunk size that is not a number") }
        state = size == 0 ? .trailer : .chunk(left: size)
    }

    private mutating func finish(at time: Timestamp, emit: (Message) -> Void) {
        state = .head
        guard var whole = message else { return }
        message = nil
        whole.lastByte = time
        emit(whole)
    }
}

extension [UInt8] {
    /// Ends with an empty line; a bare line feed is taken too (RFC 9112, section 2.2).
    fileprivate var endsHead: Bool {
        guard count >= 2, self[count - 1] == 0x0a else { return false }
        if self[count - 2] == 0x0a { return true }
        return count >= 3 && self[count - 2] == 0x0d && self[count - 3] == 0x0a
    }

    fileprivate var withoutLineEnd: ArraySlice<UInt8> {
        var end = count
        if end > 0, self[end - 1] == 0x0a { end -= 1 }
        if end > 0, self[end - 1] == 0x0d { end -= 1 }
        return self[..<end]
    }
}
