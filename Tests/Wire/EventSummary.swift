import Model
import Testing

@testable import Wire

/// An exchange without its times, to be compared whatever way its bytes came.
struct PlainExchange: Hashable, CustomTestStringConvertible {
    var method: String
    var target: String
    var request: [UInt8]
    var status: Int
    var replyLength: Int
    var endedByClose = false

    var testDescription: String { "\(method) \(target) \(status)" }
}

extension PlainExchange {
    init(_ exchange: HTTPExchange) {
        self.init(
            method: exchange.request.method, target: exchange.request.target, request: exchange.request.bytes,
            status: exchange.reply.status, replyLength: exchange.reply.byteCount,
            endedByClose: exchange.reply.endedByClose)
    }
}

/// A round without its times.
struct PlainRound: Hashable, CustomTestStringConvertible {
    var calls: [PostgreSQLCall]
    var outcomes: [PostgreSQLOutcome]
    var status: UInt8

    var testDescription: String { "\(calls.count) calls, \(outcomes.count) outcomes" }
}

extension PlainRound {
    init(_ round: PostgreSQLRound) {
        self.init(calls: round.calls, outcomes: round.outcomes, status: round.transactionStatus)
    }
}

/// What a dissector said. A failed expectation prints how much it was, and not what users sent.
struct Heard: CustomTestStringConvertible {
    let events: [WireEvent]
    var testDescription: String { "\(events.count) events" }

    var exchanges: [HTTPExchange] {
        events.compactMap { if case .exchange(_, let exchange) = $0 { exchange } else { nil } }
    }
    var requests: [HTTPRequest] {
        events.compactMap { if case .request(_, let request) = $0 { request } else { nil } }
    }
    var rounds: [PostgreSQLRound] {
        events.compactMap { if case .round(_, let round) = $0 { round } else { nil } }
    }
    /// The reason of each loss, as often as it counts.
    var losses: [LossReason] {
        events.flatMap { event -> [LossReason] in
            guard case .lost(_, let count, let reason, _) = event else { return [] }
            return [LossReason](repeating: reason, count: count)
        }
    }
    var opened: Int { events.count { if case .opened = $0 { true } else { false } } }
    var closed: Int { events.count { if case .closed = $0 { true } else { false } } }

    var plainExchanges: [PlainExchange] { exchanges.map(PlainExchange.init) }
    var plainRounds: [PlainRound] { rounds.map(PlainRound.init) }

    /// A request begins before it ends, and ends before its reply does.
    var timesAreInOrder: Bool {
        exchanges.allSatisfy {
            $0.request.firstByte <= $0.request.lastByte && $0.reply.firstByte <= $0.reply.lastByte
                && $0.request.lastByte <= $0.reply.lastByte
        } && rounds.allSatisfy { $0.asked <= $0.answerBegan && $0.answerBegan <= $0.answered }
    }
}

extension Collection where Element: Equatable {
    /// Whether these are some of `others`, in their order: what a loss may do, and nothing else.
    func isSubsequence(of others: [Element]) -> Bool {
        var rest = others[...]
        for element in self {
            guard let place = rest.firstIndex(of: element) else { return false }
            rest = rest[(place + 1)...]
        }
        return true
    }
}
