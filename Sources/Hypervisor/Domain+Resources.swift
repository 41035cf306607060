import CLibvirt
import Glibc

/// What a running domain gets. Each setter changes the running domain only and has its getter; where the domain's driver
/// cannot, libvirt's own refusal comes as the error.
extension Domain {
    // libvirt shows "no limit" as −1 or as the largest value the kernel takes.
    private static let unlimitedQuota = 17_592_186_044_414.0
    private static let unlimitedMemoryKiB = 9_007_199_254_740_991.0
    private static let live = UInt32(VIR_DOMAIN_AFFECT_LIVE.rawValue)

    /// The CPU quota in cores: 0.6 is 60 % of one core. Nil is unlimited.
    ///
    /// libvirt counts the quota for each virtual processor of a QEMU machine, and for a container as a whole.
    package func cpuQuota() throws(HypervisorError) -> Double? {
        let parameters = try schedulerParameters()
        guard let quota = parameters["vcpu_quota"]?.number, let period = parameters["vcpu_period"]?.number, period > 0
        else { return nil }
        return quota <= 0 || quota > Self.unlimitedQuota ? nil : quota / period
    }

    /// Sets the CPU quota of a running domain, with the kernel's usual period of 100 ms. Nil lifts the limit.
    package func setCPUQuota(_ cores: Double?) throws(HypervisorError) {
        let period = 100_000.0
        let quota = cores.map { Int64(($0 * period).rounded()) } ?? -1
        try setScheduler(
            ["vcpu_period": .unsigned(UInt64(period)), "vcpu_quota": .signed(quota)], "set the CPU quota of \(name)")
    }

    /// The weight against others when processors are short; 1024 is the usual one.
    package func cpuShares() throws(HypervisorError) -> Int? {
        try schedulerParameters()["cpu_shares"]?.number.map { Int($0) }
    }

    package func setCPUShares(_ shares: Int) throws(HypervisorError) {
        try setScheduler(["cpu_shares": .unsigned(UInt64(max(0, shares)))], "set the CPU shares of \(name)")
    }

    private func setScheduler(_ parameters: TypedParameters, _ doing: String) throws(HypervisorError) {
        guard
            unsafe parameters.withList({
                unsafe virDomainSetSchedulerParametersFlags(handle, $0, $1, Self.live)
            }) == 0
        else { throw HypervisorError(doing) }
    }

    private func schedulerParameters() throws(HypervisorError) -> TypedParameters {
        let doing = "read the scheduler parameters of \(name)"
        var capacity: Int32 = 0
        guard let kind = unsafe virDomainGetSchedulerType(handle, &capacity) else { throw HypervisorError(doing) }
        unsafe free(kind)
        // This one says how many by a call of its own.
        let parameters = unsafe TypedParameters.read { list, count in
            guard let list = unsafe list else {
                unsafe count.pointee = capacity
                return 0
            }
            return unsafe virDomainGetSchedulerParametersFlags(handle, list, count, Self.live)
        }
        guard let parameters else { throw HypervisorError(doing) }
        return parameters
    }
}

extension Domain {
    /// Virtual processors that the running machine has. The guest takes new ones in use by itself, or when it is told to.
    package func processorCount() throws(HypervisorError) -> Int {
        let count = unsafe virDomainGetVcpusFlags(handle, Self.live)
        guard count >= 0 else { throw HypervisorError("count the processors of \(name)") }
        return Int(count)
    }

    /// At most as many as the machine was started with room for (`<vcpu current='…'>`).
    package func setProcessorCount(_ count: Int) throws(HypervisorError) {
        guard unsafe virDomainSetVcpusFlags(handle, UInt32(max(0, count)), Self.live) == 0 else {
            throw HypervisorError("give \(name) \(count) processors")
        }
    }

