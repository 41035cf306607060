import Foundation
import Glibc
import OperatingSystem

/// The lab's cgroups: every process of the private host and of its containers is in them, and nothing else.
struct LabGroup: Sendable {
    let name: String

    /// The folders of the group, one for each v1 hierarchy or the one of v2.
    private var folders: [String] {
        let base = "/sys/fs/cgroup"
        let hierarchies =
            FileManager.default.fileExists(atPath: base + "/cgroup.controllers")
            ? [base] : ((try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []).map { "\(base)/\($0)" }
        return hierarchies.map { "\($0)/\(name)" }.filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// Every folder of the group and below, deepest first.
    private func tree(_ folder: String) -> [String] {
        let below = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
            .map { "\(folder)/\($0)" }
            .filter { path in
                var isDirectory: ObjCBool = false
                return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
                    && isDirectory.boolValue
            }
        return ([folder] + below).sorted { $0.utf8.count > $1.utf8.count }
    }

    var exists: Bool { !folders.isEmpty }

    var members: Set<Int32> {
        var pids: Set<Int32> = []
        for path in folders.flatMap(tree) {
            let text = (try? String(contentsOfFile: path + "/cgroup.procs", encoding: .utf8)) ?? ""
            pids.formUnion(text.split(separator: "\n").compactMap { Int32($0) })
        }
        return pids
    }

    /// Ends every member, also those that are born meanwhile.
    func end() {
        for _ in 0..<200 {
            let pids = members
            if pids.isEmpty { return }
            // 0 stands for a process of another pid namespace, and would mean our own group.
            for pid in pids where pid > 0 { kill(pid, SIGKILL) }
            usleep(20_000)
        }
    }

    /// Removes the empty groups; false when one is still busy.
    func remove() -> Bool {
        for _ in 0..<100 {
            for path in folders.flatMap(tree) { unsafe rmdir(path) }
            if folders.isEmpty { return true }
            usleep(20_000)
        }
        return false
    }

    /// Adds the calling process, so that `lab down` ends it too. To be called before the host's namespaces are entered.
    func join() throws {
        for group in folders {
            // With cgroup v2 the group itself holds no process; its first leaf does.
            let leaf = group + "/init"
            let folder = FileManager.default.fileExists(atPath: leaf) ? leaf : group
            let file = try Descriptor.open(folder + "/cgroup.procs", O_WRONLY)
            try file.writeAll(Array("0".utf8))
        }
    }
}
