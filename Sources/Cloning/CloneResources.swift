import Foundation
import Hypervisor
import OperatingSystem

/// What a clone gets, where that is to be said; nil leaves it as the original's definition has it.
package struct CloneResources: Sendable, Hashable {
    /// Quota in cores: 0.6 is 60 % of one.
    package var cpu: Double?
    /// Weight against others; 1024 is the usual one.
    package var shares: Int?
    /// Virtual processors, of machines.
    package var processors: Int?
    /// Processors of the node, of machines.
    package var processorSet: Set<Int>?
    /// Bytes: a container's limit, what a machine's balloon leaves it.
    package var memory: Int64?
    /// Bytes a second from and to disks: of a container at the device that its root is on.
    package var diskRead: Int64?
    package var diskWrite: Int64?
    /// Bytes a second, each way.
    package var network: Int64?

    package init() {}
}

extension CloneMaker {
    /// Gives a running clone what is said, through libvirt and, for the network, which libvirt limits for machines only and
    /// not on every kernel, by a token bucket at each end of the clone's way to its proxies. What its driver cannot is
    /// libvirt's refusal.
    func give(_ resources: CloneResources, to clone: Clone, of sandbox: SandboxIdentity) throws {
        let domain = clone.domain
        if let cpu = resources.cpu { try domain.setCPUQuota(cpu) }
        if let shares = resources.shares { try domain.setCPUShares(shares) }
        if let count = resources.processors { try domain.setProcessorCount(count) }
        if let set = resources.processorSet { try domain.setProcessorSet(set) }
        if let memory = resources.memory {
            let kibibytes = Int(memory >> 10)
            if clone.root == nil {
                try domain.setBalloon(kibibytes: kibibytes)
            } else {
                try domain.setMemoryLimit(kibibytes: kibibytes)
            }
        }
        if resources.diskRead != nil || resources.diskWrite != nil {
            let limits = IOLimits(readBytes: Int(resources.diskRead ?? 0), writeBytes: Int(resources.diskWrite ?? 0))
            if let root = clone.root {
                try domain.setDeviceLimits(try Self.device(of: root), limits)
            } else {
                for disk in try domain.description().disks where disk.isWritable {
                    try domain.setDiskLimits(disk.target, limits)
                }
            }
        }
        if let rate = resources.network {
            for device in [clone.identity.device, sandbox.port] { try ChildProcess.succeed(Self.bucket(device, rate)) }
        }
    }

    /// tc-tbf(8). A bucket has to hold the largest packet that offloading makes, and what comes between two ticks.
    private static func bucket(_ device: String, _ rate: Int64) -> [String] {
        let burst = max(131_072, rate / 50)
        return [
            "tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate", "\(rate)bps", "burst", "\(burst)b",
            "latency",
            "100ms",
        ]
    }

    private static func device(of path: String) throws -> String {
        let table = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        guard let device = MountTable.source(of: path, in: table), device.hasPrefix("/dev/") else {
            throw CloneError.unsupported(domain: path, "it is not on a block device whose rate could be limited")
        }
        return device
    }
}

/// What is mounted where (proc(5), /proc/pid/mountinfo).
package enum MountTable {
    /// The device of the file system that a path is on: that of the longest mount point above it, and of several at one
    /// point the last, which covers the others.
    package static func source(of path: String, in table: String) -> String? {
        var best: (point: String, source: String)?
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard let dash = words.firstIndex(of: "-"), words.count > max(4, dash + 2) else { continue }
            // Blanks and such are written in octal; our own paths have none.
            let point = words[4]
            let isAbove = path == point || path.hasPrefix(point == "/" ? "/" : point + "/")
            if isAbove, point.utf8.count >= best?.point.utf8.count ?? 0 { best = (point, words[dash + 2]) }
        }
        return best?.source
    }
}
