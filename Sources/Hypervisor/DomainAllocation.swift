import Foundation
package import Model
import OperatingSystem

/// What a running domain has of each resource, as allocations say it, and the setting of it. Each setting changes the
/// running domain only.
package struct DomainAllocation {
    private let domain: Domain
    private let description: DomainDescription

    /// As long as a machine's balloon may take to get where it was told to.
    private static let balloonLimit = 15.0

    package init(_ domain: Domain) throws(HypervisorError) {
        self.domain = domain
        description = try domain.description()
    }

    /// Those that libvirt can change while the domain runs.
    package var adjustable: [Resource] {
        let both: [Resource] = [.cpu, .shares, .memory, .diskRead, .diskWrite]
        return description.isMachine ? [.vcpus, .processors] + both + [.network] : both
    }

    /// Throws what the driver says when it does not know.
    package func setting(of resource: Resource) throws -> Setting {
        do {
            return try read(resource)
        } catch let error as HypervisorError {
            guard error.cause == .unsupported else { throw error }
            throw AllocationError.unsupported(resource, domain: domain.name, reason: error.message)
        }
    }

    private func read(_ resource: Resource) throws -> Setting {
        switch resource {
        case .cpu: return try cpu()
        case .shares: return .number(Double(try domain.cpuShares() ?? 1024))
        case .vcpus: return .number(Double(try domain.processorCount()))
        case .processors: return .name(ProcessorSet.text(try processors()))
        case .memory where description.isMachine: return .number(Double(try domain.balloon()) * 1024)
        case .memory: return Self.setting(bytes: try domain.memoryLimit().map { $0 << 10 })
        case .diskRead: return Self.setting(bytes: try ioLimits().readBytes)
        case .diskWrite: return Self.setting(bytes: try ioLimits().writeBytes)
        case .network: return network
        case .frequency: return .number(try CoreFrequencies().highest(of: try processors()))
        case .node, .variant, .software, .mix: return .asIs
        case .load: return .number(1)
        case .withCPU:
            throw AllocationError.unsupported(
                resource, domain: domain.name, reason: "it is of the domains that are cloned along")
        }
    }

    /// libvirt's 0 is no limit.
    private static func setting(bytes: Int?) -> Setting {
        guard let bytes, bytes > 0 else { return .unlimited }
        return .number(Double(bytes))
    }

    /// The order to set resources in: the count of processors first, among which a machine's quota is shared out.
    package static func inOrder(_ allocation: Allocation) -> [(resource: Resource, setting: Setting)] {
        let first: [Resource] = [.vcpus, .processors]
        return allocation.values.map { (resource: $0.key, setting: $0.value) }.sorted { a, b in
            let ranks = [a, b].map { first.firstIndex(of: $0.resource) ?? first.count }
            return ranks[0] == ranks[1] ? a.resource < b.resource : ranks[0] < ranks[1]
        }
    }

    /// Throws an `AllocationError` when the driver or the kernel says no.
    package func set(_ resource: Resource, _ setting: Setting) throws {
        do {
            try apply(resource, setting)
        } catch let error as HypervisorError {
            throw refusal(of: resource, setting, error)
        }
    }

    /// Throws when it has something else. `pause` waits for so many seconds: a machine's guest gives memory back in its own
    /// time.
    package func confirm(_ resource: Resource, _ setting: Setting, pause: (Double) throws -> Void) throws {
        let clock = SteadyClock()
        let deadline = clock.now + Int64(Self.balloonLimit * 1e9)
        while true {
            // As it is now: a part of it is in the description.
            let found = try DomainAllocation(domain).setting(of: resource)
            if resource.agrees(found, with: setting) { return }
            guard resource == .memory, description.isMachine, clock.now < deadline else {
                throw AllocationError.notTaken(resource, domain: domain.name, wanted: setting, found: found)
            }
            try pause(0.05)
        }
    }

    private func refusal(of resource: Resource, _ setting: Setting, _ error: HypervisorError) -> any Error {
        switch error.cause {
        case .noConnection, .noDomain, .denied: error
        case .unsupported: AllocationError.unsupported(resource, domain: domain.name, reason: error.message)
        case .pauseTooLong, .other:
            AllocationError.refused(resource, domain: domain.name, wanted: setting, reason: error.message)
        }
    }

    private func apply(_ resource: Resource, _ setting: Setting) throws {
        let number = setting.number
        switch resource {
        case .cpu:
            let count = description.isMachine ? Double(try domain.processorCount()) : 1
            try domain.setCPUQuota(number.map { $0 / count })
        case .shares: try domain.setCPUShares(Int(number ?? 1024))
        case .vcpus: try domain.setProcessorCount(Int(number ?? 1))
        case .processors where description.isMachine:
            try domain.setProcessorSet(try ProcessorSet.parse(setting.name ?? ""))
        case .memory where description.isMachine:
            try domain.setBalloon(kibibytes: number.map { Int($0) >> 10 } ?? description.memoryKiB ?? 0)
        case .memory: try domain.setMemoryLimit(kibibytes: number.map { Int($0) >> 10 })
        case .diskRead, .diskWrite:
            var limits = try ioLimits()
            if resource == .diskRead {
                limits.readBytes = Int(number ?? 0)
            } else {
                limits.writeBytes = Int(number ?? 0)
            }
            try setIOLimits(limits)
        case .network:
            let rate = Int((number ?? 0) / 1024)
            try domain.setNetworkRate(
                description.interfaces.first?.mac ?? "", NetworkRate(inbound: rate, outbound: rate))
        case .processors, .frequency, .node, .variant, .software, .load, .mix, .withCPU:
            throw AllocationError.unsupported(
                resource, domain: domain.name, reason: "libvirt's driver does not change it while the domain runs")
        }
    }

    /// The processors of the node that it runs on.
    package func processors() throws -> Set<Int> {
        description.isMachine ? try domain.processorSet() : try allowedProcessors()
    }

    /// Of the whole domain: libvirt counts the quota of a machine for each virtual processor.
    private func cpu() throws -> Setting {
        let quota = try domain.cpuQuota()
        guard description.isMachine else { return .number(quota ?? Double(domain.node.processorCount)) }
        guard let quota else { return .unlimited }
        return .number((quota * Double(try domain.processorCount()) * 1e5).rounded() / 1e5)
    }

    /// The lesser of the two ways.
    private var network: Setting {
        let rate = description.interfaces.first?.rate
        let bounds = [rate?.inbound, rate?.outbound].compactMap(\.self).filter { $0 > 0 }
        return bounds.min().map { .number(Double($0) * 1024) } ?? .unlimited
    }

    /// Of a container's first process, which the kernel tells (proc(5), /proc/pid/status).
    private func allowedProcessors() throws -> Set<Int> {
        let refuse = { AllocationError.unsupported(.processors, domain: domain.name, reason: $0) }
        guard let holder = domain.identifier,
            let children = try? String(contentsOfFile: "/proc/\(holder)/task/\(holder)/children", encoding: .utf8),
            let first = children.split(separator: " ").first,
            let status = try? String(contentsOfFile: "/proc/\(first)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }),
            let list = line.split(whereSeparator: \.isWhitespace).last
        else { throw refuse("its first process is not on this machine") }
        return try ProcessorSet.parse(String(list))
    }
}

extension DomainAllocation {
    /// Of a machine's disks, each of which has the same; of a container at the device that its root is on.
    private func ioLimits() throws -> IOLimits {
        guard description.isMachine else { return try domain.deviceLimits(try rootDevice()) }
        guard let disk = writableDisks.first else { return IOLimits() }
        return try domain.diskLimits(disk)
    }

    private func setIOLimits(_ limits: IOLimits) throws {
        guard description.isMachine else { return try domain.setDeviceLimits(try rootDevice(), limits) }
        for disk in writableDisks { try domain.setDiskLimits(disk, limits) }
    }

    private var writableDisks: [String] { description.disks.filter(\.isWritable).map(\.target) }

    private func rootDevice() throws -> String {
        let table = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        guard let root = description.root, let device = MountTable.source(of: root, in: table),
            device.hasPrefix("/dev/")
        else {
            throw AllocationError.unsupported(
                .diskRead, domain: domain.name, reason: "its root is not on a block device whose rate could be limited")
        }
        return device
    }
}
