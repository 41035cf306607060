package import Store
import Volumes

/// Whether the volumes have room that clones and their originals write to: what clones of a machine are made of lies beside
/// its disks, a container's snapshot in its original's file system.
package struct RoomWatch {
    /// Free space below which a running clone is given up: the on-line domain writes to the same volume.
    private static let kept: Int64 = 16 << 20

    private let folders: [String]
    private var snapshots: [WatchedSnapshots]

    /// Of everything that some clones hold, as the journal has it.
    package init(_ entries: [JournalEntry]) {
        let files = entries.flatMap { entry -> [String] in
            switch entry.kind {
            case .subvolume, .overlay, .file: [entry.identifier]
            case .capture: CaptureFiles(text: entry.identifier).files
            case .snapshot, .export, .namespace, .bridge, .rules, .interface, .domain, .frequency: []
            }
        }
        folders = Set(files.map { Path.folder(of: $0) }).sorted()
        let kept = entries.filter { $0.kind == .snapshot }.map { KeptVolume(text: $0.identifier) }
        snapshots = Dictionary(grouping: kept, by: \.through).sorted { $0.key ?? "" < $1.key ?? "" }.map { group in
            WatchedSnapshots(
                group.value.compactMap { SnapshotIdentifier($0.identifier) }, of: VolumeSite.service(through: group.key)
            )
        }
    }

    /// Whether an error of `check` says that room is short, and not that somebody does not answer for now.
    package static func isShortage(_ error: any Error) -> Bool {
        switch error {
        case CloneError.full, VolumeError.noRoom: true
        default: false
        }
    }

    /// Throws when clones have to be given up. `now` is of a clock in seconds that does not go back.
    package mutating func check(at now: Double) throws {
        for folder in folders { try Subvolume.requireRoom(folder, needed: Self.kept) }
        for index in snapshots.indices { try snapshots[index].check(at: now) }
    }
}
