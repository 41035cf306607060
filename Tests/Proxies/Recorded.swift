import Model
import Wire

/// Exchanges as they are recorded, for tests: by hand, or as a protocol's reader makes them of both sides' bytes.
enum Recorded {
    static func at(_ milliseconds: Int64) -> Timestamp { Timestamp(nanoseconds: milliseconds * 1_000_000) }

    static func round(
        _ sql: String, _ values: [String]? = nil, at milliseconds: Int64, says text: String, delay: Int64 = 2,
        number: Int = 0
    ) -> Exchange {
        let asked = at(milliseconds)
        let row = PostgreSQLMessage("D", [0, 1] + int32(text.utf8.count) + Array(text.utf8))
        // One column of type text, named v.
        let description = PostgreSQLMessage(
            "T", [0, 1] + Array("v".utf8) + [0] + int32(0) + [0, 0] + int32(25) + [255, 255] + int32(-1) + [0, 0])
        let outcome = PostgreSQLOutcome(
            description: description, rows: [row], completion: PostgreSQLMessage("C", Array("SELECT 1".utf8) + [0]))
        return round(
            PostgreSQLRound(
                calls: [PostgreSQLCall(sql: sql, values: values.map { $0.map { Array($0.utf8) } })],
                outcomes: [outcome], transactionStatus: 0x49, asked: asked, answerBegan: asked + .milliseconds(1),
                answered: asked + .milliseconds(delay)), number: number)
    }

    static func round(_ round: PostgreSQLRound, number: Int = 0) -> Exchange {
        Exchange(
            .postgresql,
            request: Request(
                number: number, passage: Passage(firstByte: round.asked, lastByte: round.asked, byteCount: 1), key: 0),
            reply: Reply(passage: Passage(firstByte: round.answerBegan, lastByte: round.answered, byteCount: 1)),
            detail: .postgresql(round))
    }

    private static func int32(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// One side's turn of a conversation.
    enum Turn {
        case client([UInt8])
        case server([UInt8])
    }

    /// What the protocol's reader makes of a conversation in which each turn takes a millisecond.
    static func exchanges(
        _ name: ApplicationProtocol, _ turns: [Turn], from milliseconds: Int64 = 0, fromStart: Bool = true
    ) -> [Exchange] {
        guard var reader = ProtocolTable.entry(name)?.reader(ReaderSetting(1, fromStart: fromStart)) else { return [] }
        var exchanges: [Exchange] = []
        var time = at(milliseconds)
        let emit = { (event: WireEvent) in if case .exchange(_, let exchange) = event { exchanges.append(exchange) } }
        for turn in turns {
            switch turn {
            case .client(let bytes): reader.client(bytes.span, at: time, emit: emit)
            case .server(let bytes): reader.server(bytes.span, at: time, emit: emit)
            }
            time = time + .milliseconds(1)
        }
        reader.serverClosed(at: time, emit: emit)
        return exchanges
    }
}
