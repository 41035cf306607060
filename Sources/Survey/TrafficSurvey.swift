package import Model
package import Wire

/// Who talks to whom, in which protocol and how much: what one interface heard. Pure.
package struct TrafficSurvey: Sendable {
    /// All connections of one client to one served port.
    package struct Flow: Hashable, Sendable {
        package let client: IPAddress
        package let server: Endpoint
    }

    package struct Traffic: Sendable {
        /// Nil while nothing was said, or when it is encrypted.
        package var protocolName: ApplicationProtocol?
        package var connections = 0
        package var exchanges = 0
        package var errors = 0
        /// Requests whose exchange could not be had whole, encrypted connections apart.
        package var lost = 0
        package var encrypted = 0
        /// Holes in TCP's sequence, of the connections that have ended.
        package var gaps = 0
        package var missingBytes = 0
        package var responseTimes = LatencyHistogram()
    }

    package private(set) var traffic: [Flow: Traffic] = [:]
    private var open: [ConnectionID: Flow] = [:]

    package init() {}

    package mutating func take(_ event: WireEvent) {
        switch event {
        case .opened(let id, let client, let server, _):
            let flow = Flow(client: client.address, server: server)
            open[id] = flow
            traffic[flow, default: Traffic()].connections += 1
        case .recognised(let id, let name, _):
            change(id) { $0.protocolName = name }
        case .exchange(let id, let exchange):
            change(id) { traffic in
                traffic.exchanges += 1
                if exchange.reply.isError { traffic.errors += 1 }
                traffic.responseTimes.record(exchange.responseTime)
            }
        case .lost(let id, let count, let reason, _):
            change(id) { traffic in
                if reason == .encrypted { traffic.encrypted += 1 } else { traffic.lost += count }
            }
        case .request: break
        case .closed(let id, let account, _):
            change(id) { traffic in
                traffic.gaps += account.gaps
                traffic.missingBytes += account.missingBytes
            }
            open[id] = nil
        }
    }

    private mutating func change(_ id: ConnectionID, _ body: (inout Traffic) -> Void) {
        guard let flow = open[id] else { return }
        body(&traffic[flow, default: Traffic()])
    }
}

/// A domain of the node, and where it can be heard.
package struct ObservedDomain: Hashable, Sendable {
    package let name: String
    package let interface: String
    package let addresses: [IPAddress]

    package init(name: String, interface: String, addresses: [IPAddress]) {
        self.name = name
        self.interface = interface
        self.addresses = addresses
    }
}

/// A flow with the domains at its ends; nil for machines that are no domain of this node.
package struct ObservedFlow: Sendable {
    package let client: IPAddress
    package let clientDomain: String?
    package let server: Endpoint
    package let serverDomain: String?
    package let traffic: TrafficSurvey.Traffic

    /// The flows heard at the domains' interfaces, the busiest first. A flow between two domains passes two interfaces: it
    /// is taken where its server is heard.
    package static func merge(_ surveys: [(domain: ObservedDomain, survey: TrafficSurvey)]) -> [ObservedFlow] {
        var names: [IPAddress: String] = [:]
        for (domain, _) in surveys { for address in domain.addresses { names[address] = domain.name } }
        var best: [TrafficSurvey.Flow: (isServers: Bool, traffic: TrafficSurvey.Traffic)] = [:]
        for (domain, survey) in surveys {
            for (flow, traffic) in survey.traffic {
                let isServers = domain.addresses.contains(flow.server.address)
                if let known = best[flow],
                    known.isServers && !isServers
                        || known.isServers == isServers && known.traffic.exchanges >= traffic.exchanges
                {
                    continue
                }
                best[flow] = (isServers, traffic)
            }
        }
        return best.map { flow, value in
            ObservedFlow(
                client: flow.client, clientDomain: names[flow.client], server: flow.server,
                serverDomain: names[flow.server.address], traffic: value.traffic)
        }.sorted {
            ($0.traffic.exchanges, "\($1.server)", "\($1.client)") > (
                $1.traffic.exchanges, "\($0.server)", "\($0.client)"
            )
        }
    }
}
