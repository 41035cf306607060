import FoundationXML

/// Where the bytes of a disk are.
package enum DiskSource: Sendable, Hashable, CustomStringConvertible {
    case file(String)
    case block(String)
    /// An export of another machine: `nbd`, `iscsi`, `rbd`, …; what it is called there.
    case network(kind: String, name: String?, hosts: [Host])
    /// In a way that is not read here (`volume`, `nvme`, `vhostuser`, …), by its name.
    case other(String)

    package struct Host: Sendable, Hashable {
        package let name: String?
        package let port: Int?
        /// A socket in the node's file system, in place of name and port.
        package let socket: String?

        package init(name: String, port: Int) { (self.name, self.port, socket) = (name, port, nil) }
        package init(socket: String) { (name, port, self.socket) = (nil, nil, socket) }

        fileprivate init(_ element: XMLElement) {
            (name, port, socket) = (element["name"], element["port"].flatMap { Int($0) }, element["socket"])
        }

        fileprivate var element: XMLElement {
            var attributes: [String: String] = [:]
            attributes["name"] = name
            attributes["port"] = port.map { "\($0)" }
            attributes["socket"] = socket
            if socket != nil { attributes["transport"] = "unix" }
            return XMLElement("host", attributes)
        }
    }

    package static func nbd(export: String?, _ host: Host) -> DiskSource {
        .network(kind: "nbd", name: export, hosts: [host])
    }

    package static func iscsi(target: String, unit: Int, _ host: Host) -> DiskSource {
        .network(kind: "iscsi", name: "\(target)/\(unit)", hosts: [host])
    }

    package var description: String {
        switch self {
        case .file(let path), .block(let path): path
        case .network(let kind, let name, let hosts):
            "\(kind) \(name ?? "") at \(hosts.map { $0.socket ?? $0.name ?? "?" }.joined(separator: ", "))"
        case .other(let kind): "a source of type '\(kind)'"
        }
    }

    /// The attribute `type` of its `<disk>`.
    var type: String {
        switch self {
        case .file: "file"
        case .block: "block"
        case .network: "network"
        case .other(let kind): kind
        }
    }

    /// From a `<disk>` or a `<backingStore>`; nil for a drive without a medium.
    init?(of disk: XMLElement) {
        guard let source = disk.first("source") else { return nil }
        switch disk["type"] ?? "" {
        case "file":
            guard let path = source["file"] else { return nil }
            self = .file(path)
        case "block":
            guard let path = source["dev"] else { return nil }
            self = .block(path)
        case "network":
            self = .network(
                kind: source["protocol"] ?? "?", name: source["name"],
                hosts: source.elements(forName: "host").map { Host($0) })
        case let kind: self = .other(kind)
        }
    }

    /// Nil for what is not read here.
    var element: XMLElement? {
        switch self {
        case .file(let path): return XMLElement("source", ["file": path])
        case .block(let path): return XMLElement("source", ["dev": path])
        case .network(let kind, let name, let hosts):
            var attributes = ["protocol": kind]
            attributes["name"] = name
            let element = XMLElement("source", attributes)
            for host in hosts { element.addChild(host.element) }
            return element
        case .other: return nil
        }
    }
}

/// What a clone's disk is made of, in place of the original's.
package struct DiskImage: Sendable, Hashable {
    package let source: DiskSource
    /// `raw`, `qcow2`
    package let format: String

    package init(_ source: DiskSource, format: String) { (self.source, self.format) = (source, format) }
}

/// A disk of a virtual machine.
package struct Disk: Sendable, Hashable {
    /// `vda`: how libvirt and we name it.
    package let target: String
    /// `disk`, `cdrom`, `floppy`, `lun`
    package let device: String
    /// Nil for a drive without a medium.
    package let image: DiskImage?
    /// The images below it, the next one first, as far as libvirt shows them: of a running domain all.
    package let backing: [DiskSource]
    package let isReadOnly: Bool

    /// Whether the guest's writes have to go elsewhere in a clone.
    package var isWritable: Bool { image != nil && !isReadOnly }

    init(_ element: XMLElement) {
        target = element.first("target")?["dev"] ?? "?"
        device = element["device"] ?? "disk"
        image = DiskSource(of: element).map { DiskImage($0, format: element.first("driver")?["type"] ?? "raw") }
        isReadOnly = device == "cdrom" || element.first("readonly") != nil
        var backing: [DiskSource] = []
        var layer = element.first("backingStore")
        while let next = layer, let source = DiskSource(of: next) {
            backing.append(source)
            layer = next.first("backingStore")
        }
        self.backing = backing
    }
}
