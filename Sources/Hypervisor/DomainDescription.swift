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
    }

    package let name: String
    /// `lxc`, `qemu`, `kvm`, `xen`
    package let type: String
    /// The directory on the node that is the container's `/`.
    package let root: String?
    package let interfaces: [Interface]
    /// What a clone would share with production: mounts that can be written, host devices, namespaces of the node.
    package let shared: [String]
    private let xml: String

    package init(xml: String, name: String) throws(HypervisorError) {
        let document = try Self.document(xml, name)
        self.xml = xml
        self.name = name
        type = document.rootElement()?.attribute(forName: "type")?.stringValue ?? "?"
        root =
            Self.rootFileSystem(of: document)?.elements(forName: "source").first?.attribute(forName: "dir")?.stringValue
        shared = Self.shared(in: document)
        interfaces = Self.elements(document, "/domain/devices/interface").map { element in
            Interface(
                mac: element.elements(forName: "mac").first?.attribute(forName: "address")?.stringValue ?? "",
                device: element.elements(forName: "target").first?.attribute(forName: "dev")?.stringValue,
                addresses: element.elements(forName: "ip").compactMap {
                    $0.attribute(forName: "address")?.stringValue.flatMap { IPAddress($0) }
                })
        }
    }

    private static func shared(in document: XMLDocument) -> [String] {
        let root = rootFileSystem(of: document)
        let mounts = elements(document, "/domain/devices/filesystem").filter { element in
            element !== root && element.attribute(forName: "type")?.stringValue != "ram"
                && element.elements(forName: "readonly").isEmpty
        }.map {
            "the mount of " + ($0.elements(forName: "target").first?.attribute(forName: "dir")?.stringValue ?? "?")
        }
        let devices = ["hostdev", "disk"].filter { !elements(document, "/domain/devices/\($0)").isEmpty }
        let namespaces = (document.rootElement()?.children ?? []).contains { $0.localName == "namespace" }
        return mounts + devices.map { "a <\($0)>" } + (namespaces ? ["a namespace of the node"] : [])
    }

    private static func document(_ xml: String, _ name: String) throws(HypervisorError) -> XMLDocument {
        // FoundationXML's XMLDocument crashes on an empty text, and mends others in silence.
        guard !xml.isEmpty, let document = try? XMLDocument(xmlString: xml), document.rootElement()?.name == "domain",
            xml.hasSuffix(">") || xml.hasSuffix(">\n")
        else {
            throw HypervisorError("read the description of \(name)", message: "it is no XML of a domain", cause: .other)
        }
        return document
    }

    private static func elements(_ document: XMLDocument, _ path: String) -> [XMLElement] {
        ((try? document.nodes(forXPath: path)) ?? []).compactMap { $0 as? XMLElement }
    }

    private static func rootFileSystem(of document: XMLDocument) -> XMLElement? {
        elements(document, "/domain/devices/filesystem").first {
            $0.elements(forName: "target").first?.attribute(forName: "dir")?.stringValue == "/"
        }
    }

    /// The same domain with another name and root, on another bridge, with address and MAC inside as they are.
    ///
    /// Only the first interface is kept: a clone has one way in and out, its proxies.
    package func clone(named clone: String, root: String, bridge: String, device: String) throws(HypervisorError)
        -> String
    {
        let document = try Self.document(xml, name)
        guard let domain = document.rootElement(), let fileSystem = Self.rootFileSystem(of: document),
            let interface = Self.elements(document, "/domain/devices/interface").first
        else {
            throw HypervisorError(
                "describe a clone of \(name)", message: "it has no root file system or no interface",
                cause: .unsupported)
        }
        domain.removeAttribute(forName: "id")
        Self.remove(["uuid", "title", "description"], from: domain)
        Self.set("name", to: clone, in: domain)
        domain.insertChild(Self.element("title", text: "What-if clone of \(name)"), at: 1)
        Self.replace("source", in: fileSystem, with: ["dir": root])

        for other in Self.elements(document, "/domain/devices/interface").dropFirst() { other.detach() }
        Self.remove(["target", "guest", "alias", "backenddomain", "link", "bandwidth"], from: interface)
        interface.removeAttribute(forName: "type")
        interface.addAttribute(Self.attribute("type", "bridge"))
        Self.replace("source", in: interface, with: ["bridge": bridge])
        interface.addChild(Self.element("target", attributes: ["dev": device]))

        // A running console names the original's terminal.
        for console in Self.elements(document, "/domain/devices/console") {
            console.removeAttribute(forName: "tty")
            Self.remove(["source", "alias"], from: console)
        }
        return document.xmlString
    }

    private static func remove(_ names: [String], from element: XMLElement) {
        for child in names.flatMap({ element.elements(forName: $0) }) { child.detach() }
    }

    private static func set(_ name: String, to text: String, in element: XMLElement) {
        element.elements(forName: name).first?.stringValue = text
    }

    private static func replace(_ name: String, in element: XMLElement, with attributes: [String: String]) {
        remove([name], from: element)
        element.addChild(Self.element(name, attributes: attributes))
    }

    private static func element(_ name: String, text: String? = nil, attributes: [String: String] = [:]) -> XMLElement {
        let element = XMLElement(name: name)
        element.stringValue = text
        for (key, value) in attributes.sorted(by: { $0.key < $1.key }) { element.addAttribute(attribute(key, value)) }
        return element
    }

    private static func attribute(_ name: String, _ value: String) -> XMLNode {
        let node = XMLNode(kind: .attribute)
        node.name = name
        node.stringValue = value
        return node
    }
}
