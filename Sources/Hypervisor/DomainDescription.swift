import Foundation
import FoundationXML
package import Model

/// What of a domain's XML matters here, and the XML of a clone made from it.
package struct DomainDescription: Sendable {
    package struct Interface: Sendable, Hashable {
        package var mac: String
        /// The name on the node's side, when the domain runs.
        package var device: String?
        package var addresses: [IPAddress]
        /// What its definition lets pass on average; 0 is no bound.
        package var rate: NetworkRate
    }

    package let name: String
    /// `lxc`, `qemu`, `kvm`, `xen`
    package let type: String
    /// The directory on the node that is the container's `/`.
    package let root: String?
    package private(set) var interfaces: [Interface]
    /// What a clone would share with production: mounts that can be written, host devices, namespaces of the node.
    package let shared: [String]
    /// Of a virtual machine, in the order of the XML.
    package let disks: [Disk]
    /// What the domain has at most, in KiB.
    package let memoryKiB: Int?
    /// Processors that the domain has now.
    package let processors: Int?
    /// Whether the guest can have an agent that libvirt talks to; it may still not run.
    package let hasAgentChannel: Bool
    /// The file with the variables of a machine's firmware, which it writes.
    package let firmwareVariables: String?
    let xml: String

    package init(xml: String, name: String) throws(HypervisorError) {
        guard let document = XMLDocument.domain(xml), let domain = document.rootElement() else {
            throw HypervisorError("read the description of \(name)", message: "it is no XML of a domain", cause: .other)
        }
        self.xml = xml
        self.name = name
        type = domain["type"] ?? "?"
        root = Self.rootFileSystem(of: document)?.first("source")?["dir"]
        shared = Self.shared(in: document)
        interfaces = document.elements("/domain/devices/interface").map { element in
            Interface(
                mac: element.first("mac")?["address"] ?? "", device: element.first("target")?["dev"],
                addresses: element.elements(forName: "ip").compactMap { $0["address"].flatMap { IPAddress($0) } },
                rate: NetworkRate(element.first("bandwidth")))
        }
        disks = document.elements("/domain/devices/disk").map { Disk($0) }
        memoryKiB = domain.first("memory").flatMap { Self.kibibytes($0) }
        let vcpu = domain.first("vcpu")
        processors = (vcpu?["current"] ?? vcpu?.stringValue).flatMap { Int($0) }
        hasAgentChannel = document.elements("/domain/devices/channel/target").contains {
            $0["name"] == "org.qemu.guest_agent.0"
        }
        firmwareVariables = domain.first("os")?.first("nvram").flatMap { element in
            element.first("source")?["file"] ?? element.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    /// Gives the first interface addresses that the XML does not tell, or that are meant before its others.
    package mutating func learn(_ addresses: [IPAddress]) {
        if !interfaces.isEmpty {
            interfaces[0].addresses = addresses + interfaces[0].addresses.filter { !addresses.contains($0) }
        }
    }

    package var isContainer: Bool { type == "lxc" }

    /// libvirt shows KiB and takes many units.
    private static func kibibytes(_ element: XMLElement) -> Int? {
        guard let number = element.stringValue.flatMap({ Double($0) }) else { return nil }
        let bytes: [String: Double] = [
            "b": 1, "bytes": 1, "KB": 1000, "k": 1024, "KiB": 1024, "MB": 1e6, "M": 0x1p20, "MiB": 0x1p20, "GB": 1e9,
            "G": 0x1p30, "GiB": 0x1p30, "TB": 1e12, "T": 0x1p40, "TiB": 0x1p40,
        ]
        return bytes[element["unit"] ?? "KiB"].flatMap { Int(exactly: (number * $0 / 1024).rounded(.up)) }
    }

    private static func shared(in document: XMLDocument) -> [String] {
        let root = rootFileSystem(of: document)
        let mounts = document.elements("/domain/devices/filesystem").filter { element in
            element !== root && element["type"] != "ram" && element.first("readonly") == nil
        }.map { "the mount of " + ($0.first("target")?["dir"] ?? "?") }
        let devices = ["hostdev", "disk"].filter { !document.elements("/domain/devices/\($0)").isEmpty }
        let namespaces = (document.rootElement()?.children ?? []).contains { $0.localName == "namespace" }
        return mounts + devices.map { "a <\($0)>" } + (namespaces ? ["a namespace of the node"] : [])
    }

    private static func rootFileSystem(of document: XMLDocument) -> XMLElement? {
        document.elements("/domain/devices/filesystem").first { $0.first("target")?["dir"] == "/" }
    }

    /// The same container with another name and root, on another bridge, with address and MAC inside as they are.
    ///
    /// Only the first interface is kept: a clone has one way in and out, its proxies.
    /// It runs on `processors` of the node, if that is said: libvirt's driver sets them at the start only.
    package func clone(
        named clone: String, root: String, bridge: String, device: String, processors: String? = nil
    ) throws(HypervisorError) -> String {
        guard let document = XMLDocument.domain(xml), let domain = document.rootElement(),
            let fileSystem = Self.rootFileSystem(of: document),
            let interface = document.elements("/domain/devices/interface").first
        else {
            throw HypervisorError(
                "describe a clone of \(name)", message: "it has no root file system or no interface",
                cause: .unsupported)
        }
        rename(domain, clone)
        fileSystem.replace(XMLElement("source", ["dir": root]))
        if let processors {
            let vcpu = domain.first("vcpu") ?? XMLElement("vcpu", text: "1")
            if vcpu.parent == nil { domain.addChild(vcpu) }
            vcpu.set("placement", "static")
            vcpu.set("cpuset", processors)
        }

        for other in document.elements("/domain/devices/interface").dropFirst() { other.detach() }
        interface.drop("target", "guest", "alias", "backenddomain", "link", "bandwidth")
        interface.set("type", "bridge")
        interface.replace(XMLElement("source", ["bridge": bridge]))
        interface.addChild(XMLElement("target", ["dev": device]))

        // A running console names the original's terminal.
        for console in document.elements("/domain/devices/console") {
            console.set("tty", nil)
            console.drop("source", "alias")
        }
        return document.xmlString
    }

    /// What tells a domain from another for libvirt and for people.
    func rename(_ domain: XMLElement, _ clone: String) {
        domain.set("id", nil)
        domain.drop("uuid", "title", "description")
        domain.first("name")?.stringValue = clone
        domain.insertChild(XMLElement("title", text: "What-if clone of \(name)"), at: 1)
    }
}

extension NetworkRate {
    /// `<bandwidth><inbound average='1000'/>…`
    fileprivate init(_ bandwidth: XMLElement?) {
        let average = { (name: String) in (bandwidth?.first(name)?["average"]).flatMap { Int($0) } ?? 0 }
        self.init(inbound: average("inbound"), outbound: average("outbound"))
    }
}
