import Foundation
import Glibc
package import OperatingSystem

/// A machine of its own on this one: cgroups and namespaces with a libvirtd inside, for containers and virtual machines.
///
/// Nothing of it is in the root namespaces but its folder and its cgroups. Several run side by side.
package struct PrivateHost: Sendable {
    /// Everything of the host that is on disk; gone after `end`.
    package let directory: String
    /// What was learnt once and is the same for every host; kept.
    let cache: String
    let group: LabGroup

    /// `name` is that of its cgroup in every hierarchy, and unlike that of any other host.
    package init(directory: String, name: String, cache: String = LabFiles.standardCache) {
        self.directory = directory
        self.cache = cache
        group = LabGroup(name: name)
    }

    private var pidFile: String { directory + "/pid" }
    private var socket: String { directory + "/host/run/libvirt/libvirt-sock" }
    private var log: String { directory + "/host.log" }

    /// How its libvirt is reached from outside: `qemu+unix:///system?socket=…`.
    package func uri(_ driver: String) -> String { "\(driver)+unix:///system?socket=\(socket)" }

    /// The process that holds the host's namespaces, when it is up.
    package var holder: Int32? {
        guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8),
            let pid = Int32(text.filter(\.isNumber)),
            // A pid can be used again: the holder is a member of the host's cgroup.
            let groups = try? String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8),
            groups.split(separator: "\n").contains(where: { line in
                line.hasSuffix("/\(group.name)") || line.contains("/\(group.name)/")
            })
        else { return nil }
        return pid
    }

    /// Starts it, and returns its holder when its libvirt answers. What fails is left for `end`.
    package func start(interrupt: InterruptSignal) throws -> Int32 {
        let recipes = try LabFiles.recipes()
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try copy(capabilities, of: cache + "/libvirt", to: hostCache)
        let output = try Descriptor.open(log, O_WRONLY | O_CREAT | O_TRUNC)
        let host = try ChildProcess(
            ["bash", recipes + "/lab/node-start", directory, group.name], output: output.raw, errors: output.raw)
        for _ in 0..<1500 {
            if let holder, FileManager.default.fileExists(atPath: socket) { return holder }
            if host.hasEnded { throw failure }
            if interrupt.wait(seconds: 0.01) == .interrupted { throw LabError.hostFailed("interrupted") }
        }
        throw failure
    }

    private var failure: LabError {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return .hostFailed(text.split(separator: "\n").suffix(2).joined(separator: "; "))
    }

    /// Runs a program on the host: in its namespaces, with the files of this machine.
    @discardableResult
    package func run(_ command: [String], input: String = "") throws -> String {
        try ChildProcess.succeed(try inside + command, input: input)
    }

    /// The words before a command that is to run on the host.
    package var inside: [String] {
        get throws {
            guard let holder else { throw LabError.notUp }
            return ["nsenter", "--target", "\(holder)", "--net", "--mount", "--uts", "--ipc", "--"]
        }
    }

    /// Ends everything that runs on the host, as without power; what is on its disk stays for the next `start`.
    package func stop() throws {
        group.end()
        guard group.remove() else { throw LabError.stillRuns(group.name) }
        for path in [pidFile, socket] where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
    }

    /// Ends everything that runs on the host and removes the rest of it. A host that is not up is no error.
    ///
    /// `released` tells whether what the host's mounts hold (loop devices) has gone; it is waited for.
    package func end(released: () -> Bool = { true }) throws {
        group.end()
        // The namespaces and their mounts go with the last process, a moment later.
        for _ in 0..<250 where !released() { usleep(20_000) }
        if !released() { throw LabError.leftBehind("a loop device of \(directory)") }
        guard group.remove() else { throw LabError.leftBehind("cgroups named \(group.name)") }
        try? copy(capabilities, of: hostCache, to: cache + "/libvirt")
        if FileManager.default.fileExists(atPath: directory) {
            try FileManager.default.removeItem(atPath: directory)
        }
    }
}

extension PrivateHost {
    private var hostCache: String { directory + "/host/var/cache/libvirt" }
    private var capabilities: String { "qemu/capabilities" }

    /// What libvirt found out about QEMU, which takes it eight seconds. It looks itself whether it still holds, by the time
    /// of the program's file, the kernel and more.
    private func copy(_ folder: String, of source: String, to target: String) throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(source)/\(folder)")) ?? []
        for name in names where name.hasSuffix(".xml") {
            try FileManager.default.createDirectory(
                atPath: "\(target)/\(folder)", withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let contents = try Data(contentsOf: URL(fileURLWithPath: "\(source)/\(folder)/\(name)"))
            // By way of another name: other hosts start and end meanwhile.
            try contents.write(to: URL(fileURLWithPath: "\(target)/\(folder)/\(name)"), options: .atomic)
        }
    }
}
