package import Model

/// How recorded requests are brought to a server.
package struct InProxySetting: Sendable {
    /// What becomes of a request that is due while the reply before it on its connection is still out here, though it
    /// was not on-line.
    package enum WhenBusy: String, Sendable, CaseIterable {
        /// It goes on a further connection: the load stays open loop.
        case further
        /// It waits for the reply: for protocols whose connections have a state, such as a transaction.
        case wait
    }

    package var protocolName: ApplicationProtocol
    package var whenBusy: WhenBusy
    /// Whether replies are handed on with their bytes.
    package var keepsReplies = false
    /// Who logs in on each connection, where the protocol has that.
    package var logIn: Credentials?
    /// Puts the clone's own values into requests, and compares replies; nil sends what was recorded.
    package var correspondence: Correspondence?
    /// Bytes of requests that may wait for busy connections or for a server that does not read; what is due beyond them is
    /// dropped and counted.
    package var waitingLimit = 32 << 20

    package init(_ protocolName: ApplicationProtocol = .http, whenBusy: WhenBusy? = nil) {
        self.protocolName = protocolName
        self.whenBusy = whenBusy ?? (protocolName == .http ? .further : .wait)
    }
}