    /// The processors of the node that all of the machine's run on: the union over its virtual ones.
    package func processorSet() throws(HypervisorError) -> Set<Int> {
        let (count, width) = (try processorCount(), (node.processorCount + 7) / 8)
        var maps = [UInt8](repeating: 0, count: count * width)
        let read = unsafe virDomainGetVcpuPinInfo(handle, Int32(count), &maps, Int32(width), Self.live)
        guard read >= 0 else { throw HypervisorError("read the processor set of \(name)") }
        var set: Set<Int> = []
        for index in 0..<(Int(read) * width) {
            for bit in 0..<8 where maps[index] & (1 << UInt8(bit)) != 0 { set.insert(index % width * 8 + bit) }
        }
        return set
    }

    /// Where the machine's virtual processors, and QEMU's own threads, may run.
    package func setProcessorSet(_ set: Set<Int>) throws(HypervisorError) {
        let doing = "keep \(name) on the processors \(set.sorted().map { "\($0)" }.joined(separator: ","))"
        let width = (node.processorCount + 7) / 8
        var map = [UInt8](repeating: 0, count: width)
        for number in set {
            guard number >= 0, number < node.processorCount else {
                throw HypervisorError(
                    doing, message: "the node has \(node.processorCount), counted from 0", cause: .unsupported)
            }
            map[number / 8] |= 1 << (number % 8)
        }
        for number in 0..<(try processorCount()) {
            guard unsafe virDomainPinVcpuFlags(handle, UInt32(number), &map, Int32(width), Self.live) == 0 else {
                throw HypervisorError(doing)
            }
        }
        guard unsafe virDomainPinEmulator(handle, &map, Int32(width), Self.live) == 0 else {
            throw HypervisorError(doing)
        }
    }
}

extension Domain {
    /// What the guest's balloon leaves it, in KiB, as far as libvirt knows; the guest follows in its own time.
    package func balloon() throws(HypervisorError) -> Int {
        var statistics = [virDomainMemoryStatStruct](
            repeating: virDomainMemoryStatStruct(), count: Int(VIR_DOMAIN_MEMORY_STAT_NR.rawValue))
        let count = unsafe virDomainMemoryStats(handle, &statistics, UInt32(statistics.count), 0)
        guard count >= 0 else { throw HypervisorError("read the balloon of \(name)") }
        let balloon = statistics.prefix(Int(count)).first {
            $0.tag == Int32(VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON.rawValue)
        }
        guard let balloon = balloon else {
            throw HypervisorError(
                "read the balloon of \(name)", message: "libvirt knows of none", cause: .unsupported)
        }
        return Int(balloon.val)
    }

    package func setBalloon(kibibytes: Int) throws(HypervisorError) {
        guard unsafe virDomainSetMemoryFlags(handle, UInt(max(0, kibibytes)), Self.live) == 0 else {
            throw HypervisorError("give \(name) \(kibibytes) KiB of memory")
        }
    }

    /// What the node lets the domain take, in KiB. Nil is unlimited.
    package func memoryLimit() throws(HypervisorError) -> Int? {
        let parameters = unsafe TypedParameters.read { list, count in
            unsafe virDomainGetMemoryParameters(handle, list, count, Self.live)
        }
        guard let parameters else { throw HypervisorError("read the memory limit of \(name)") }
        guard let limit = parameters["hard_limit"]?.number, limit < Self.unlimitedMemoryKiB else { return nil }
        return Int(limit)
    }

    /// A container that takes more is out of memory. A machine does not learn of it: QEMU would be killed; use its balloon.
    package func setMemoryLimit(kibibytes: Int?) throws(HypervisorError) {
        let limit = kibibytes.map { UInt64(max(0, $0)) } ?? UInt64(Self.unlimitedMemoryKiB)
        let status = unsafe (["hard_limit": .unsigned(limit)] as TypedParameters).withList {
            unsafe virDomainSetMemoryParameters(handle, $0, $1, Self.live)
        }
        guard status == 0 else { throw HypervisorError("limit the memory of \(name)") }
    }
}
