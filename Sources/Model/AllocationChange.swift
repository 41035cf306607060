/// One step of a plan: what a domain has of a resource, and what it shall have.
package struct AllocationChange: Sendable, Hashable, Codable, CustomStringConvertible {
    package let domain: String
    package let resource: Resource
    package let from: Setting
    package let to: Setting
    /// Why a running domain cannot be changed so, and the way out; nil when it can.
    package let refusal: String?

    package init(domain: String, resource: Resource, from: Setting, to: Setting, refusal: String? = nil) {
        (self.domain, self.resource, self.from, self.to) = (domain, resource, from, to)
        self.refusal = refusal
    }

    package var isNothing: Bool { resource.agrees(from, with: to) }

    /// The way back.
    package var inverse: AllocationChange { AllocationChange(domain: domain, resource: resource, from: to, to: from) }

    /// Whether a domain can have that in the midst of the change: what it had, what it shall have, a memory that moves between
    /// the two, or a quota whose number of processors changes, too.
    package func isOnItsWay(_ found: Setting, among changes: [AllocationChange]) -> Bool {
        if resource.agrees(found, with: from) || resource.agrees(found, with: to) { return true }
        if resource == .cpu { return changes.contains { $0.domain == domain && $0.resource == .vcpus } }
        guard resource == .memory, let found = found.number, let from = from.number, let to = to.number else {
            return false
        }
        return found > min(from, to) && found < max(from, to)
    }

    package var description: String {
        "\(domain): \(resource.rawValue) \(resource.format(from)) → \(resource.format(to))"
    }
}
