import Foundation
import Glibc

/// A container that runs without its libvirtd knowing of it: libvirtd was killed while it was starting the domain.
enum StrayContainer {
    /// Ends the controller of the domain `name` and what it has started. `name` is one of our own, and random; nothing is
    /// done when there is no such process.
    static func end(named name: String) {
        for pid in processes where isController(pid, of: name) {
            for child in children(of: pid) { kill(child, SIGKILL) }
            kill(pid, SIGKILL)
            // Its interfaces go with its namespaces, a moment later.
            for _ in 0..<100 where kill(pid, 0) == 0 { usleep(10_000) }
        }
    }

    private static var processes: [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { pid_t($0) }
    }

    private static func isController(_ pid: pid_t, of name: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
        let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard words.first?.hasSuffix("libvirt_lxc") == true, let flag = words.firstIndex(of: "--name") else {
            return false
        }
        return words.indices.contains(flag + 1) && words[flag + 1] == name
    }

    private static func children(of pid: pid_t) -> [pid_t] {
        let list = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        return list.split(separator: " ").compactMap { pid_t($0) }
    }
}
