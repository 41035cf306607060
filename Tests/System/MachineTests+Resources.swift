import Foundation
import Hypervisor
import Lab
import OperatingSystem
import Testing

/// What a domain gets, set through libvirt and read back with virsh, which we did not write.
extension SystemTests.MachineTests {
    /// A container that does nothing, on the same host.
    private func container(_ host: MachineHost, _ body: (Domain) throws -> Void) throws {
        let root = host.folder + "/box"
        for folder in ["bin", "dev", "proc", "sys", "tmp", "root"] {
            try FileManager.default.createDirectory(
                atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: root + "/bin/sleep")
        defer { try? FileManager.default.removeItem(atPath: root) }
        let node = try Node(connect: host.host.uri("lxc"))
        let domain = try node.create(
            """
            <domain type='lxc'><name>box</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
              <os><type>exe</type><init>/bin/sleep</init><initarg>1000</initarg></os>
              <devices><filesystem type='mount'><source dir='\(root)'/><target dir='/'/></filesystem>
              <interface type='bridge'><mac address='52:54:00:00:50:50'/><source bridge='br0'/></interface>
              <console type='pty'/></devices>
            </domain>
            """)
        defer { try? domain.destroy() }
        try body(domain)
    }

    private func virsh(_ driver: String, _ arguments: String...) throws -> String {
        let host = try MachineHost.shared.host
        return try ChildProcess.succeed(["virsh", "--connect", host.uri(driver)] + arguments).filter { $0 != " " }
    }

    @Test func aMachineGetsWhatItIsGiven() throws {
        let host = try MachineHost.shared
        let domain = try host.domain

        try domain.setCPUQuota(0.5)
        try domain.setCPUShares(2048)
        #expect(try domain.cpuQuota() == 0.5 && domain.cpuShares() == 2048)
        let schedule = try virsh("qemu", "schedinfo", "vm1")
        #expect(schedule.contains("vcpu_quota:50000\n") && schedule.contains("cpu_shares:2048\n"))
        try domain.setCPUQuota(nil)
        #expect(try domain.cpuQuota() == nil)

        #expect(try domain.processorCount() == 1)
        try domain.setProcessorCount(2)
        #expect(try domain.processorCount() == 2 && domain.description().processors == 2)
        try domain.setProcessorSet([0])
        #expect(try domain.processorSet() == [0])
        #expect(try virsh("qemu", "emulatorpin", "vm1").contains("*:0\n"))
        try domain.setProcessorSet(Set(0..<host.node.processorCount))
        #expect(try domain.processorSet() == Set(0..<host.node.processorCount))
        #expect(throws: HypervisorError.self) { try domain.setProcessorSet([host.node.processorCount]) }
        // More than there is room for is libvirt's to refuse.
        let error = #expect(throws: HypervisorError.self) { try domain.setProcessorCount(3) }
        #expect(error?.code != 0)

        try domain.setBalloon(kibibytes: 200 << 10)
        #expect(try Whatif.wait(seconds: 60) { try domain.balloon() == 200 << 10 })
        let seen = try #require(Int(try host.original.state("memory-kib")))
        #expect(seen < 200 << 10)
        try domain.setBalloon(kibibytes: 256 << 10)
        #expect(try Whatif.wait(seconds: 60) { try domain.balloon() == 256 << 10 })
        try domain.setMemoryLimit(kibibytes: 4 << 20)
        #expect(try domain.memoryLimit() == 4 << 20)
        try domain.setMemoryLimit(kibibytes: nil)
        #expect(try domain.memoryLimit() == nil)
    }

    @Test func aMachinesDiskAndNetworkAreLimited() throws {
        let domain = try MachineHost.shared.domain
        let limits = IOLimits(readBytes: 10 << 20, writeBytes: 5 << 20, readOperations: 100, writeOperations: 50)
        try domain.setDiskLimits("vda", limits)
        #expect(try domain.diskLimits("vda") == limits)
        #expect(try virsh("qemu", "blkdeviotune", "vm1", "vda").contains("write_bytes_sec:\(5 << 20)\n"))
        try domain.setDiskLimits("vda", IOLimits())
        #expect(try domain.diskLimits("vda") == IOLimits())
        #expect(throws: HypervisorError.self) { try domain.setDiskLimits("vdx", limits) }

        let rate = NetworkRate(inbound: 1000, outbound: 500)
        do throws(HypervisorError) {
            try domain.setNetworkRate("52:54:00:00:50:40", rate)
            #expect(try domain.networkRate("52:54:00:00:50:40") == rate)
            try domain.setNetworkRate("52:54:00:00:50:40", NetworkRate(inbound: 0, outbound: 0))
        } catch {
            // A kernel without the queues that libvirt makes use of.
            #expect(error.message.contains("tc "), "\(error)")
        }
    }

    @Test func aCommandRunsInTheGuest() throws {
        let domain = try MachineHost.shared.domain
        #expect(try domain.description().hasAgentChannel)
        let result = try domain.runInGuest("cat /run/token; echo oh >&2; exit 3", within: .seconds(20))
        #expect(result.status == 3 && result.errors == "oh\n")
        #expect(try result.output.trimmingCharacters(in: .whitespacesAndNewlines) == MachineHost.shared.original.token)
        #expect(throws: HypervisorError.self) { try domain.runInGuest("sleep 3", within: .milliseconds(100)) }
        #expect(throws: HypervisorError.self) { try domain.askAgent("no-such-thing") }
    }

    @Test func aContainerGetsWhatItsDriverCan() throws {
        let host = try MachineHost.shared
        try container(host) { domain in
            try domain.setCPUQuota(0.25)
            try domain.setCPUShares(512)
            #expect(try domain.cpuQuota() == 0.25 && domain.cpuShares() == 512)
            try domain.setMemoryLimit(kibibytes: 32 << 10)
            #expect(try domain.memoryLimit() == 32 << 10)
            #expect(try virsh("lxc", "memtune", "box").contains("hard_limit:\(32 << 10)\n"))

            let device = try #require(
                FileManager.default.contentsOfDirectory(atPath: "/sys/block").sorted().first { !$0.hasPrefix("ram") })
            let limits = IOLimits(readBytes: 1 << 20, writeBytes: 2 << 20, readOperations: 30, writeOperations: 40)
            try domain.setDeviceLimits("/dev/" + device, limits)
            #expect(try domain.deviceLimits("/dev/" + device) == limits)
            try domain.setDeviceLimits("/dev/" + device, IOLimits())
            #expect(try domain.deviceLimits("/dev/" + device) == IOLimits())

            // The driver's own words for what it has not.
            let refusals = [
                #expect(throws: HypervisorError.self) { try domain.setProcessorCount(1) },
                #expect(throws: HypervisorError.self) { try domain.setProcessorSet([0]) },
                #expect(throws: HypervisorError.self) { try domain.setDiskLimits("vda", limits) },
                #expect(throws: HypervisorError.self) {
                    try domain.setNetworkRate("52:54:00:00:50:50", NetworkRate(inbound: 1, outbound: 1))
                },
                #expect(throws: HypervisorError.self) { try domain.captureAbility() },
            ]
            for refusal in refusals { #expect(refusal?.cause == .unsupported, "\(String(describing: refusal))") }
        }
    }
}
