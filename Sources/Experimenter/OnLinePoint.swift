import Hypervisor
import Model

/// What a domain has on-line.
struct OnLinePoint {
    /// Of each axis.
    let axes: Allocation
    /// Of what is no axis and can be given to a clone.
    let others: Allocation

    /// `joined`: domains that are cloned along.
    init(_ domain: Domain, _ original: DomainDescription, joined: [JoinedDomain], axes: [Axis]) throws {
        let allocation = try DomainAllocation(domain)
        let resources = axes.map(\.resource)
        self.axes = Allocation(
            Dictionary(
                uniqueKeysWithValues: try resources.map {
                    ($0, try $0.isOfOthers ? Self.quota(of: joined) : allocation.setting(of: $0))
                }))
        // A machine begins with its balloon as it is on-line, by its definition or its memory.
        let kept: [Resource] =
            [.cpu, .shares, .diskRead, .diskWrite, .network] + (original.isMachine ? [] : [.memory])
        var others = Allocation()
        for resource in kept where !resources.contains(resource) {
            do {
                let setting = try allocation.setting(of: resource)
                if setting != .unlimited { others.values[resource] = setting }
            } catch AllocationError.unsupported {
                // Then it has no limit either.
            } catch let error as HypervisorError where error.cause == .other {
                // Nor where libvirt finds nothing that could keep one, as without the kernel's controller.
            }
        }
        self.others = others
    }

    /// - Throws: Where they differ: there is no value that all have on-line.
    private static func quota(of joined: [JoinedDomain]) throws -> Setting {
        let quotas = joined.map(\.cpu)
        guard let first = quotas.first, quotas.allSatisfy({ Resource.withCPU.agrees($0, with: first) }) else {
            let known = zip(joined, quotas).map { "\($0.original.name) \(Resource.withCPU.format($1))" }
            throw AllocationError.unsupported(
                .withCPU, domain: joined.first?.original.name ?? "",
                reason: "one axis is for domains that have the same quota on-line, and these have "
                    + known.joined(separator: ", ") + "; name fewer tiers in 'with'")
        }
        return first
    }
}
