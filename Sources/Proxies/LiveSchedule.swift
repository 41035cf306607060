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
    /// Where among the inputs the last request of a connection was put, if the connections are few and the inputs have not
    /// been handed on; looked at before it is believed.
    private var places = Array(repeating: 0, count: Int(placeCount))
    private static let placeCount: UInt64 = 256
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
            guard let isPipelined = requests.heard(request.number, on: id) else { return }
            captured += 1
            put(shaper.request(request, on: id, isPipelined: isPipelined, expected: nil), &inputs)
        case .exchange(let id, let exchange):
            guard requests.answered(exchange.request.number, on: id) else { return }
            let expected = ExpectedReply(exchange, withBytes: keepsReplies)
            shaper.eachKey(of: exchange.request, on: id) { expect(expected, to: $0, &inputs) }
        case .lost(let id, let count, _, _): lost += requests.lost(count, on: id)
        case .closed(let id, _, let time):
            guard requests.closed(id) else { return }
            put(shaper.close(id, at: time), &inputs)
        case .recognised: break
        }
    }

    private mutating func put(_ items: [ReplayItem], _ inputs: inout [ReplayInput]) {
        for item in items {
            if case .request(let request) = item.kind { places[Self.place(request.key)] = inputs.count }
            inputs.append(.item(ReplayItem(connection: item.connection, due: item.due + shift, kind: item.kind)))
        }
    }

    private static func place(_ key: RequestKey) -> Int { Int(key.connection % placeCount) }

    /// Said with the request if that has not been handed on yet: most are answered before. But not with its bytes, which
    /// would wait as long as the request.
    private func expect(_ reply: ExpectedReply, to key: RequestKey, _ inputs: inout [ReplayInput]) {
        let place = places[Self.place(key)]
        guard !keepsReplies, place < inputs.count, case .item(let item) = inputs[place],
            case .request(var request) = item.kind, request.key == key
        else { return inputs.append(.expected(key, reply)) }
        request.expected = reply
        inputs[place] = .item(ReplayItem(connection: item.connection, due: item.due, kind: .request(request)))
    }
}
