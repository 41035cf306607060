import Experimenter
package import Hypervisor
import Model

/// One step of a plan: a domain's CPU quota from what it is to what it shall be, in cores; nil is unlimited.
package struct QuotaChange: Sendable, Hashable, CustomStringConvertible {
    package let domain: String
    package let from: Double?
    package let to: Double

    package init(domain: String, from: Double?, to: Double) {
        self.domain = domain
        self.from = from
        self.to = to
    }

    /// Quotas are kept by the kernel in microseconds a period of 100 ms.
    package var isNothing: Bool { from.map { abs($0 - to) < 1e-5 } ?? false }

    package var description: String {
        "\(domain): cpu \(from.map(Format.percent) ?? "unlimited") → \(Format.percent(to))"
    }
}

package enum ActuatorError: Error, Sendable, CustomStringConvertible {
    case noDomain(String)
    case moved(domain: String, expected: Double?, found: Double?)
    case notVerified(QuotaChange, found: Double?)

    package var description: String {
        switch self {
        case .noDomain(let name): "there is no running domain '\(name)' on this node"
        case .moved(let domain, let expected, let found):
            "the CPU quota of \(domain) is \(Self.text(found)) and was \(Self.text(expected)) when the change was shown; "
                + "look again and repeat"
        case .notVerified(let change, let found):
            "\(change) was set, but the domain has \(Self.text(found)); the quota before was set again"
        }
    }

    private static func text(_ quota: Double?) -> String { quota.map(Format.percent) ?? "unlimited" }
}

/// Carries changes out on on-line domains: checks the precondition again, sets, reads back, and goes back when that fails.
package struct Actuator {
    private let node: Node

    package init(_ node: Node) { self.node = node }

    private func domain(_ name: String) throws -> Domain {
        guard let domain = try node.domain(name), domain.isActive else { throw ActuatorError.noDomain(name) }
        return domain
    }

    /// What setting `quota` would change. Changes nothing.
    package func change(_ name: String, to quota: Double) throws -> QuotaChange {
        QuotaChange(domain: name, from: try domain(name).cpuQuota(), to: quota)
    }

    package func apply(_ change: QuotaChange) throws {
        let domain = try domain(change.domain)
        let present = try domain.cpuQuota()
        guard Self.equal(present, change.from) else {
            throw ActuatorError.moved(domain: change.domain, expected: change.from, found: present)
        }
        try domain.setCPUQuota(change.to)
        let after: Double?
        do { after = try domain.cpuQuota() } catch {
            // Not verified is not done.
            try? domain.setCPUQuota(change.from)
            throw error
        }
        guard Self.equal(after, change.to) else {
            try domain.setCPUQuota(change.from)
            throw ActuatorError.notVerified(change, found: after)
        }
    }

    private static func equal(_ a: Double?, _ b: Double?) -> Bool {
        switch (a, b) {
        case (nil, nil): true
        case (let a?, let b?): abs(a - b) < 1e-5
        default: false
        }
    }
}
