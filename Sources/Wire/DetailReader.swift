import Model

/// Reads from the bytes of a trace's exchanges what a trace does not keep: PostgreSQL's calls and results. Exchanges of a
/// connection are given in the order of their replies.
///
/// A round that only prepares a statement is no exchange, so that no trace has it: calls of such a statement are without its
/// text.
package struct DetailReader {
    private var readers: [ConnectionID: PostgreSQLReader] = [:]

    package init() {}

    /// The exchange with its detail; without one where its bytes are not those of a whole round.
    package mutating func whole(_ exchange: Exchange, on id: ConnectionID) -> Exchange {
        guard exchange.protocolName == .postgresql, case .none = exchange.detail else { return exchange }
        var reader = readers[id] ?? PostgreSQLReader(ReaderSetting(id, fromStart: false))
        var whole = exchange
        let take = { (event: WireEvent) in
            if case .exchange(_, let found) = event { whole.detail = found.detail }
        }
        reader.client(exchange.request.bytes.span, at: exchange.request.passage.lastByte, emit: take)
        reader.server(exchange.reply.bytes.span, at: exchange.reply.passage.lastByte, emit: take)
        readers[id] = reader
        if case .postgresql(var round) = whole.detail {
            // Its bytes came at once just now.
            round.answerBegan = exchange.reply.passage.firstByte
            whole.detail = .postgresql(round)
        }
        return whole
    }

    package mutating func closed(_ id: ConnectionID) { readers[id] = nil }
}
