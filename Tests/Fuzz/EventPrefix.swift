import Model
import Wire

/// What events say without the payload: two runs of the same bytes must agree on it, kept or not, cut or not.
struct EventPrefix: Equatable {
    enum Item: Equatable {
        case request(ConnectionID, number: Int, Passage, key: UInt64)
        case exchange(ConnectionID, number: Int, Passage, status: Int, isError: Bool, endedByClose: Bool)
        case lost(ConnectionID, count: Int, LossReason)
        case opened(ConnectionID)
        case closed(ConnectionID, ConnectionAccount)
        case recognised(ConnectionID, ApplicationProtocol)
    }

    private(set) var items: [Item] = []
    private var hasLoss = false
    /// Of what is not kept nothing is too large.
    private(set) var hasTooLarge = false
    /// Where a reader takes up again after a loss depends on where pieces begin: nothing is compared behind one.
    let endsAtLoss: Bool

    init(endsAtLoss: Bool) { self.endsAtLoss = endsAtLoss }

    mutating func take(_ event: WireEvent) {
        if hasLoss, endsAtLoss { return }
        switch event {
        case .opened(let id, _, _, _): items.append(.opened(id))
        case .request(let id, let request):
            items.append(.request(id, number: request.number, request.passage, key: request.key))
        case .exchange(let id, let exchange):
            let reply = exchange.reply
            items.append(
                .exchange(
                    id, number: exchange.request.number, reply.passage, status: reply.status, isError: reply.isError,
                    endedByClose: reply.endedByClose))
        case .lost(let id, let count, let reason, _):
            hasLoss = true
            if reason == .tooLarge { hasTooLarge = true }
            items.append(.lost(id, count: count, reason))
        case .recognised(let id, let name, _): items.append(.recognised(id, name))
        case .closed(let id, let account, _): items.append(.closed(id, account))
        }
    }
}
