import Model
import Testing

@testable import Wire

extension Request {
    var method: String { label.split(separator: " ").first.map(String.init) ?? "" }
    var target: String { label.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
}

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
    init(_ exchange: Exchange) {
        self.init(
            method: exchange.request.method, target: exchange.request.target, request: exchange.request.bytes,
            status: exchange.reply.status, replyLength: exchange.reply.passage.byteCount,
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

    var exchanges: [Exchange] {
        all.filter { $0.protocolName == .http }
    }
    /// Of any protocol.
    var all: [Exchange] { events.compactMap { if case .exchange(_, let exchange) = $0 { exchange } else { nil } } }
    var requests: [Request] {
        events.compactMap { if case .request(_, let request) = $0 { request } else { nil } }
    }
    var rounds: [PostgreSQLRound] {
        all.compactMap { if case .postgresql(let round) = $0.detail { round } else { nil } }
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
        all.allSatisfy {
            let (request, reply) = ($0.request.passage, $0.reply.passage)
            return request.firstByte <= request.lastByte && reply.firstByte <= reply.lastByte
                && request.lastByte <= reply.lastByte
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
