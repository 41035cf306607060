import Model
import OperatingSystem
import Proxies
import Synchronization
import Wire

/// What one experiment is told of the on-line traffic: every session as it is, or as many and of such a mix as its
/// allocation says, requests a time shift later than they were.
final class Subscription: Sendable {
    private struct State {
        var shaper: LoadShaper
        /// When each request is due, of a load that is not the on-line one.
        var dues: [Timestamp] = []
        /// By the key under which a request is replayed.
        var originals: [RequestKey: RequestKey] = [:]
    }

    let mailbox: Mailbox<ReplayInput>
    let timeShift: Duration
    private let isPlain: Bool
    private let state: Mutex<State>

    init(_ mailbox: Mailbox<ReplayInput>, timeShift: Duration, shape: ReplayShape = ReplayShape()) {
        self.mailbox = mailbox
        self.timeShift = timeShift
        isPlain = shape.scale == 1 && shape.mix.isEmpty
        state = Mutex(State(shaper: LoadShaper(live: shape)))
    }

    func opened(_ id: ConnectionID, at time: Timestamp) { put(state.withLock { $0.shaper.open(id, at: time) }) }

    func closed(_ id: ConnectionID, at time: Timestamp) { put(state.withLock { $0.shaper.close(id, at: time) }) }

    func requested(_ request: Request, on id: ConnectionID, isPipelined: Bool) {
        let key = RequestKey(connection: id, number: request.number)
        put(
            state.withLock { state in
                let items = state.shaper.request(request, on: id, isPipelined: isPipelined, expected: nil)
                if !isPlain {
                    for item in items {
                        guard case .request(let copy) = item.kind else { continue }
                        state.dues.append(item.due + timeShift)
                        state.originals[copy.key] = key
                    }
                }
                return items
            })
    }

    func answered(_ exchange: Exchange, on id: ConnectionID) {
        let expected = ExpectedReply(exchange, withBytes: true)
        state.withLock { state in
            state.shaper.eachKey(of: exchange.request, on: id) { mailbox.put(.expected($0, expected)) }
        }
    }

    private func put(_ items: [ReplayItem]) {
        for item in items {
            mailbox.put(.item(ReplayItem(connection: item.connection, due: item.due + timeShift, kind: item.kind)))
        }
    }

    /// How many requests were to be replayed in a window of the clone's; nil where it is as many as were seen on-line.
    func count(in window: Range<Timestamp>) -> Int? {
        isPlain ? nil : state.withLock { $0.dues.count(where: window.contains) }
    }

    /// The on-line request of which one that was replayed is a copy.
    var originals: [RequestKey: RequestKey] { state.withLock { $0.originals } }
}
