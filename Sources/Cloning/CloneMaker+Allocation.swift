import Foundation
import Hypervisor
package import Model
import OperatingSystem
import Store

extension CloneMaker {
    /// Gives a running clone what is said, and reads it back: through libvirt; for the network, which libvirt limits for
    /// machines only and not on every kernel, by a token bucket at each end of the clone's way to its proxies; for the
    /// frequency, through the kernel. What its driver cannot is an error.
    ///
    /// `pause` waits for so many seconds. Without it a machine's balloon is told where to go and not waited for.
    package func give(
        _ allocation: Allocation, to clone: Clone, in plan: SandboxPlan, pause: ((Double) throws -> Void)? = nil
    ) throws {
        try give(allocation, to: clone, of: plan.identity, pause: pause)
    }

    func give(
        _ allocation: Allocation, to clone: Clone, of sandbox: SandboxIdentity, pause: ((Double) throws -> Void)? = nil
    ) throws {
        let domain = try DomainAllocation(clone.domain)
        for (resource, setting) in DomainAllocation.inOrder(allocation) {
            switch resource {
            case .network: try limitNetwork(setting, of: clone, sandbox)
            case .frequency: try setFrequency(setting, of: clone, domain)
            case .processors where clone.root != nil:
                try domain.confirm(resource, setting) { _ in }
            case .memory where clone.root == nil && pause == nil:
                try domain.set(resource, setting)
            case .node, .variant, .software, .load, .mix, .withCPU: break
            default:
                try domain.set(resource, setting)
                try domain.confirm(resource, setting) { try pause?($0) }
            }
        }
    }

    private func limitNetwork(_ setting: Setting, of clone: Clone, _ sandbox: SandboxIdentity) throws {
        guard let rate = setting.number else { return }
        for device in [clone.identity.device, sandbox.port] {
            try ChildProcess.succeed(TokenBucket.command(device, Int64(rate)))
            let text = try ChildProcess.succeed(["tc", "-json", "qdisc", "show", "dev", device])
            let found = TokenBucket.rate(in: text).map { Setting.number(Double($0)) } ?? .unlimited
            guard Resource.network.agrees(found, with: setting) else {
                throw AllocationError.notTaken(.network, domain: device, wanted: setting, found: found)
            }
        }
    }

    /// Refused where domains that are no clones run on the same cores, which would feel it.
    private func setFrequency(_ setting: Setting, of clone: Clone, _ allocation: DomainAllocation) throws {
        guard let hertz = setting.number else { return }
        let cores = try allocation.processors()
        let others = try node.domains().filter { other in
            guard other.isActive, !other.name.hasPrefix("whatif-") else { return false }
            return try !DomainAllocation(other).processors().isDisjoint(with: cores)
        }
        guard others.isEmpty else {
            throw AllocationError.unsupported(
                .frequency, domain: clone.domain.name,
                reason:
                    "its cores \(ProcessorSet.text(cores)) are those of \(others.map(\.name).joined(separator: ", ")), "
                    + "too, which would run slower; keep clones and domains on different cores (cpu-set), or use a node "
                    + "without domains of its own")
        }
        let frequencies = CoreFrequencies()
        try record(.frequency, try frequencies.text(of: cores), of: clone.identity.id, clone.original)
        try frequencies.set(hertz, of: cores, for: clone.domain.name)
    }
}

/// A queue that lets so many bytes a second pass (tc-tbf(8)).
package enum TokenBucket {
    /// A bucket has to hold the largest packet that offloading makes, and what comes between two ticks.
    static func command(_ device: String, _ rate: Int64) -> [String] {
        let burst = max(131_072, rate / 50)
        return [
            "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", "\(rate)bps", "burst", "\(burst)b",
            "latency", "100ms",
        ]
    }

    /// Bytes a second, from what `tc -json qdisc show` says of a device; nil without a bucket.
    package static func rate(in json: String) -> Int64? {
        struct Queue: Decodable {
            struct Options: Decodable { let rate: Int64? }
            let kind: String
            let options: Options?
        }
        let queues = try? JSONDecoder().decode([Queue].self, from: Data(json.utf8))
        return queues?.first { $0.kind == "tbf" }?.options?.rate
    }
}
