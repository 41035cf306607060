package import Model

/// What goes into a trace of what a dissector says and counts. Pure: events in, records out.
package struct TraceRecorder: Sendable {
    private let protocols: [Endpoint: ApplicationProtocol]
    private var seen = TraceDrops()

    package init(_ servers: [WatchedServer]) {
        protocols = Dictionary(servers.map { ($0.endpoint, $0.protocolName) }, uniquingKeysWith: { first, _ in first })
    }

    /// Nil for a request without its reply: it comes again as an exchange, or as lost.
    package func record(_ event: WireEvent) -> TraceRecord? {
        switch event {
        case .opened(let id, let client, let server, let time):
            .connection(
                TraceConnection(
                    id: id, client: client, server: server, protocolName: protocols[server] ?? .tcp, opened: time),
                isOpened: true)
        case .request: nil
        case .exchange(let id, let exchange): .exchange(id, exchange)
        case .lost(let id, let count, let reason, let time): .lost(id, count: count, reason, time)
        case .closed(let id, let time): .closed(id, time)
        }
    }

    /// What was missed since the call before; nil when nothing was.
    package mutating func drops(
        _ counters: DissectorCounters, _ statistics: CaptureStatistics, at time: Timestamp
    ) -> TraceRecord? {
        var now = TraceDrops()
        now.packets = statistics.dropped
        now.gaps = counters.gaps
        now.missingBytes = counters.missingBytes
        now.fragments = counters.fragments
        now.evicted = counters.evicted
        let more = now - seen
        guard !more.isNothing else { return nil }
        seen = now
        return .drops(more, time)
    }
}
