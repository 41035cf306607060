package import Model

/// What a message parser has to say about the stream it reads.
package enum HTTPFailure: Error, Sendable, Hashable {
    /// Not HTTP/1, or framing that cannot be followed (RFC 9112, section 6.3).
    case malformed(String)
    case tooLarge
}

/// What of a request's method decides how its reply ends.
package enum HTTPVerb: Sendable, Hashable {
    case head, connect, other

    /// Of a label such as `HEAD /items`.
    package init(label: String) {
        self = label.hasPrefix("HEAD ") ? .head : label.hasPrefix("CONNECT ") ? .connect : .other
    }
}

/// One direction of HTTP/1.0 and 1.1 (RFC 9112) as a state machine: bytes in, whole messages out.
package struct HTTPParser: Sendable {
    package enum Role: Sendable { case requests, replies }

    /// What is kept of the bytes.
    package enum Keeping: Sendable { case nothing, heads, all }

    package struct Message: Sendable, Hashable {
        package internal(set) var verb = HTTPVerb.other
        /// Status of a reply; 0 for a request.
        package internal(set) var status = 0
        /// Hash of a request's method and target.
        package internal(set) var key: UInt64 = 0
        /// The message as sent, or its header section, as the parser keeps them.
        package internal(set) var bytes: [UInt8] = []
        package internal(set) var byteCount = 0
        package internal(set) var firstByte: Timestamp
        package internal(set) var lastByte: Timestamp
        package internal(set) var endedByClose = false

        package var passage: Passage { Passage(firstByte: firstByte, lastByte: lastByte, byteCount: byteCount) }

        /// Method and target of a request that is kept.
        package var label: String {
            let end = bytes.firstIndex(of: 0x0a) ?? bytes.endIndex
            if let space = bytes[..<end].firstIndex(of: 0x20), space > 0, space + 1 < end, bytes[space + 1] != 0x20,
                let next = bytes[(space + 1)..<end].firstIndex(of: 0x20)
            {
                return String(decoding: bytes[..<next], as: UTF8.self)
            }
            let words = bytes[..<end].split(separator: 0x20, maxSplits: 2)
            return words.prefix(2).map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
        }
    }

    private enum State: Sendable {
        case head
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case trailer
        case untilClose
        /// After 101: no longer HTTP.
        case upgraded
    }

    package static let headLimit = 65_536

    private let role: Role
    private let keeping: Keeping
    private let messageLimit: Int
    private var state = State.head
    /// A header section that did not come in one piece; then the line in progress of chunk sizes and trailers.
    private var line: [UInt8] = []
    private var message: Message
    /// Nothing of a message has been read since the last one ended.
    package private(set) var isBetweenMessages = true

    package init(_ role: Role, keeping: Keeping, messageLimit: Int = 64 << 20) {
        self.role = role
        self.keeping = keeping
        self.messageLimit = messageLimit
        message = Message(firstByte: .distantPast, lastByte: .distantPast)
    }

    package var retainedBytes: Int { line.count + message.bytes.count }

    /// Whether `bytes` can be the start of a message: used to find a boundary in a connection seen from its middle.
    package static func canStart(_ role: Role, _ bytes: Span<UInt8>) -> Bool {
        switch role {
        case .replies:
            // A segment may end anywhere, also inside the prefix.
            let count = min(bytes.count, versionPrefix.count)
            return count > 0 && (0..<count).allSatisfy { bytes[$0] == versionPrefix[$0] }
        case .requests:
            guard let end = bytes.firstIndex(of: 0x20), end <= 17, end + 1 < bytes.count else { return false }
            // Any token would do for a method, but so would the rest of one that was cut: `EAD` of `HEAD`.
            let method = bytes.extracting(0..<end)
            guard methods.contains(where: { $0.utf8CodeUnitCount == end && method.starts(with: $0) }) else {
                return false
            }
            return bytes[end + 1] == 0x2f || bytes[end + 1] == 0x2a || isToken(bytes[end + 1])
        }
    }

    /// Those registered with IANA (HTTP Method Registry). A few end in another (REBIND, UNLINK): that much is left to chance.
    private static let methods: [StaticString] = [
        "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY", "ACL",
        "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY",
        "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PROPFIND", "PROPPATCH", "REBIND",
        "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF",
        "VERSION-CONTROL",
    ]

    private static let versionPrefix = Array("HTTP/1.".utf8)

    private static func isToken(_ byte: UInt8) -> Bool {
        byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a || byte == 0x2d || byte == 0x5f
    }

    /// Reads on from `position`; gives the next message that becomes whole, or nil when all bytes are read.
    ///
    /// A reply's framing depends on what was asked (RFC 9112, section 6.3, rules 1 and 2): `question` is the verb of the
    /// oldest request that is not answered.
    package mutating func next(
        _ bytes: Span<UInt8>, from position: inout Int, at time: Timestamp, answering question: HTTPVerb = .other
    ) throws(HTTPFailure) -> Message? {
        while position < bytes.count {
            switch state {
            case .upgraded:
                position = bytes.count
            case .head:
                if try readHead(bytes, from: &position, at: time, question) { return finish(at: time) }
            case .body(let left):
                let taken = min(left, bytes.count - position)
                try take(bytes, &position, taken)
                state = .body(left: left - taken)
                if left == taken { return finish(at: time) }
            case .chunk(let left):
                let taken = min(left, bytes.count - position)
                try take(bytes, &position, taken)
                state = left == taken ? .chunkSize : .chunk(left: left - taken)
            case .chunkSize, .trailer:
                let end = bytes.firstIndex(of: 0x0a, from: position).map { $0 + 1 } ?? bytes.count
                line.append(bytes.extracting(position..<end))
                try take(bytes, &position, end - position)
                guard line.count <= 8192 else { throw .tooLarge }
                if line.last == 0x0a, try finishLine() { return finish(at: time) }
            case .untilClose:
                try take(bytes, &position, bytes.count - position)
                message.lastByte = time
            }
        }
        return nil
    }

    /// The connection ended. A reply without a length is whole now; anything else that was begun is not.
    package mutating func close() -> Message? {
        defer {
            isBetweenMessages = true
            line = []
            state = .head
        }
        guard case .untilClose = state else { return nil }
        message.endedByClose = true
        return finish(at: message.lastByte)
    }

    private mutating func take(_ bytes: Span<UInt8>, _ position: inout Int, _ count: Int) throws(HTTPFailure) {
        message.byteCount += count
        if keeping == .all {
            guard message.byteCount <= messageLimit else { throw .tooLarge }
            message.bytes.append(bytes.extracting(position..<position + count))
        }
        position += count
    }

    /// True when the message ends with its header section.
    private mutating func readHead(
        _ bytes: Span<UInt8>, from position: inout Int, at time: Timestamp, _ question: HTTPVerb
    ) throws(HTTPFailure) -> Bool {
        if isBetweenMessages {
            // An empty line before a request is to be ignored (RFC 9112, section 2.2).
            while position < bytes.count, bytes[position] == 0x0d || bytes[position] == 0x0a { position += 1 }
            guard position < bytes.count else { return false }
            isBetweenMessages = false
            message = Message(firstByte: time, lastByte: time)
        }
        let start = position
        if line.isEmpty {
            if let (head, end) = try HTTPHead.read(bytes, from: start, role) {
                guard end - start <= Self.headLimit else { throw .tooLarge }
                position = end
                return begin(head, bytes.extracting(start..<end), question)
            }
            line.append(bytes.extracting(start..<bytes.count))
            position = bytes.count
        } else {
            let before = line.count
            line.append(bytes.extracting(start..<bytes.count))
            position = bytes.count
            // Only what is new is searched, so that many small pieces cost no more than one large.
            if Self.endsHead(line.span, from: before), let (head, end) = try HTTPHead.read(line.span, from: 0, role) {
                guard end <= Self.headLimit else { throw .tooLarge }
                position = start + end - before
                var whole: [UInt8] = []
                swap(&whole, &line)
                let ended = begin(head, whole.span.extracting(0..<end), question)
                swap(&whole, &line)
                line.removeAll(keepingCapacity: true)
                return ended
            }
        }
        guard line.count <= Self.headLimit else { throw .tooLarge }
        // It came in pieces shorter than what all replies begin with.
        if role == .replies, !line.isEmpty, !Self.canStart(.replies, line.span) {
            throw .malformed("a reply that does not start")
        }
        return false
    }

    /// Whether an empty line ends at or behind `start`; a bare line feed ends a line too (RFC 9112, section 2.2).
    private static func endsHead(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        var position = start
        while let feed = bytes.firstIndex(of: 0x0a, from: position) {
            var line = feed
            if line > 0, bytes[line - 1] == 0x0d { line -= 1 }
            // Empty when the byte before it ends a line.
            if line > 0, bytes[line - 1] == 0x0a { return true }
            position = feed + 1
        }
        return false
    }

    /// True when the message is its head alone.
    private mutating func begin(_ head: HTTPHead, _ bytes: Span<UInt8>, _ question: HTTPVerb) -> Bool {
        message.verb = head.verb
        message.status = head.status
        message.key = head.key.value
        message.byteCount = bytes.count
        if keeping != .nothing { message.bytes = [UInt8](bytes) }

        guard role == .replies else {
            if head.isChunked {
                state = .chunkSize
            } else if let length = head.length, length > 0 {
                state = .body(left: length)
            } else {
                return true
            }
            return false
        }
        if head.status < 200 || head.status == 204 || head.status == 304 || question == .head
            || question == .connect && head.status / 100 == 2
        {
            if head.status == 101 { state = .upgraded }
            return true
        }
        if head.isChunked {
            state = .chunkSize
        } else if let length = head.length {
            if length == 0 { return true }
            state = .body(left: length)
        } else {
            state = .untilClose
        }
        return false
    }

    /// A chunk-size line, the empty line behind a chunk, or a trailer line; true when the message ends with it.
    private mutating func finishLine() throws(HTTPFailure) -> Bool {
        defer { line.removeAll(keepingCapacity: true) }
        var end = line.count - 1
        if end > 0, line[end - 1] == 0x0d { end -= 1 }
        if case .trailer = state { return end == 0 }
        // The line end that closes the chunk before.
        if end == 0 { return false }
        // Hexadecimal digits and nothing else, up to an extension.
        var size = 0
        var digits = 0
        while digits < end, let digit = Self.hexadecimal(line[digits]) {
            size = size << 4 | digit
            digits += 1
            guard digits <= 15 else { throw .malformed("a chunk size that is not a number") }
        }
        guard digits > 0, digits == end || line[digits] == 0x3b || line[digits] == 0x20 || line[digits] == 0x09 else {
            throw .malformed("a chunk size that is not a number")
        }
        state = size == 0 ? .trailer : .chunk(left: size)
        return false
    }

    private static func hexadecimal(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte) - 0x30
        case 0x41...0x46: Int(byte) - 0x37
        case 0x61...0x66: Int(byte) - 0x57
        default: nil
        }
    }

    private mutating func finish(at time: Timestamp) -> Message {
        if case .upgraded = state {} else { state = .head }
        isBetweenMessages = true
        message.lastByte = time
        defer { if keeping != .nothing { message.bytes = [] } }
        return message
    }
}
