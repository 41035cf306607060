package import Model

/// What a capture heard, as figures. Pure: events in.
package struct CaptureCount: Sendable {
    package struct Traffic: Sendable {
        package let protocolName: ApplicationProtocol
        package var exchanges = 0
        package var errors = 0
        package var responseTimes = LatencyHistogram()
    }

    /// By protocol: few, so that looking through them costs less than a dictionary.
    package private(set) var traffic: [Traffic] = []
    package private(set) var connections = 0
    package private(set) var lost: [LossReason: Int] = [:]
    package var unseen = Unseen()

    package init() {}

    package var exchanges: Int { traffic.reduce(0) { $0 + $1.exchanges } }

    package mutating func take(_ event: WireEvent) {
        switch event {
        case .opened: connections += 1
        case .exchange(_, let exchange):
            let place = traffic.firstIndex { $0.protocolName == exchange.protocolName } ?? traffic.count
            if place == traffic.count { traffic.append(Traffic(protocolName: exchange.protocolName)) }
            add(exchange, to: &traffic[place])
        case .lost(_, let count, let reason, _): lost[reason, default: 0] += count
        case .request, .recognised, .closed: break
        }
    }

    private func add(_ exchange: Exchange, to traffic: inout Traffic) {
        traffic.exchanges += 1
        if exchange.reply.isError { traffic.errors += 1 }
        traffic.responseTimes.record(exchange.responseTime)
    }
}
