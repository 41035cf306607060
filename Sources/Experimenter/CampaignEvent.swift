package import Model

/// What a campaign says while it runs.
package enum CampaignEvent: Sendable {
    case started(CampaignRecord)
    case experiment(Allocation, why: String, isControl: Bool)
    case phase(String, sent: Int, answered: Int)
    case measured(Cell, isControl: Bool)
    case control(ControlResult)
    /// An answer rested on this cell, and it is not what was interpolated; the search goes on.
    case checkFailed(Cell, Check)
    /// What comes out of this experiment cannot change the answer any more.
    case abandoned(Allocation)
    /// Something beside the campaign did not work.
    case warning(String)
    case finished(CampaignRecord)
}

/// Why a campaign could not start or go on; nothing is left behind.
package enum CampaignError: Error, Sendable, CustomStringConvertible {
    case unknownDomain(String, known: [String])
    case notRunning(String)
    case noAddress(domain: String, IPAddress.Family? = nil)
    /// Requests come to another address than the file's `client` can ask.
    case clientOfOtherFamily(asked: IPAddress)
    case noTraffic(domain: String, interface: String)
    case encrypted(domain: String)
    case badVariant(String, file: String, reason: String)
    case controlFailed([String])
    case busy(String)
    /// The service file asks something else than the campaign that shall go on.
    case otherQuestion(String, reason: String)
    case notACell(String, known: String)

    package var description: String {
        switch self {
        case .unknownDomain(let name, let known):
            "there is no domain '\(name)' on this node; domains here: "
                + (known.isEmpty ? "none" : known.sorted().joined(separator: ", "))
        case .notRunning(let name): "the domain '\(name)' is not running; start it (virsh start \(name)) and run again"
        case .noAddress(let domain, let family):
            "no \(family.map { $0 == .v4 ? "IPv4 " : "IPv6 " } ?? "")address of the domain '\(domain)' is known: neither its "
                + "XML tells one nor do the node's DHCP server and neighbour table; add <ip address='…' prefix='…'/> to "
                + "the <interface> of a container, or ping a machine from the node"
        case .clientOfOtherFamily(let asked):
            "most requests come to \(asked), which the address of 'client' cannot ask; name one of IPv\(asked.family.rawValue)"
        case .noTraffic(let domain, let interface):
            "no request to '\(domain)' was seen on \(interface) within 10 s; is the service under load, and does the port "
                + "in 'serves' match?"
        case .encrypted(let domain):
            "the requests to '\(domain)' are encrypted and cannot be replayed; name the tier behind what ends the encryption "
                + "(the load balancer or proxy that holds the certificate), or let it speak plainly on a private network"
        case .badVariant(let name, let file, let reason):
            "the variant '\(name)' is no domain: \(file): \(reason); 'virsh dumpxml --inactive' prints one to begin with"
        case .controlFailed(let reasons):
            "the control clone could not be measured: " + reasons.joined(separator: "; ")
        case .busy(let id): "campaign \(id) is running already"
        case .otherQuestion(let id, let reason):
            "campaign \(id) cannot go on with this file: \(reason); use the file that it began with, or begin anew without it"
        case .notACell(let text, let known): "'\(text)' is no cell of the matrix; its axes: \(known)"
        }
    }
}
