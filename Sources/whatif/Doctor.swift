import Foundation
import Hypervisor
import OperatingSystem
import Store
import Telemetry

/// Looks at the machine; changes nothing.
enum Doctor {
    struct Finding: Encodable {
        var what: String
        var found: String
        var isGood: Bool
        /// Whether the main job needs it.
        var isNeeded: Bool
        var remedy: String
    }

    static func examine() -> [Finding] {
        [
            privileges, cgroups, program("libvirtd", "libvirt-daemon-system", needed: true), lxcDriver, libvirt,
            packetSockets, fileSystem("btrfs", remedy: "modprobe btrfs, or a kernel with btrfs"),
            program("mkfs.btrfs", "btrfs-progs", needed: true), loopDevices,
            program("ip", "iproute2", needed: true), bridgeRules,
            program("mmdebstrap", "mmdebstrap", needed: true),
            program("lvs", "lvm2", needed: false, note: "for domains on logical volumes"),
            program("qemu-system-x86_64", "qemu-system-x86", needed: false, note: "for clones of machines"),
            program("qemu-img", "qemu-utils", needed: false, note: "for clones of machines"),
            energyCounters, diskSpace,
        ]
    }

    private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private static var privileges: Finding {
        let root = ProcessIdentity.isRoot
        return Finding(
            what: "privileges", found: root ? "root" : "not root", isGood: root, isNeeded: true,
            remedy: "run as root: capture, namespaces and snapshots need it")
    }

    private static var cgroups: Finding {
        let base = "/sys/fs/cgroup"
        if exists(base + "/cgroup.controllers") {
            let list = (try? String(contentsOfFile: base + "/cgroup.controllers", encoding: .utf8)) ?? ""
            let good = list.split(whereSeparator: \.isWhitespace).contains("cpu")
            return Finding(
                what: "cgroups", found: "v2", isGood: good, isNeeded: true,
                remedy: "enable the cpu controller of cgroup v2")
        }
        let missing = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio"].filter {
            !exists("\(base)/\($0)")
        }
        return Finding(
            what: "cgroups", found: missing.isEmpty ? "v1" : "v1 without \(missing.joined(separator: ", "))",
            isGood: missing.isEmpty, isNeeded: true, remedy: "mount the missing controllers below \(base)")
    }

    private static func find(_ program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin"])
            .map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func program(_ name: String, _ package: String, needed: Bool, note: String = "") -> Finding {
        let path = find(name)
        return Finding(
            what: name, found: (path ?? "not found") + (note.isEmpty ? "" : "; \(note)"), isGood: path != nil,
            isNeeded: needed, remedy: "apt-get install \(package)")
    }

    private static var lxcDriver: Finding {
        let path = "/usr/lib/libvirt/libvirt_lxc"
        return Finding(
            what: "libvirt LXC driver", found: exists(path) ? path : "not found", isGood: exists(path), isNeeded: true,
            remedy: "apt-get install libvirt-daemon-driver-lxc")
    }

    /// The host's own libvirtd: needed for the host's own domains; the lab brings its own.
    private static var libvirt: Finding {
        let node = try? Node(connect: "lxc:///system")
        return Finding(
            what: "libvirt of this machine",
            found: node?.hypervisorVersion ?? "does not answer; the lab has one of its own",
            isGood: node != nil, isNeeded: false, remedy: "systemctl start libvirtd")
    }

    private static var packetSockets: Finding {
        let result = (try? ChildProcess.run(["tcpdump", "--version"]).status) == 0
        let allowed = PacketSocket.isAllowed
        return Finding(
            what: "packet capture", found: (allowed ? "allowed" : "refused") + (result ? "" : "; tcpdump not found"),
            isGood: allowed, isNeeded: true, remedy: "run as root, or give the program CAP_NET_RAW")
    }

    private static func fileSystem(_ name: String, remedy: String) -> Finding {
        let known = ((try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)) ?? "")
            .split(whereSeparator: \.isWhitespace).contains(Substring(name))
        return Finding(
            what: "\(name) in the kernel", found: known ? "yes" : "no", isGood: known, isNeeded: true, remedy: remedy)
    }

    private static var loopDevices: Finding {
        let good = exists("/dev/loop-control")
        return Finding(
            what: "loop devices", found: good ? "yes" : "no", isGood: good, isNeeded: true, remedy: "modprobe loop")
    }

    /// Tried in a network namespace of its own, which goes with the program.
    private static var bridgeRules: Finding {
        let rules = "add table bridge t; add chain bridge t c { type filter hook prerouting priority -300; };"
        let result = try? ChildProcess.run(["unshare", "--net", "nft", rules])
        let good = result?.status == 0
        return Finding(
            what: "nft bridge rules", found: good ? "yes" : "no", isGood: good, isNeeded: true,
            remedy: "apt-get install nftables, and a kernel with nf_tables bridge support")
    }

    private static var energyCounters: Finding {
        let good = NodeEnergy() != nil
        return Finding(
            what: "energy counters (RAPL)", found: good ? "yes" : "no", isGood: good, isNeeded: false,
            remedy: "energy is estimated by 'energy: { core: 10 W }' of the service file, if it has that")
    }

    private static var diskSpace: Finding {
        let state = (try? StateDirectory.standard().path) ?? "/var/lib"
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: state)
        let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value ?? 0
        return Finding(
            what: "disk space", found: "\(free >> 20) MiB free in \(state)", isGood: free > 3 << 30, isNeeded: true,
            remedy: "free 3 GiB there, or set WHATIF_STATE to a folder with more room")
    }
}

/// Whether raw packets may be read by this process.
private enum PacketSocket {
    static var isAllowed: Bool {
        // ETH_P_ALL would be 0x0003; protocol 0 opens the socket without receiving anything.
        let descriptor = socket(AF_PACKET, Int32(SOCK_RAW.rawValue), 0)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }
}
