package import Model

/// A whole HTTP/1 request as it was on the wire. `bytes` is a user's payload: never log it.
package struct HTTPRequest: Sendable, Hashable {
    package let method: String
    package let target: String
    package let bytes: [UInt8]
    package let firstByte: Timestamp
    package let lastByte: Timestamp

    package init(method: String, target: String, bytes: [UInt8], firstByte: Timestamp, lastByte: Timestamp) {
        self.method = method
        self.target = target
        self.bytes = bytes
        self.firstByte = firstByte
        self.lastByte = lastByte
    }
}

/// What is kept of a reply: how it answered, when, and how long it was.
package struct HTTPReply: Sendable, Hashable {
    package let status: Int
    package let byteCount: Int
    package let firstByte: Timestamp
    package let lastByte: Timestamp
    /// The reply ended with the connection, not by its own framing.
    package let endedByClose: Bool
}

/// One request and its reply on one connection.
package struct HTTPExchange: Sendable, Hashable {
    package let request: HTTPRequest
    package let reply: HTTPReply

    /// From the request being complete to the reply being complete; nothing when the server did not wait for the end of
    /// the request.
    package var responseTime: Duration { max(.zero, reply.lastByte - request.lastByte) }
}

extension HTTPRequest: CustomStringConvertible {
    /// Without the payload: what is captured is private.
    package var description: String { "\(method) request of \(bytes.count) bytes" }
}
