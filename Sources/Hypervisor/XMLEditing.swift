import Foundation
import FoundationXML

/// The few things that are done to the XML of domains.
extension XMLElement {
    convenience init(_ name: String, text: String? = nil, _ attributes: [String: String] = [:]) {
        self.init(name: name)
        stringValue = text
        for (key, value) in attributes.sorted(by: { $0.key < $1.key }) { set(key, value) }
    }

    /// The first child element of that name.
    func first(_ name: String) -> XMLElement? { elements(forName: name).first }

    /// The value of an attribute.
    subscript(_ name: String) -> String? { attribute(forName: name)?.stringValue }

    func set(_ name: String, _ value: String?) {
        removeAttribute(forName: name)
        guard let value else { return }
        let node = XMLNode(kind: .attribute)
        node.name = name
        node.stringValue = value
        addAttribute(node)
    }

    /// Removes the child elements of these names.
    func drop(_ names: String...) {
        for child in names.flatMap({ elements(forName: $0) }) { child.detach() }
    }

    /// Puts a child in the place of all children of its name.
    func replace(_ child: XMLElement) {
        drop(child.name ?? "")
        addChild(child)
    }

    var childElements: [XMLElement] { (children ?? []).compactMap { $0 as? XMLElement } }

    /// Of the element and all below it, without what stands before a colon: libXML keeps prefixes in some names only.
    var bareName: String { localName ?? name ?? "" }
}

extension XMLDocument {
    /// A domain's description; nil for anything else.
    static func domain(_ xml: String) -> XMLDocument? {
        // FoundationXML's XMLDocument crashes on an empty text, and mends others in silence.
        guard !xml.isEmpty, let document = try? XMLDocument(xmlString: xml), document.rootElement()?.name == "domain",
            xml.hasSuffix(">") || xml.hasSuffix(">\n")
        else { return nil }
        return document
    }

    func elements(_ path: String) -> [XMLElement] {
        ((try? nodes(forXPath: path)) ?? []).compactMap { $0 as? XMLElement }
    }

    var devices: [XMLElement] { elements("/domain/devices/*") }
}
