package import Model
package import Wire

/// Names a recorded request: its connection and its place on it.
package struct RequestKey: Hashable, Sendable {
    package let connection: UInt64
    package let number: Int

    package init(connection: UInt64, number: Int) {
        self.connection = connection
        self.number = number
    }
}

/// A request as it was recorded. `bytes` are a user's payload: never log them.
package struct RecordedRequest: Sendable {
    package var key: RequestKey
    package var bytes: [UInt8]
    /// On-line it was sent while the reply before it on its connection was still out.
    package var isPipelined: Bool
    /// What the on-line server answered, if that is known already.
    package var expected: ExpectedReply?

    package init(_ key: RequestKey, _ bytes: [UInt8], isPipelined: Bool = false) {
        self.key = key
        self.bytes = bytes
        self.isPipelined = isPipelined
    }
}

/// What the on-line server answered to a request, and how long it took from the request being whole.
package struct ExpectedReply: Sendable, Hashable {
    package var status: Int
    package var isError: Bool
    package var responseTime: Duration
    /// As sent, where replies are compared: a user's payload. Else empty.
    package var bytes: [UInt8]

    package init(_ exchange: Exchange, withBytes: Bool) {
        status = exchange.reply.status
        isError = exchange.reply.isError
        responseTime = exchange.responseTime
        bytes = withBytes ? exchange.reply.bytes : []
    }
}

/// Something to replay at its time.
package struct ReplayItem: Sendable {
    package enum Kind: Sendable {
        case open
        case request(RecordedRequest)
        case close
    }

    package let connection: UInt64
    package let due: Timestamp
    package let kind: Kind

    package init(connection: UInt64, due: Timestamp, kind: Kind) {
        self.connection = connection
        self.due = due
        self.kind = kind
    }
}

/// What became of one replayed request.
package struct ReplayedRequest: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        /// `status` is the protocol's own code, as in `Wire.Reply`.
        case answered(status: Int, isError: Bool, at: Timestamp)
        /// The connection was refused, reset or closed before the reply was whole.
        case cutOff(at: Timestamp)
        /// What came is not the protocol's.
        case malformed(at: Timestamp)
        /// No reply when the replay ended.
        case waiting
        /// Not sent: more was waiting for the clone than memory is given to.
        case dropped
    }

    package let key: RequestKey
    package let due: Timestamp
    /// From when its response time runs: when it was due, and later by what its sender was late.
    package var begun: Timestamp
    /// When its bytes were handed to the kernel; nil as long as it waits for its connection.
    package var sent: Timestamp?
    /// It was due while the reply before it on its connection was out, and went on a further connection.
    package var moved = false
    /// It was due while the reply before it on its connection was out, and waited for that.
    package var waited = false
    package var outcome = Outcome.waiting
    /// What the on-line server said to it; nil when that was not known when this ended.
    package var expected: Expected?

    package struct Expected: Sendable, Hashable {
        package var status: Int
        package var isError: Bool
        package var responseTime: Duration

        init(_ reply: ExpectedReply) {
            (status, isError, responseTime) = (reply.status, reply.isError, reply.responseTime)
        }
    }

    package init(key: RequestKey, due: Timestamp, begun: Timestamp? = nil) {
        self.key = key
        self.due = due
        self.begun = begun ?? due
    }

    /// From when it was due to when its reply was whole, or the end of waiting; nil for what was not sent because of us.
    /// How late its sender was is not the server's time; what it waited for a busy connection is.
    package func responseTime(until end: Timestamp) -> Duration? {
        switch outcome {
        case .answered(_, _, let time), .cutOff(let time), .malformed(let time): max(.zero, time - begun)
        case .waiting: max(.zero, end - begun)
        case .dropped: nil
        }
    }
}
