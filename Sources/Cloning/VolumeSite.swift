import OperatingSystem
package import Volumes

/// Where a machine's logical volumes are, and how the node of its clones reaches snapshots of them.
package struct VolumeSite: Sendable, Hashable {
    /// A shell's command whose standard input and output lead to `whatif-storage` on the machine that has the volumes; nil is
    /// this machine.
    package var through: String?
    /// By the disk's target, where its description does not say it: of disks that come over the network.
    package var volumes: [String: LogicalVolume]
    /// Nil is only for volumes of this machine.
    package var export: ExportPlace?
    /// Bytes that may be written while the snapshot lives: to the original with LVM classic.
    package var room: Int64

    package init(
        through: String? = nil, volumes: [String: LogicalVolume] = [:], export: ExportPlace? = nil,
        room: Int64 = Self.usualRoom
    ) {
        self.through = through
        self.volumes = volumes
        self.export = export
        self.room = room
    }

    package static let usualRoom: Int64 = 64 << 20

    var service: any VolumeService { Self.service(through: through) }

    static func service(through command: String?) -> any VolumeService {
        command.map { RemoteVolumes(through: ["sh", "-c", "exec \($0)"]) } ?? LocalVolumes()
    }
}

/// Where a machine with volumes serves them.
package enum ExportPlace: Sendable, Hashable {
    /// Each export has a port of its own.
    case nbd(address: String, ports: ClosedRange<UInt16>)
    case iscsi(address: String, port: UInt16)

    package static let expected = "nbd://ADDRESS[:PORT[-PORT]] or iscsi://ADDRESS[:PORT]"

    /// `nbd://10.0.0.5:10900-10999`, `iscsi://[fd00::5]`. Nil for anything else.
    package init?(_ text: String) {
        guard let mark = text.firstRange(of: "://") else { return nil }
        var rest = text[mark.upperBound...]
        let address: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            address = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            address = rest.prefix { $0 != ":" }
            rest = rest[address.endIndex...]
        }
        let isPlain = address.utf8.allSatisfy {
            0x30...0x39 ~= $0 || 0x61...0x7a ~= $0 | 0x20 || ".:-".utf8.contains($0)
        }
        guard !address.isEmpty, isPlain, !address.hasPrefix("-"), rest.isEmpty || rest.hasPrefix(":") else {
            return nil
        }
        let ends = rest.dropFirst().split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
        let ports: [UInt16]? =
            rest.isEmpty ? [] : ends.contains(nil) || ends.contains(0) ? nil : ends.compactMap(\.self)
        switch (text[..<mark.lowerBound], ports) {
        case ("nbd", .some([])): self = .nbd(address: String(address), ports: 10809...10908)
        case ("nbd", .some(let ports)) where ports.count == 1:
            self = .nbd(address: String(address), ports: ports[0]...ports[0])
        case ("nbd", .some(let ports)) where ports.count == 2 && ports[0] <= ports[1]:
            self = .nbd(address: String(address), ports: ports[0]...ports[1])
        case ("iscsi", .some([])): self = .iscsi(address: String(address), port: 3260)
        case ("iscsi", .some(let ports)) where ports.count == 1: self = .iscsi(address: String(address), port: ports[0])
        default: return nil
        }
    }

    /// What can be asked of the machine, in the order to try: a port may be somebody else's.
    func requests(_ name: VolumeName, path: String, initiator: () throws -> String) rethrows -> [ExportRequest] {
        let transports: [ExportTransport] =
            switch self {
            case .nbd(let address, let ports): ports.map { .nbd(address: address, port: $0) }
            case .iscsi(let address, let port):
                [.iscsi(address: address, port: port, initiator: try initiator())]
            }
        return transports.map { ExportRequest(name, path: path, format: .raw, isReadOnly: true, over: $0) }
    }

    var address: String {
        switch self {
        case .nbd(let address, _), .iscsi(let address, _): address
        }
    }
}

/// A snapshot or an export, as the journal keeps it: enough to remove it, wherever it is.
struct KeptVolume: Sendable, Hashable {
    let identifier: String
    /// As of `VolumeSite`.
    let through: String?

    init(_ identifier: String, through: String?) { (self.identifier, self.through) = (identifier, through) }

    /// The identifier, and in a line of its own the command.
    init(text: String) {
        let lines = text.split(separator: "\n", maxSplits: 1).map(String.init)
        self.init(
            lines.first ?? "", through: lines.count > 1 ? String(lines[1].dropFirst(Self.mark.count)) : nil)
    }

    private static let mark = "through "

    var text: String { identifier + (through.map { "\n" + Self.mark + $0 } ?? "") }
}
