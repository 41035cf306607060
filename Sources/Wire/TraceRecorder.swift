package import Model

/// What goes into a trace of what a dissector says and counts. Pure: events in, records out.
package struct TraceRecorder: Sendable {
    private let protocols: [Endpoint: ApplicationProtocol]
    /// Connections whose protocol is not known yet.
    private var unknown: [ConnectionID: TraceConnection] = [:]
    private var seen = TraceDrops()

    package init(_ servers: [WatchedServer]) {
        protocols = Dictionary(servers.map { ($0.endpoint, $0.protocolName) }, uniquingKeysWith: { first, _ in first })
    }

    /// Hands on what of an event is recorded. A request without its reply is not: it comes again as an exchange, or as
    /// lost. A connection is, once its protocol is known, or when the first thing is said of it.
    package mutating func record(_ event: WireEvent, to write: (TraceRecord) -> Void) {
        switch event {
        case .opened(let id, let client, let server, let time):
            let name = protocols[server]
            let connection = TraceConnection(
                id: id, client: client, server: server, protocolName: name ?? .tcp, opened: time)
            if name == nil { unknown[id] = connection } else { write(.connection(connection, isOpened: true)) }
        case .recognised(let id, let name, _): introduce(id, name, to: write)
        case .request: break
        case .exchange(let id, let exchange):
            introduce(id, exchange.protocolName, to: write)
            write(.exchange(id, exchange))
        case .lost(let id, let count, let reason, let time):
            introduce(id, .tcp, to: write)
            write(.lost(id, count: count, reason, time))
        case .closed(let id, _, let time):
            introduce(id, .tcp, to: write)
            write(.closed(id, time))
        }
    }

    private mutating func introduce(_ id: ConnectionID, _ name: ApplicationProtocol, to write: (TraceRecord) -> Void) {
        guard !unknown.isEmpty, var connection = unknown.removeValue(forKey: id) else { return }
        connection.protocolName = name
        write(.connection(connection, isOpened: true))
    }

    /// What was missed since the call before; nil when nothing was.
    package mutating func drops(
        _ counters: DissectorCounters, _ statistics: CaptureStatistics, at time: Timestamp
    ) -> TraceRecord? {
        var now = TraceDrops()
        now.packets = statistics.lost
        now.gaps = counters.gaps
        now.missingBytes = counters.missingBytes
        now.fragments = counters.datagramsLost
        now.evicted = counters.evicted
        let more = now - seen
        guard !more.isNothing else { return nil }
        seen = now
        return .drops(more, time)
    }
}
