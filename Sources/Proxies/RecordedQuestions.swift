import Model
import Wire

/// Says for which questions a recorded exchange is the answer: the counterpart of what the sessions ask.
struct RecordedQuestions: Sendable {
    typealias Entry = (question: Question, answer: RecordedAnswer, isAside: Bool)

    /// Transactions of Redis that are under way on recorded connections.
    private var transactions: [ConnectionID: RedisTransaction] = [:]
    private static let transactionLimit = 10_000

    mutating func entries(_ exchange: Exchange, of connection: ConnectionID) -> [Entry] {
        switch exchange.protocolName {
        case .postgresql:
            guard case .postgresql(let round) = exchange.detail else { return [] }
            return PostgreSQLQuestions.entries(round) {
                RecordedAnswer(exchange, of: connection, content: $0)
            }
        case .http: return entry(HTTPQuestions.question(exchange.request.bytes), exchange, connection)
        case .redis: return entry(redis(exchange, connection), exchange, connection)
        case .mysql:
            return entry(
                MySQLQuestions.question(
                    key: exchange.request.key, text: exchange.request.label, packets: exchange.request.bytes),
                exchange, connection)
        case .tcp: return entry(OpaqueSession.question(exchange.request.bytes.span), exchange, connection)
        }
    }

    private func entry(_ question: Question?, _ exchange: Exchange, _ connection: ConnectionID) -> [Entry] {
        guard let question, !exchange.reply.bytes.isEmpty else { return [] }
        return [(question, RecordedAnswer(exchange, of: connection, content: .bytes(exchange.reply.bytes)), false)]
    }

    /// What a transaction answers depends on its commands, which came before.
    private mutating func redis(_ exchange: Exchange, _ connection: ConnectionID) -> Question? {
        guard let words = RedisWords(exchange.request.bytes) else { return nil }
        var transaction = transactions[connection] ?? RedisTransaction()
        let question = transaction.question(words)
        if transactions.count >= Self.transactionLimit { transactions.removeAll() }
        transactions[connection] = transaction.isOpen ? transaction : nil
        return question
    }
}
