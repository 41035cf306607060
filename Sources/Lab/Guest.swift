import Foundation
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

    /// Makes its disk and tells its description, for a bridge `br0` that has 10.50.0.1. The first time on a machine, its
    /// kernel is fetched from Debian.
    package func prepare(on host: PrivateHost, disk: String) throws -> String {
        let recipes = try LabFiles.recipes() + "/guest"
        let folder = "\(host.cache)/guest-\(LabFiles.digest(of: [recipes]))"
        if !FileManager.default.fileExists(atPath: folder) {
            try FileManager.default.createDirectory(atPath: host.cache, withIntermediateDirectories: true)
            try ChildProcess.succeed([recipes + "/build", folder])
            for other in try FileManager.default.contentsOfDirectory(atPath: host.cache)
            where other.hasPrefix("guest-") && "\(host.cache)/\(other)" != folder {
                try? FileManager.default.removeItem(atPath: "\(host.cache)/\(other)")
            }
        }
        try ChildProcess.succeed(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"])
        let values = [
            "NAME": name, "MEMORY": "\(memoryMiB)", "ADDRESS": address + "/24", "MAC": mac, "GUEST": folder,
            "DISK": disk,
        ]
        return try values.reduce(String(contentsOfFile: recipes + "/vm1.xml", encoding: .utf8)) {
            $0.replacingOccurrences(of: "@\($1.key)@", with: $1.value)
        }
    }
}
