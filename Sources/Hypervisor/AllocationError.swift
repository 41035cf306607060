package import Model

/// Why a domain does not have of a resource what it was to have.
package enum AllocationError: Error, Sendable, CustomStringConvertible {
    /// libvirt said yes, and the domain has something else.
    case notTaken(Resource, domain: String, wanted: Setting, found: Setting)
    /// libvirt, or the kernel, said no to this value.
    case refused(Resource, domain: String, wanted: Setting, reason: String)
    /// The domain's driver, or this version, cannot.
    case unsupported(Resource, domain: String, reason: String)
    /// The machine cannot.
    case lacking(Resource, reason: String)

    package var description: String {
        switch self {
        case .notTaken(let resource, let domain, let wanted, let found):
            "\(domain) was given \(resource.rawValue) \(resource.format(wanted)) and has \(resource.format(found))"
        case .refused(let resource, let domain, let wanted, let reason):
            "\(domain) does not take \(resource.rawValue) \(resource.format(wanted)): \(reason)"
        case .unsupported(let resource, let domain, let reason):
            "\(resource.rawValue) cannot be set for \(domain): \(reason)"
        case .lacking(let resource, let reason):
            "\(resource.rawValue) cannot be set on this machine: \(reason)"
        }
    }

    /// Whether another value may do.
    package var isOfValue: Bool {
        switch self {
        case .notTaken, .refused: true
        case .unsupported, .lacking: false
        }
    }
}
