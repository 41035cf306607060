package import Model

/// A server whose connections are read, and in which protocol.
package struct WatchedServer: Hashable, Sendable {
    package let endpoint: Endpoint
    package let protocolName: ApplicationProtocol

    package init(_ endpoint: Endpoint, _ protocolName: ApplicationProtocol) {
        self.endpoint = endpoint
        self.protocolName = protocolName
    }
}

/// Numbers the connections of one capture.
package typealias ConnectionID = UInt64

/// What the wire said, in the order it said it.
package enum WireEvent: Sendable {
    case opened(ConnectionID, client: Endpoint, server: Endpoint, Timestamp)
    /// A request is whole; its reply may still be out.
    case request(ConnectionID, HTTPRequest)
    case exchange(ConnectionID, HTTPExchange)
    case round(ConnectionID, PostgreSQLRound)
    /// Requests or rounds that were begun and cannot be had whole, and why.
    case lost(ConnectionID, count: Int, LossReason, Timestamp)
    case closed(ConnectionID, Timestamp)
}

package enum LossReason: String, Sendable, Hashable {
    /// Bytes of the TCP stream were not captured.
    case gap
    case malformed
    case tooLarge
    /// The connection ended before the exchange did.
    case cutOff
    case encrypted
}

/// One connection's reader: bytes of both directions in, events out. A protocol is one type that does this and one line in
/// `Dissector.reader`.
protocol ConnectionReader: Sendable {
    mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void)
    mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void)
    /// Bytes of either direction were not captured.
    mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void)
    /// The side has said all it had to say.
    mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void)
    mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void)
    /// A reset, or the end of our attention: what is under way will not become whole.
    mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void)
}
