import Foundation

/// What a container printed last, for a clone that does not boot. libvirt keeps it in a file per domain.
enum Console {
    static func end(of domain: String) -> String {
        guard let data = FileManager.default.contents(atPath: "/var/log/libvirt/lxc/\(domain).log") else { return "" }
        let lines = String(decoding: data.suffix(2000), as: UTF8.self).split(separator: "\n")
        return lines.suffix(2).map { $0.prefix(160) }.joined(separator: " | ")
    }
}
