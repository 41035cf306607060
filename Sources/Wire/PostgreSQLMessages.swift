package import Model

/// One message of PostgreSQL's protocol 3.0 (PostgreSQL documentation, 55.7): its type and its body without the length.
package struct PostgreSQLMessage: Sendable, Hashable {
    /// The type byte; 0 for the untyped messages of start-up.
    package let type: UInt8
    package let body: [UInt8]

    package init(_ type: Character, _ body: [UInt8] = []) {
        self.type = type.asciiValue ?? 0
        self.body = body
    }

    package init(type: UInt8, body: [UInt8]) {
        self.type = type
        self.body = body
    }

    package func `is`(_ character: Character) -> Bool { type == character.asciiValue }

    /// As sent.
    package var bytes: [UInt8] {
        let length = UInt32(body.count + 4)
        var bytes: [UInt8] = type == 0 ? [] : [type]
        bytes.reserveCapacity(body.count + 5)
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: length >> shift))
        }
        return bytes + body
    }
}

/// Reads numbers and texts from a message body; nil when it ends too early.
package struct PostgreSQLBody: Sendable {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package mutating func text() -> String? {
        guard let end = bytes[position...].firstIndex(of: 0) else { return nil }
        defer { position = end + 1 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    package mutating func int16() -> Int? {
        guard position + 2 <= bytes.count else { return nil }
        defer { position += 2 }
        return Int(Int16(bitPattern: UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])))
    }

    /// A count: the server reads it without a sign, and drivers send up to 65,535 values.
    package mutating func count() -> Int? { int16().map { $0 & 0xffff } }

    package mutating func int32() -> Int? {
        guard let high = int16(), let low = int16() else { return nil }
        return Int(Int32(truncatingIfNeeded: high << 16 | low & 0xffff))
    }

    package mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    package mutating func take(_ count: Int) -> [UInt8]? {
        guard count >= 0, position + count <= bytes.count else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// A count of 16 bits and that many values of 16 bits.
    package mutating func int16s() -> [Int]? {
        guard let count = count() else { return nil }
        var values: [Int] = []
        for _ in 0..<count {
            guard let value = int16() else { return nil }
            values.append(value)
        }
        return values
    }
}

/// Cuts one direction of a PostgreSQL connection into messages.
package struct PostgreSQLFramer: Sendable {
    package static let messageLimit = 64 << 20
    package enum Failure: Error { case malformed, tooLarge }

    private var buffer: [UInt8] = []
    /// Where the next message begins; what is before is dropped now and then, not message by message.
    private var start = 0
    /// Bytes of a message's body that are still to come and are passed over.
    private var passing = 0
    /// The type of the message whose body is passed over: it is given when its last byte has come, as any other.
    private var passedType: UInt8?
    /// Whether the bodies of rows and copy data are given, or passed over as they come.
    private let keepsData: Bool
    /// Whether the next message is an untyped one of the client's start-up.
    package var expectsStartup: Bool
    /// Length of the message that `next` gave last, as sent.
    package private(set) var lastByteCount = 0

    package init(expectsStartup: Bool, keepsData: Bool = true) {
        self.expectsStartup = expectsStartup
        self.keepsData = keepsData
    }

    package var isBetweenMessages: Bool { start == buffer.count && passedType == nil }
    /// The type of a message of which only a part has come.
    var begunType: UInt8? { passedType ?? (start < buffer.count && !expectsStartup ? buffer[start] : nil) }
    package var retainedBytes: Int { buffer.count }

    package mutating func append(_ bytes: Span<UInt8>) {
        if start == buffer.count {
            // A large message's room is given back.
            buffer.removeAll(keepingCapacity: buffer.capacity < 1 << 20)
            start = 0
        } else if start > 1 << 16 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        let passed = min(passing, bytes.count)
        passing -= passed
        buffer.append(bytes.extracting(passed..<bytes.count))
    }

    /// The next whole message, or nil until more bytes come.
    package mutating func next() throws(Failure) -> PostgreSQLMessage? {
        if let type = passedType {
            guard passing == 0 else { return nil }
            passedType = nil
            return PostgreSQLMessage(type: type, body: [])
        }
        let prefix = expectsStartup ? 0 : 1
        let count = buffer.count - start
        // No typed message has the type 0, which stands for "untyped" here.
        if prefix == 1, count > 0, buffer[start] == 0 { throw .malformed }
        guard count >= prefix + 4 else { return nil }
        var length = 0
        for index in start + prefix..<start + prefix + 4 { length = length << 8 | Int(buffer[index]) }
        guard length >= 4 else { throw .malformed }
        guard length <= Self.messageLimit else { throw .tooLarge }
        lastByteCount = prefix + length
        // DataRow and CopyData
        if !keepsData, prefix == 1, buffer[start] == 0x44 || buffer[start] == 0x64 {
            let type = buffer[start]
            let here = min(count, prefix + length)
            passing = prefix + length - here
            start += here
            guard passing == 0 else {
                passedType = type
                return nil
            }
            return PostgreSQLMessage(type: type, body: [])
        }
        guard count >= prefix + length else { return nil }
        let end = start + prefix + length
        defer { start = end }
        return PostgreSQLMessage(
            type: prefix == 0 ? 0 : buffer[start], body: Array(buffer[(start + prefix + 4)..<end]))
    }
}

/// What a client asks for in one call: the statement and the values, which together find the recorded answer.
package struct PostgreSQLCall: Hashable, Sendable {
    /// Nil when the statement was prepared before the capture began.
    package let sql: String?
    /// Nil for a simple query. Each value as sent; nil inside is NULL.
    package let values: [[UInt8]?]?
    package let valueFormats: [Int]
    package let resultFormats: [Int]
    package let rowLimit: Int

    package init(
        sql: String?, values: [[UInt8]?]? = nil, valueFormats: [Int] = [], resultFormats: [Int] = [], rowLimit: Int = 0
    ) {
        self.sql = sql
        self.values = values
        self.valueFormats = valueFormats
        self.resultFormats = resultFormats
        self.rowLimit = rowLimit
    }
}

/// What the server said to one call.
package struct PostgreSQLOutcome: Hashable, Sendable {
    /// RowDescription or NoData, when the client asked for it.
    package var description: PostgreSQLMessage?
    /// DataRow messages, notices and copy data, in order.
    package var rows: [PostgreSQLMessage] = []
    /// CommandComplete, EmptyQueryResponse, PortalSuspended or ErrorResponse.
    package var completion: PostgreSQLMessage?

    package init(
        description: PostgreSQLMessage? = nil, rows: [PostgreSQLMessage] = [], completion: PostgreSQLMessage? = nil
    ) {
        self.description = description
        self.rows = rows
        self.completion = completion
    }

    package var isError: Bool { completion?.is("E") ?? false }
}

/// From the first message of a client up to its Sync or simple Query, and the server's answer up to ReadyForQuery.
package struct PostgreSQLRound: Hashable, Sendable {
    package var calls: [PostgreSQLCall]
    /// One for each call of an extended round; all results of a simple query.
    package var outcomes: [PostgreSQLOutcome]
    /// ReadyForQuery's byte: I idle, T in a transaction, E in a failed one.
    package var transactionStatus: UInt8
    /// When the request was whole, when the answer began and when it was whole.
    package var asked: Timestamp
    package var answerBegan: Timestamp
    package var answered: Timestamp
    /// Of statements that were described in this round, or since the one before: a round that only prepares calls nothing.
    package var descriptions: [PostgreSQLDescription]

    package init(
        calls: [PostgreSQLCall], outcomes: [PostgreSQLOutcome], transactionStatus: UInt8, asked: Timestamp,
        answerBegan: Timestamp, answered: Timestamp, descriptions: [PostgreSQLDescription] = []
    ) {
        self.calls = calls
        self.outcomes = outcomes
        self.transactionStatus = transactionStatus
        self.asked = asked
        self.answerBegan = answerBegan
        self.answered = answered
        self.descriptions = descriptions
    }
}

extension PostgreSQLMessage: CustomStringConvertible {
    /// Without the payload: what is captured is private.
    package var description: String { "message \(type) of \(body.count) bytes" }
}

extension PostgreSQLCall: CustomStringConvertible {
    /// Without statement and values.
    package var description: String { values.map { "call with \($0.count) values" } ?? "simple query" }
}
