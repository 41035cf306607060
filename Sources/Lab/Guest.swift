import Foundation
import Hypervisor
import OperatingSystem

/// The small virtual machine of Sandbox/guest: it tells by HTTP what is in its memory and on its disk.
package struct Guest: Sendable {
    package let name: String
    package let memoryMiB: Int
    package let address: String
    package let mac: String

    package init(
        name: String = "vm1", memoryMiB: Int = 256, address: String = "10.50.0.40", mac: String = "52:54:00:00:50:40"
    ) {
        self.name = name
        self.memoryMiB = memoryMiB
        self.address = address
        self.mac = mac
    }

    /// It ends in the same digits.
    private var address6: String { "fd00:50::" + (address.split(separator: ".").last ?? "") }

    /// Kernel and first file system, made once on a machine: the kernel is fetched from Debian, so that this is to be called
    /// before a private host is entered.
    @discardableResult
    package static func image(cache: String = LabFiles.standardCache, say: (String) -> Void) throws -> String {
        let recipes = try LabFiles.recipes() + "/guest"
        let folder = "\(cache)/guest-\(LabFiles.digest(of: [recipes]))"
        if FileManager.default.fileExists(atPath: folder) { return folder }
        say("building the virtual machine's kernel and first file system from Debian packages (once, some seconds)")
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        try ChildProcess.succeed([recipes + "/build", folder])
        for other in try FileManager.default.contentsOfDirectory(atPath: cache)
        where other.hasPrefix("guest-") && !other.contains(".part.") && "\(cache)/\(other)" != folder {
            try? FileManager.default.removeItem(atPath: "\(cache)/\(other)")
        }
        return folder
    }

    /// Defines it and starts it, on the bridge `br0` of a host; it answers some seconds later. The disks are those of libvirt's
    /// `<disk>` elements.
    package func start(on host: PrivateHost, disks: [String]) throws {
        let values = [
            "NAME": name, "MEMORY": "\(memoryMiB)", "ADDRESS": "\(address)/24,\(address6)/64", "MAC": mac,
            "DISKS": disks.joined(separator: "\n"), "GUEST": try Self.image(cache: host.cache, say: { _ in }),
        ]
        try Self.start("guest/machine.xml", values, on: host)
    }

    /// With a disk of its own in a file, which is made.
    package func start(on host: PrivateHost, disk: String) throws {
        try ChildProcess.succeed(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"])
        let element = """
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2'/>
              <source file='\(disk)'/>
              <target dev='vda' bus='virtio'/>
            </disk>
            """
        try start(on: host, disks: [element])
    }

    /// From a recipe with `@NAME@` for values.
    static func start(_ recipe: String, _ values: [String: String], on host: PrivateHost) throws {
        let template = try String(contentsOfFile: try LabFiles.recipes() + "/" + recipe, encoding: .utf8)
        let xml = values.reduce(template) { $0.replacingOccurrences(of: "@\($1.key)@", with: $1.value) }
        try Node(connect: host.uri("qemu")).define(xml).start()
    }
}

extension PrivateHost {
    /// For `ip -batch`: the bridge of everything on a host, which has the gateway's address.
    static let bridge = """
        link add name br0 address 52:54:00:00:50:01 type bridge
        address add 10.50.0.1/24 dev br0
        address add fd00:50::1/64 dev br0 nodad
        link set dev br0 up
        """

    /// From outside.
    package func makeBridge() throws { try run(["ip", "-batch", "-"], input: Self.bridge) }
}
