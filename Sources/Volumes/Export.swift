/// How another machine reaches a volume. Addresses are IPv4 or IPv6, as text.
package enum ExportTransport: Sendable, Hashable {
    case nbd(address: String, port: UInt16)
    /// NBD for this machine, on a socket in a directory.
    case nbdSocket(directory: String)
    /// tgtd listens where it was told to; `initiator` is the address of the machine that may log in.
    case iscsi(address: String, port: UInt16, initiator: String)
}

/// A volume to be served to another machine.
package struct ExportRequest: Sendable, Hashable {
    package let name: VolumeName
    /// A block device or a file.
    package let path: String
    package let format: ImageFormat
    package let isReadOnly: Bool
    package let transport: ExportTransport

    package init(
        _ name: VolumeName, path: String, format: ImageFormat, isReadOnly: Bool = false, over transport: ExportTransport
    ) {
        self.name = name
        self.path = path
        self.format = format
        self.isReadOnly = isReadOnly
        self.transport = transport
    }

    /// For the journal, before it is made.
    package var identifier: ExportIdentifier {
        switch transport {
        case .nbd: .nbd(name)
        case .nbdSocket(let directory): .nbdSocket(name, directory: directory)
        case .iscsi: .iscsi(name)
        }
    }

    /// What QEMU calls it.
    package var uri: String {
        switch transport {
        case .nbd(let address, let port): "nbd://\(Self.host(address)):\(port)/\(name)"
        case .nbdSocket(let directory):
            "nbd+unix:///\(name)?socket=\(ExportIdentifier.socket(name, directory: directory))"
        case .iscsi(let address, let port, _):
            "iscsi://\(Self.host(address)):\(port)/\(ExportIdentifier.target(name))/1"
        }
    }

    /// Of a kind that we give out, and of one line.
    static func isURI(_ text: String) -> Bool {
        ["nbd://", "nbd+unix:///", "iscsi://"].contains { text.hasPrefix($0) && text.utf8.count > $0.utf8.count }
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }

    private static func host(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }

    /// Throws when what is given out for writing is not a snapshot of ours.
    func requireHarmless() throws(VolumeError) {
        let file = Path.last(path)
        let ending = SnapshotIdentifier.overlayEnding
        let isOurs = VolumeName(file.hasSuffix(ending) ? String(file.dropLast(ending.count)) : file) != nil
        if !isReadOnly, !isOurs { throw .notOurs(path) }
    }
}

/// All that it takes to find an export and end it.
package enum ExportIdentifier: Sendable, Hashable, CustomStringConvertible {
    case nbd(VolumeName)
    case nbdSocket(VolumeName, directory: String)
    case iscsi(VolumeName)

    package var name: VolumeName {
        switch self {
        case .nbd(let name), .nbdSocket(let name, _), .iscsi(let name): name
        }
    }

    package var description: String {
        switch self {
        case .nbd(let name): "nbd:\(name)"
        case .nbdSocket(let name, let directory): "nbd:\(name)@\(directory)"
        case .iscsi(let name): "iscsi:\(name)"
        }
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let places = parts[1].split(separator: "@", maxSplits: 1)
        guard let first = places.first, let name = VolumeName(String(first)) else { return nil }
        switch (parts[0], places.count) {
        case ("nbd", 1): self = .nbd(name)
        case ("nbd", 2) where Path.isWhole(places[1]): self = .nbdSocket(name, directory: String(places[1]))
        case ("iscsi", 1): self = .iscsi(name)
        default: return nil
        }
    }

    static func socket(_ name: VolumeName, directory: String) -> String { "\(directory)/\(name).sock" }
    static func target(_ name: VolumeName) -> String { "iqn.2009-06.local.whatif:\(name)" }
}
