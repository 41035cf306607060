package import Model
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

    /// As the service file has it. Throws for a name that is no logical volume's.
    package init(_ storage: TierStorage?) throws(CloneError) {
        var volumes: [String: LogicalVolume] = [:]
        for (target, name) in storage?.volumes ?? [:] {
            guard let volume = LogicalVolume(name) else { throw .noVolume(disk: target, name) }
            volumes[target] = volume
        }
        self.init(
            through: storage?.ask, volumes: volumes, export: storage?.export, room: storage?.room ?? Self.usualRoom)
    }

    package static let usualRoom: Int64 = 64 << 20

    var service: any VolumeService { Self.service(through: through) }

    /// `patience` is how long another machine's answer may take.
    static func service(through command: String?, patience: Duration = .seconds(60)) -> any VolumeService {
        command.map { RemoteVolumes(through: ["sh", "-c", "exec \($0)"], patience: patience) } ?? LocalVolumes()
    }
}

extension ExportPlace {
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
