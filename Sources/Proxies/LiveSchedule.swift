package import Model
package import Wire

/// From what the wire says of a server to what is to be replayed when: live, a time shift later. Pure: events in, inputs
/// of the loop out, in any order of their times.
package struct LiveSchedule: Sendable {
    private let server: Endpoint
    private let shift: Duration
    private var shaper: LoadShaper
    private let keepsReplies: Bool
    private var requests = HeardRequests()
    package private(set) var captured = 0
    /// Requests of which not all was heard.
    package private(set) var lost = 0

    package init(of server: Endpoint, _ shape: ReplayShape, shift: Duration) {
        self.server = server
        self.shift = shift
        shaper = LoadShaper(live: shape)
        keepsReplies = shape.keepsReplies
    }

    package mutating func take(_ event: WireEvent, into inputs: inout [ReplayInput]) {
        switch event {
        case .opened(let id, _, let to, let time):
            guard to == server else { return }
            requests.opened(id)
            put(shaper.open(id, at: time), &inputs)
        case .request(let id, let request):
            guard requests.contains(id) else { return }
            captured += 1
            let isPipelined = requests.heard(request.number, on: id)
            put(shaper.request(request, on: id, isPipelined: isPipelined, expected: nil), &inputs)
        case .exchange(let id, let exchange):
            guard requests.contains(id) else { return }
            requests.answered(exchange.request.number, on: id)
            let expected = ExpectedReply(exchange, withBytes: keepsReplies)
            inputs += shaper.keys(of: exchange.request, on: id).map { .expected($0, expected) }
        case .lost(let id, let count, _, _): lost += requests.lost(count, on: id)
        case .closed(let id, _, let time):
            guard requests.closed(id) else { return }
            put(shaper.close(id, at: time), &inputs)
        case .recognised: break
        }
    }

    private func put(_ items: [ReplayItem], _ inputs: inout [ReplayInput]) {
        for item in items {
            inputs.append(.item(ReplayItem(connection: item.connection, due: item.due + shift, kind: item.kind)))
        }
    }
}
