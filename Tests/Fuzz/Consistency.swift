package import Wire

/// What holds for events whatever the packets were.
package struct Consistency {
    private struct Count {
        var requests = 0
        var answers = 0
        /// One more than the number of the last request that was told, or answered.
        var told = 0
        var answered = 0
    }

    private let keepsPayload: Bool
    private var counts: [ConnectionID: Count] = [:]
    private var known: Set<ConnectionID> = []
    package private(set) var problems: [String] = []

    package init(keepsPayload: Bool = true) { self.keepsPayload = keepsPayload }

    /// Connections that were opened and not closed.
    package var open: [ConnectionID] { counts.keys.sorted() }

    package mutating func take(_ event: WireEvent) {
        switch event {
        case .opened(let id, _, _, _):
            if !known.insert(id).inserted { problems.append("opened twice") }
            counts[id] = Count()
        case .request(let id, let request):
            let told = counts[id]?.told ?? 0
            if request.number < told { problems.append("a request's number comes again") }
            count(id) { count in
                count.requests += 1
                count.told = max(told, request.number + 1)
            }
            check(request)
        case .exchange(let id, let exchange):
            let number = exchange.request.number
            if number >= counts[id]?.told ?? 0 { problems.append("an exchange whose request was not told") }
            if number < counts[id]?.answered ?? 0 { problems.append("an exchange out of order") }
            count(id) { count in
                count.answers += 1
                count.answered = number + 1
            }
            check(exchange.request)
            if exchange.responseTime < .zero { problems.append("a negative time") }
            if exchange.reply.passage.firstByte > exchange.reply.passage.lastByte {
                problems.append("a reply that ends before it begins")
            }
            let kept = exchange.reply.bytes.count
            if kept != (keepsPayload ? exchange.reply.passage.byteCount : 0) {
                problems.append("a reply that is not whole, or kept against the will")
            }
            if !keepsPayload, exchange.detail != .none { problems.append("a detail kept against the will") }
            if case .postgresql(let round) = exchange.detail, round.calls.isEmpty {
                problems.append("a round of nothing")
            }
        case .lost(let id, let count, _, _):
            self.count(id) { $0.answers += count }
            if count < 1 { problems.append("a loss of nothing") }
        case .recognised(let id, _, _):
            count(id) { _ in }
        case .closed(let id, let account, _):
            count(id) { _ in }
            for side in [account.client, account.server] where side.bytes < 0 || side.missingBytes < side.gaps {
                problems.append("an account that cannot be")
            }
            // Every request that was told has its exchange, or is among the lost.
            if let state = counts.removeValue(forKey: id), state.requests > state.answers {
                problems.append("requests that nobody accounts for")
            }
        }
    }

    private mutating func check(_ request: Request) {
        if request.bytes.count != (keepsPayload ? request.passage.byteCount : 0) {
            problems.append("a request that is not whole, or kept against the will")
        }
        if !keepsPayload, !request.label.isEmpty { problems.append("a label kept against the will") }
        if request.passage.firstByte > request.passage.lastByte {
            problems.append("a request that ends before it begins")
        }
    }

    private mutating func count(_ id: ConnectionID, _ change: (inout Count) -> Void) {
        guard var state = counts[id] else {
            problems.append("an event of a connection that is not open")
            return
        }
        change(&state)
        counts[id] = state
    }
}
