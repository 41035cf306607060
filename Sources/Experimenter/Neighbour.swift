import Model

/// A domain of a tier that is called, which answers at an address.
package struct Neighbour: Sendable, Hashable {
    let domain: String
    let endpoint: Endpoint
    let protocolName: ApplicationProtocol
    let tier: String
    let logIn: TierLogIn?
}
