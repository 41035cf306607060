package import Model

/// Which records of a trace are wanted.
package struct TraceChoice: Sendable {
    private let window: TraceWindow
    private let connections: Set<ConnectionID>
    private let protocols: Set<ApplicationProtocol>

    /// Empty sets choose all.
    package init(_ window: TraceWindow, connections: Set<ConnectionID>, protocols: Set<ApplicationProtocol>) {
        self.window = window
        self.connections = connections
        self.protocols = protocols
    }

    /// A packet says of itself neither its connection's number nor its protocol.
    package var takesPackets: Bool { connections.isEmpty && protocols.isEmpty }

    package var blockTypes: Set<UInt8> {
        takesPackets ? [TraceBlockHeader.events, TraceBlockHeader.packets] : [TraceBlockHeader.events]
    }

    /// `known` are the connections that the record's block has named. A connection is taken for its own sake only when
    /// it opens inside the window; else it comes along with what it holds.
    package func takes(_ record: TraceRecord, _ known: [ConnectionID: TraceConnection]) -> Bool {
        if case .connection(_, isOpened: false) = record { return false }
        let time: Timestamp =
            if case .exchange(_, let exchange) = record { exchange.request.passage.firstByte } else { record.time }
        guard time >= window.from, time < window.to else { return false }
        guard let id = record.connection else { return true }
        if !connections.isEmpty, !connections.contains(id) { return false }
        if protocols.isEmpty { return true }
        if case .exchange(_, let exchange) = record { return protocols.contains(exchange.protocolName) }
        return known[id].map { protocols.contains($0.protocolName) } ?? false
    }
}
