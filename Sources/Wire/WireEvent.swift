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
    case request(ConnectionID, Request)
    case exchange(ConnectionID, Exchange)
    /// Requests that were begun and cannot be had whole with their replies, and why.
    case lost(ConnectionID, count: Int, LossReason, Timestamp)
    /// A connection to a server that nobody named turned out to speak a protocol.
    case recognised(ConnectionID, ApplicationProtocol, Timestamp)
    case closed(ConnectionID, ConnectionAccount, Timestamp)
}

package enum LossReason: String, Sendable, Hashable, CaseIterable {
    /// Bytes of the TCP stream were not captured.
    case gap
    case malformed
    case tooLarge
    /// The connection ended before the exchange did.
    case cutOff
    case encrypted
}
