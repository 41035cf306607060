import Glibc
package import Hypervisor
package import Model
import OperatingSystem

/// The node's own place in its domains' networks.
package enum NodeAddresses {
    /// Where others reach a domain's first interface: by its XML, and for a family of which that says nothing, by what the
    /// node's DHCP server or its neighbour table knows.
    package static func addresses(of domain: DomainDescription, _ node: Node) throws -> [IPAddress] {
        guard let interface = domain.interfaces.first else { return [] }
        let isOfUse = { (address: IPAddress) in address.isUnicast && !address.isLinkLocal }
        let told = interface.addresses.filter(isOfUse)
        let missing = [IPAddress.Family.v4, .v6].filter { family in !told.contains { $0.family == family } }
        if missing.isEmpty { return told }
        let leased = try node.domain(domain.name)?.leasedAddresses.filter(isOfUse) ?? []
        let heard = try neighbours(interface.mac).filter(isOfUse)
        return told
            + missing.flatMap { family in
                let known = leased.filter { $0.family == family }
                return known.isEmpty ? heard.filter { $0.family == family } : known
            }
    }

    /// Ends what the node itself says on a bridge's port towards a clone, where it would have an address of IPv6 as on any
    /// of its interfaces. It never hears what the clone says there.
    static func silence(_ device: String) {
        // A kernel without IPv6 has no such file.
        guard let setting = try? Descriptor.open("/proc/sys/net/ipv6/conf/\(device)/disable_ipv6", O_WRONLY) else {
            return
        }
        _ = unsafe write(setting.raw, "1\n", 2)
    }

    /// The node's addresses on the bridge to which the running domain's first interface belongs: what the domain knows as
    /// its gateway, mostly; over IPv6 that is mostly the link-local one.
    package static func onBridge(of domain: DomainDescription) throws -> [IPAddress] {
        guard let device = domain.interfaces.first?.device else { return [] }
        let link = try ChildProcess.succeed(["ip", "-oneline", "link", "show", "dev", device])
        guard let bridge = word(after: "master", in: link) else { return [] }
        return addresses(in: try ChildProcess.succeed(["ip", "-oneline", "address", "show", "dev", bridge]))
    }

    /// The addresses that the node's neighbour table holds for a MAC. libvirt has a question for it too, which fails on
    /// newer kernels ("wrong nlmsg len", libvirt 9.0).
    static func neighbours(_ mac: String) throws -> [IPAddress] {
        neighbours(mac, in: try ChildProcess.succeed(["ip", "neighbour", "show"]))
    }

    /// `10.50.0.40 dev br0 lladdr 52:54:00:00:50:40 REACHABLE`; those that were heard of last come first.
    package static func neighbours(_ mac: String, in lines: String) -> [IPAddress] {
        let known = lines.split(separator: "\n").filter { word(after: "lladdr", in: String($0)) == mac.lowercased() }
        let isFresh = { (line: Substring) in line.contains(" REACHABLE") }
        return (known.filter(isFresh) + known.filter { !isFresh($0) }).compactMap { line in
            IPAddress(String(line.prefix { $0 != " " }))
        }
    }

    /// `3: br0    inet 10.50.0.1/24 brd …`, `3: br0    inet6 fd00:50::1/64 scope global …`
    package static func addresses(in lines: String) -> [IPAddress] {
        lines.split(separator: "\n").compactMap { line in
            (word(after: "inet", in: String(line)) ?? word(after: "inet6", in: String(line)))
                .flatMap { IPAddress(String($0.prefix { $0 != "/" })) }
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
