package import Hypervisor
package import Model
import OperatingSystem

/// The node's own place in its domains' networks.
package enum NodeAddresses {
    /// The node's IPv4 addresses on the bridge to which the running domain's first interface belongs: what the domain
    /// knows as its gateway, mostly.
    package static func onBridge(of domain: DomainDescription) throws -> [IPAddress] {
        guard let device = domain.interfaces.first?.device else { return [] }
        let link = try ChildProcess.succeed(["ip", "-oneline", "link", "show", "dev", device])
        guard let bridge = word(after: "master", in: link) else { return [] }
        return addresses(in: try ChildProcess.succeed(["ip", "-oneline", "-4", "address", "show", "dev", bridge]))
    }

    /// The IPv4 addresses that the node's neighbour table holds for a MAC. libvirt has a question for it too, which fails on
    /// newer kernels ("wrong nlmsg len", libvirt 9.0).
    static func neighbours(_ mac: String) throws -> [IPAddress] {
        neighbours(mac, in: try ChildProcess.succeed(["ip", "-4", "neighbour", "show"]))
    }

    /// `10.50.0.40 dev br0 lladdr 52:54:00:00:50:40 REACHABLE`
    package static func neighbours(_ mac: String, in lines: String) -> [IPAddress] {
        lines.split(separator: "\n").compactMap { line in
            guard word(after: "lladdr", in: String(line)) == mac.lowercased() else { return nil }
            return IPAddress(String(line.prefix { $0 != " " }))
        }
    }

    /// `3: br0    inet 10.50.0.1/24 brd …`
    package static func addresses(in lines: String) -> [IPAddress] {
        lines.split(separator: "\n").compactMap { line in
            word(after: "inet", in: String(line)).flatMap { IPAddress(String($0.prefix { $0 != "/" })) }
        }
    }

    /// The address from which this machine reaches another.
    static func source(towards address: String) throws -> String {
        let route = try ChildProcess.succeed(["ip", "-oneline", "route", "get", address])
        guard let source = word(after: "src", in: route) else {
            throw ProgramError(
                command: ["ip", "route", "get", address], reason: "it names no source address: \(route)")
        }
        return source
    }

    static func word(after mark: String, in line: String) -> String? {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(where: { $0 == mark }), words.indices.contains(place + 1) else { return nil }
        return String(words[place + 1])
    }
}
