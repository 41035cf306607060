package import Model
package import Wire

/// A question to the next tier, known by three keys of growing width. All are hashes of what the protocol calls the
/// question, and none can be read back into it.
package struct Question: Hashable, Sendable {
    /// The same question with the same values.
    package let exact: UInt64
    /// The same with other values: what two executions of one line of a program have in common.
    package let template: UInt64
    /// The same kind of command: a verb, a method.
    package let kind: UInt64

    package init(exact: UInt64, template: UInt64, kind: UInt64) {
        self.exact = exact
        self.template = template
        self.kind = kind
    }
}

extension MatchingKey {
    /// A whole part of a question; its length goes in too, so that no other division into parts has the same key.
    mutating func add(part bytes: Span<UInt8>) {
        add(number: bytes.count)
        add(words: bytes)
    }

    mutating func add(part text: String) { add(part: Array(text.utf8).span) }

    mutating func add(number: Int) {
        for shift in stride(from: 0, to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}

/// What the next tier answered on-line, without the question.
package struct RecordedAnswer: Sendable {
    package enum Content: Sendable {
        /// As sent.
        case bytes([UInt8])
        case postgresql(PostgreSQLRound)
    }

    /// Where it was heard: the recorded connection and the request's place on it.
    package let place: RequestKey
    package let asked: Timestamp
    /// From the question being whole to the answer being whole.
    package let delay: Duration
    /// Length of the question.
    package let questionByteCount: Int
    package let endsConnection: Bool
    package let content: Content

    package init(_ exchange: Exchange, of connection: ConnectionID, content: Content) {
        place = RequestKey(connection: connection, number: exchange.request.number)
        asked = exchange.request.passage.lastByte
        delay = exchange.responseTime
        questionByteCount = exchange.request.passage.byteCount
        endsConnection = exchange.reply.endedByClose
        self.content = content
    }

    package var bytes: [UInt8] { if case .bytes(let bytes) = content { bytes } else { [] } }

    package var round: PostgreSQLRound? { if case .postgresql(let round) = content { round } else { nil } }

    /// What it takes in memory, nearly.
    var byteCount: Int {
        switch content {
        case .bytes(let bytes): 256 + bytes.count
        case .postgresql(let round):
            round.outcomes.reduce(512) { sum, outcome in
                outcome.rows.reduce(sum + 256) { $0 + $1.body.count + 48 }
            }
        }
    }
}

/// An exchange of a next tier, as it was heard on-line.
package struct RecordedExchange: Sendable {
    /// Which of the next tiers: the answer points of one tier share what it answered.
    package let tier: String
    package let connection: ConnectionID
    package let exchange: Exchange

    package init(tier: String, connection: ConnectionID, _ exchange: Exchange) {
        self.tier = tier
        self.connection = connection
        self.exchange = exchange
    }
}
