package import Model

/// When the bytes of a message passed the capture point, and how many they were.
package struct Passage: Sendable, Hashable {
    package var firstByte: Timestamp
    package var lastByte: Timestamp
    package var byteCount: Int

    package init(firstByte: Timestamp, lastByte: Timestamp, byteCount: Int) {
        self.firstByte = firstByte
        self.lastByte = lastByte
        self.byteCount = byteCount
    }
}

/// A whole request. `label` and `bytes` are a user's payload: never log them; both are empty unless payload is kept.
package struct Request: Sendable, Hashable {
    /// Its place on the connection, counted from 0.
    package var number: Int
    package var passage: Passage
    /// Equal for requests that ask for the same: a hash of what the protocol calls the question (see `MatchingKey`).
    package var key: UInt64
    /// The question in the protocol's words: `GET /items/7`, the statement's text, a command with its key.
    package var label: String
    /// As sent.
    package var bytes: [UInt8]

    package init(number: Int, passage: Passage, key: UInt64, label: String = "", bytes: [UInt8] = []) {
        self.number = number
        self.passage = passage
        self.key = key
        self.label = label
        self.bytes = bytes
    }
}

/// A whole reply. `bytes` is a user's payload, empty unless payload is kept.
package struct Reply: Sendable, Hashable {
    package var passage: Passage
    /// The protocol's own code: HTTP's status, MySQL's error number, PostgreSQL's SQLSTATE read as a number of base 36;
    /// 0 where the protocol has none.
    package var status: Int
    /// The server says that it failed: HTTP 5xx, or an error message of the other protocols.
    package var isError: Bool
    /// The reply ended with the connection, not by its own framing.
    package var endedByClose: Bool
    /// As sent.
    package var bytes: [UInt8]

    package init(
        passage: Passage, status: Int = 0, isError: Bool = false, endedByClose: Bool = false, bytes: [UInt8] = []
    ) {
        self.passage = passage
        self.status = status
        self.isError = isError
        self.endedByClose = endedByClose
        self.bytes = bytes
    }
}

/// What only one protocol has to say about an exchange; nothing unless payload is kept.
package enum ExchangeDetail: Sendable, Hashable {
    case none
    case postgresql(PostgreSQLRound)
}

/// One request and its reply on one connection.
package struct Exchange: Sendable, Hashable {
    package var protocolName: ApplicationProtocol
    package var request: Request
    package var reply: Reply
    package var detail: ExchangeDetail

    package init(
        _ protocolName: ApplicationProtocol, request: Request, reply: Reply, detail: ExchangeDetail = .none
    ) {
        self.protocolName = protocolName
        self.request = request
        self.reply = reply
        self.detail = detail
    }

    /// From the request being complete to the reply being complete; nothing when the server did not wait for the end of
    /// the request.
    package var responseTime: Duration { max(.zero, reply.passage.lastByte - request.passage.lastByte) }
}

extension Request: CustomStringConvertible {
    /// Without the payload: what is captured is private.
    package var description: String { "request \(number) of \(passage.byteCount) bytes" }
}

extension Reply: CustomStringConvertible {
    package var description: String { "reply \(status) of \(passage.byteCount) bytes" }
}

extension Exchange: CustomStringConvertible {
    package var description: String { "\(protocolName.rawValue) \(request), \(reply)" }
}

/// Hashes what makes two requests ask for the same (FNV-1a, 64 bits: Fowler, Noll and Vo; RFC 9923). The same bytes give
/// the same key in every run and on every machine, so that traces of different days can be compared.
package struct MatchingKey: Sendable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }

    package mutating func add(_ bytes: Span<UInt8>) { for index in bytes.indices { add(bytes[index]) } }

    /// The same for a whole question of some length, by words of eight bytes: for what comes in one piece. It differs
    /// from adding byte by byte, so that a protocol has to keep to one of them.
    package mutating func add(words bytes: Span<UInt8>) {
        var index = 0
        while index + 8 <= bytes.count {
            value = (value ^ bytes.big64(index)) &* 0x0000_0100_0000_01b3
            // The product's upper bits know of all bytes; the lower ones are to know too.
            value ^= value >> 32
            index += 8
        }
        while index < bytes.count {
            add(bytes[index])
            index += 1
        }
    }

    package mutating func add(_ text: String) { for byte in text.utf8 { add(byte) } }
}
