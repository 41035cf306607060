import Foundation
import OperatingSystem

/// The storage machine of Sandbox/storage on a host's bridge: LVM, of which it serves volumes by NBD, and `whatif-storage`.
package struct StorageMachine: Sendable {
    package let name = "store1"
    package let address = "10.50.0.60"
    private static let mac = "52:54:00:00:50:60"
    private static let sizeMiB = 512
    /// Of its service, and of its shell.
    private static let (servicePort, shellPort) = (7000, 7001)

    package init() {}

    /// As `whatif clone --storage` takes it, on the host.
    package var command: String { "busybox nc \(address) \(Self.servicePort)" }
    /// As `whatif clone --export` takes it.
    package var export: String { "nbd://\(address):10900-10999" }

    /// A `<disk>` that the machine serves. Each volume has a port.
    static func disk(_ volume: String, port: Int, target: String, at address: String) -> String {
        """
        <disk type='network' device='disk'>
          <driver name='qemu' type='raw' discard='unmap'/>
          <source protocol='nbd' name='\(volume)'><host name='\(address)' port='\(port)'/></source>
          <target dev='\(target)' bus='virtio'/>
        </disk>
        """
    }

    /// A machine with a disk on a classic logical volume, `data/vm2`, and one on a thin one, `data/vm2-thin`.
    package static let machine = Guest(name: "vm2", address: "10.50.0.41", mac: "52:54:00:00:50:41")
    static let volumes = [("vm2", 10801, "vda"), ("vm2-thin", 10802, "vdb")]

    var disks: [String] {
        Self.volumes.map { Self.disk($0.0, port: $0.1, target: $0.2, at: address) }
    }

    /// Kernel and first file system, made once on a machine for these recipes and this program; to be called before a private
    /// host is entered.
    @discardableResult
    package static func image(cache: String = LabFiles.standardCache, say: (String) -> Void) throws -> String {
        let recipes = try LabFiles.recipes() + "/storage"
        let program = try self.program
        let attributes = try FileManager.default.attributesOfItem(atPath: program)
        let made = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        let folder = "\(cache)/storage-\(LabFiles.digest(of: [recipes]))-\(Int(made * 1000))"
        if FileManager.default.fileExists(atPath: folder) { return folder }
        say("building the storage machine's kernel and first file system from Debian packages (some seconds)")
        let part = folder + ".part.\(ProcessIdentity.current)"
        try ChildProcess.succeed([recipes + "/build", program, part])
        for other in try FileManager.default.contentsOfDirectory(atPath: cache)
        where other.hasPrefix("storage-") && !other.contains(".part.") {
            try? FileManager.default.removeItem(atPath: "\(cache)/\(other)")
        }
        try FileManager.default.moveItem(atPath: part, toPath: folder)
        return folder
    }

    /// `whatif-storage`, which is built with `whatif` and stands beside it.
    private static var program: String {
        get throws {
            let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            let program = own.appendingPathComponent("whatif-storage").path
            guard FileManager.default.fileExists(atPath: program) else { throw LabError.programMissing(program) }
            return program
        }
    }

    /// Defines it and starts it, on the bridge `br0` of a host; its disk is a sparse file.
    package func start(on host: PrivateHost, disk: String) throws {
        try ChildProcess.succeed(["truncate", "--size", "\(Self.sizeMiB)M", disk])
        let values = [
            "NAME": name, "ADDRESS": address + "/24", "MAC": Self.mac, "DISK": disk,
            "GUEST": try Self.image(cache: host.cache, say: { _ in }),
        ]
        try Guest.start("storage/machine.xml", values, on: host)
    }

    /// Makes the volumes of `machine` and serves them, when it answers. From inside the host.
    package func prepareVolumes(isInterrupted: () -> Bool) throws {
        let script = """
            set -e
            volumes lvcreate -Wn -Zn -L 64M -n vm2 data
            volumes lvcreate -Wn -Zn -L 160M -T data/pool
            volumes lvcreate -Wn -V 64M -T data/pool -n vm2-thin
            """
        let serving = Self.volumes.map {
            "qemu-nbd --fork --persistent --shared=0 --format=raw --export-name=\($0.0) --bind=\(address) --port=\($0.1) "
                + "/dev/data/\($0.0)"
        }
        let clock = SteadyClock()
        let deadline = clock.now + 60_000_000_000
        while try run("true", limit: 2) == nil {
            if isInterrupted() || clock.now > deadline {
                throw LabError.serviceFailed("\(name) does not answer at \(address)")
            }
            usleep(100_000)
        }
        guard try run(script + "\n" + serving.joined(separator: "\n"), limit: 60) != nil else {
            throw LabError.serviceFailed("\(name) cannot make its volumes")
        }
    }

    /// Runs a shell script on it; its output, nil when it fails or does not answer within `limit` seconds.
    @discardableResult
    package func run(_ script: String, limit: Int) throws -> String? {
        let end = "the script has succeeded"
        let output = try ChildProcess.run(
            ["timeout", "\(limit)", "busybox", "nc", address, "\(Self.shellPort)"],
            input: "(\(script)\n) 2>&1 && echo '\(end)'\nexit\n"
        ).output.trimmingCharacters(in: .whitespacesAndNewlines)
        return output.hasSuffix(end) ? String(output.dropLast(end.count)) : nil
    }
}
