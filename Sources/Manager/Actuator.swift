import Glibc
package import Hypervisor
package import Model
import OperatingSystem

package enum ActuatorError: Error, Sendable, CustomStringConvertible {
    case noDomain(String)
    case moved(AllocationChange, found: Setting)
    /// What was set before is as it was.
    case notVerified(AllocationChange, reason: String, notRestored: [String])
    case refused([AllocationChange])

    package var description: String {
        switch self {
        case .noDomain(let name): "there is no running domain '\(name)' on this node"
        case .moved(let change, let found):
            "\(change.resource.rawValue) of \(change.domain) is \(change.resource.format(found)) and was "
                + "\(change.resource.format(change.from)) when the change was planned; look again and repeat"
        case .notVerified(let change, let reason, let notRestored):
            "\(change) was not done: \(reason); "
                + (notRestored.isEmpty
                    ? "everything is again as it was before"
                    : "what was set before could not all be set back: \(notRestored.joined(separator: "; "))")
        case .refused(let changes):
            changes.map { "\($0): \($0.refusal ?? "")" }.joined(separator: "\n")
        }
    }
}

/// Carries changes out on on-line domains: checks the preconditions again, sets, reads back, and goes back when that fails.
package struct Actuator {
    private let node: Node

    package init(_ node: Node) { self.node = node }

    private func domain(_ name: String) throws -> Domain {
        guard let domain = try node.domain(name), domain.isActive else { throw ActuatorError.noDomain(name) }
        return domain
    }

    /// What giving a domain this allocation would change, in the order in which it is done. Changes nothing.
    package func changes(_ name: String, to allocation: Allocation) throws -> [AllocationChange] {
        let domain = try DomainAllocation(try domain(name))
        var allocation = allocation
        if allocation[.vcpus] != nil, allocation[.cpu] == nil {
            // The quota is shared out anew.
            allocation.values[.cpu] = try domain.setting(of: .cpu)
        }
        return try DomainAllocation.inOrder(allocation.ofDomain).map { resource, setting in
            let present = try domain.setting(of: resource)
            let isAdjustable = domain.adjustable.contains(resource) || resource.agrees(present, with: setting)
            return AllocationChange(
                domain: name, resource: resource, from: present, to: setting,
                refusal: isAdjustable ? nil : Self.wayOut(resource, name))
        }
    }

    /// What the answer of a campaign would change, on all domains of its tier, which are alike, and of those that were cloned along;
    /// nothing without an answer.
    package func changes(_ record: CampaignRecord, _ file: ServiceFile) throws -> [AllocationChange] {
        guard let allocation = record.answer?.allocation else { return [] }
        let others = allocation.ofOthers.values.isEmpty ? [] : (record.with ?? []).compactMap(file.tier)
        return try others.flatMap(\.domains).flatMap { try changes($0, to: allocation.ofOthers) }
            + (file.tier(record.tier)?.domains ?? [record.domain]).flatMap { try changes($0, to: allocation) }
    }

    /// What the domains have of what these would change, in their order; nil of one that does not run.
    package func present(_ changes: [AllocationChange]) throws -> [Setting?] {
        try changes.map { change in
            guard let domain = try node.domain(change.domain), domain.isActive else { return nil }
            return try DomainAllocation(domain).setting(of: change.resource)
        }
    }

    private static func wayOut(_ resource: Resource, _ domain: String) -> String {
        switch resource {
        case .software: "this changes the software itself; release it as usual, then watch it (whatif watch)"
        case .load, .mix: "this is what the users ask"
        case .withCPU: "this is of other domains"
        case .variant: "this takes a restart; define the variant (virsh define), then restart \(domain)"
        case .node: "this takes another machine; migrate \(domain) there (virsh migrate), or define it there"
        case .frequency: "other domains run on the same cores; set it on the node (cpupower frequency-set)"
        case .network:
            "its driver sets this at the start only; put <bandwidth> into its <interface> (virsh edit \(domain)) and restart it"
        case .processors:
            "its driver sets this at the start only; write <vcpu cpuset='…'> (virsh edit \(domain)) and restart it"
        case .cpu, .shares, .vcpus, .memory, .diskRead, .diskWrite:
            "its driver sets this at the start only; change its definition (virsh edit \(domain)) and restart it"
        }
    }

    /// All of them, or none.
    package func apply(_ changes: [AllocationChange]) throws {
        let isOfProcessors = changes.contains { $0.resource == .vcpus && !$0.isNothing }
        let changes = changes.filter { !$0.isNothing || isOfProcessors && $0.resource == .cpu }
        let refused = changes.filter { $0.refusal != nil }
        guard refused.isEmpty else { throw ActuatorError.refused(refused) }
        for change in changes {
            let present = try DomainAllocation(try domain(change.domain)).setting(of: change.resource)
            guard change.resource.agrees(present, with: change.from) else {
                throw ActuatorError.moved(change, found: present)
            }
        }
        for (index, change) in changes.enumerated() {
            do { try set(change.resource, change.to, of: change.domain) } catch {
                // Not verified is not done; this one may be half done. In the same order: the number of processors first, among
                // which a quota is shared out.
                let notRestored = changes[...index].compactMap { done -> String? in
                    do { try set(done.resource, done.from, of: done.domain) } catch { return "\(error)" }
                    return nil
                }
                throw ActuatorError.notVerified(change, reason: "\(error)", notRestored: notRestored)
            }
        }
    }

    private func set(_ resource: Resource, _ setting: Setting, of name: String) throws {
        let allocation = try DomainAllocation(try domain(name))
        FaultPoint.pass()
        try allocation.set(resource, setting)
        FaultPoint.pass()
        try allocation.confirm(resource, setting) { usleep(UInt32($0 * 1e6)) }
    }
}
