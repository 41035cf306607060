/// A name that we give: snapshots and exports bear it, and nothing that does not is ever removed.
package struct VolumeName: Sendable, Hashable, CustomStringConvertible {
    package static let prefix = "whatif-"
    /// LVM and iSCSI take longer names; people do not.
    private static let longest = 64

    package let description: String

    /// `whatif-` and then letters, digits and hyphens, so that it needs no quotes in any language it is said in.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count > Self.prefix.utf8.count, text.utf8.count <= Self.longest,
            text.utf8.allSatisfy({ Self.isPlain($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        description = text
    }

    fileprivate static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

/// A logical volume by its volume group and name, as LVM writes it.
package struct LogicalVolume: Sendable, Hashable, CustomStringConvertible {
    package let group: String
    package let name: String

    /// Nil for what LVM takes as no name (lvm(8), "Valid names"), which may be an option or another command.
    package init?(group: String, name: String) {
        guard Self.isName(group), Self.isName(name) else { return nil }
        self.group = group
        self.name = name
    }

    /// `group/name`.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.init(group: String(parts[0]), name: String(parts[1]))
    }

    /// By the device that it is: `/dev/group/name`, or `/dev/mapper/group-name`, where hyphens of names stand twice
    /// (lvm(8), "dm-names").
    package init?(device: String) {
        if let name = device.dropping(prefix: "/dev/mapper/") {
            let parts = name.replacing("--", with: "/").split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let plain = parts.map { String($0.replacing("/", with: "-")) }
            self.init(group: plain[0], name: plain[1])
        } else if let name = device.dropping(prefix: "/dev/") {
            self.init(name)
        } else {
            return nil
        }
    }

    package static func isName(_ text: String) -> Bool {
        guard (1...127).contains(text.utf8.count), text != ".", text != "..", !text.hasPrefix("-") else { return false }
        return text.utf8.allSatisfy { VolumeName.isPlain($0) || "+_.-".utf8.contains($0) }
    }

    package var description: String { "\(group)/\(name)" }
    package var path: String { "/dev/\(group)/\(name)" }

    /// Of the mapped device that it is, or of one that LVM has below it (lvm(8), "dm-names").
    func deviceName(layer: String? = nil) -> String {
        ([group, name].map { $0.replacing("-", with: "--") } + (layer.map { [$0] } ?? [])).joined(separator: "-")
    }
}

extension String {
    fileprivate func dropping(prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
