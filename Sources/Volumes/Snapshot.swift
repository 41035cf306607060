/// How the bytes of a disk image lie in its file.
package enum ImageFormat: String, Sendable, Hashable, CaseIterable {
    case raw, qcow2

    /// Of the image in a file, as qemu-img(1) finds it.
    package static func of(_ path: String) throws(VolumeError) -> ImageFormat { try ImageOverlays.format(of: path) }
}

/// What is to be snapshot.
package enum VolumeSource: Sendable, Hashable {
    /// A btrfs subvolume: the root of a container.
    case subvolume(path: String)
    /// A logical volume: classic or thin, as it is itself.
    case logicalVolume(LogicalVolume)
    /// The file of a disk image, which from the moment of `make` on nobody writes: a stored image, or what a domain read and
    /// wrote until it was given an overlay of its own (libvirt's external snapshot). The clone's overlay goes into
    /// `directory`; nil is beside the image.
    case image(path: String, ImageFormat, directory: String? = nil)
    /// The bytes of a disk that another machine serves for reading (`ExportRequest.uri`). The clone's overlay goes into
    /// `directory` here.
    case export(uri: String, directory: String)
}

/// A snapshot that is wanted.
package struct SnapshotRequest: Sendable, Hashable {
    package let source: VolumeSource
    package let name: VolumeName
    /// Bytes that the clone, and with LVM classic the original too, may write while the snapshot lives.
    package let room: Int64

    package init(_ source: VolumeSource, name: VolumeName, room: Int64) {
        self.source = source
        self.name = name
        self.room = room
    }
}

package enum SnapshotKind: String, Sendable, Hashable, CaseIterable {
    case subvolume, classic, thin, overlay
}

/// All that it takes to find a snapshot and remove it, also one that was only half made. Its text goes into the journal before
/// the snapshot is made.
package enum SnapshotIdentifier: Sendable, Hashable, CustomStringConvertible {
    case subvolume(path: String)
    /// `origin` is what LVM suspends for a moment; one that a killed process has left so is resumed.
    case logicalVolume(LogicalVolume, origin: String)
    case overlay(path: String)

    package var description: String {
        switch self {
        case .subvolume(let path): "btrfs:\(path)"
        case .logicalVolume(let volume, let origin): "lvm:\(volume)@\(origin)"
        case .overlay(let path): "overlay:\(path)"
        }
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let place = parts[1]
        switch parts[0] {
        case "btrfs" where Path.isWhole(place): self = .subvolume(path: String(place))
        case "overlay" where Path.isWhole(place): self = .overlay(path: String(place))
        case "lvm":
            let names = place.split(separator: "@", omittingEmptySubsequences: false)
            guard names.count == 2, let volume = LogicalVolume(names[0]), LogicalVolume.isName(String(names[1]))
            else { return nil }
            self = .logicalVolume(volume, origin: String(names[1]))
        default: return nil
        }
    }

    /// The name it bears, nil when that is none of ours.
    package var name: VolumeName? {
        switch self {
        case .subvolume(let path): VolumeName(Path.last(path))
        case .logicalVolume(let volume, _): VolumeName(volume.name)
        case .overlay(let path):
            path.hasSuffix(Self.overlayEnding)
                ? VolumeName(String(Path.last(path).dropLast(Self.overlayEnding.count))) : nil
        }
    }

    static let overlayEnding = ".qcow2"

    /// Where the overlay of that name is.
    package static func overlayPath(_ name: VolumeName, in directory: String) -> String {
        "\(directory)/\(name)\(overlayEnding)"
    }

    /// Throws unless the name is one of ours.
    func requireOurs() throws(VolumeError) {
        if name == nil { throw .notOurs(description) }
    }
}

/// A snapshot that can be made, or that was.
package struct PlannedSnapshot: Sendable, Hashable {
    package let source: VolumeSource
    package let kind: SnapshotKind
    package let identifier: SnapshotIdentifier
    package let room: Int64

    /// What the clone uses on the machine where the volume is: a directory, a block device or a file.
    package var path: String {
        switch identifier {
        case .subvolume(let path), .overlay(let path): path
        case .logicalVolume(let volume, _): volume.path
        }
    }

    /// Of what is a disk; nil for a directory.
    package var format: ImageFormat? {
        switch kind {
        case .subvolume: nil
        case .classic, .thin: .raw
        case .overlay: .qcow2
        }
    }
}

/// How full that is which a snapshot lives in, and dies with: its own area (LVM classic), its thin pool, its file system.
package struct SnapshotFill: Sendable, Hashable {
    /// 0 to 1; of a thin pool that of its metadata when they are nearer to their end.
    package let share: Double
    package let used: Int64
    package let room: Int64
    /// LVM has given it up: what it reads is not to be trusted.
    package let isInvalid: Bool

    package init(share: Double, used: Int64, room: Int64, isInvalid: Bool = false) {
        self.share = share
        self.used = used
        self.room = room
        self.isInvalid = isInvalid
    }

    init(used: Int64, room: Int64) {
        self.init(share: room > 0 ? Double(used) / Double(room) : 1, used: used, room: room)
    }
}

/// Absolute paths, by their text alone.
enum Path {
    /// Absolute and of one line: it can stand in a command, a report and the journal.
    static func isWhole(_ path: some StringProtocol) -> Bool {
        path.hasPrefix("/") && path.utf8.allSatisfy { $0 >= 0x20 }
    }

    static func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }

    /// Without a slash at its end, so that a name can follow.
    static func parent(_ path: String) -> String {
        path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
    }
}
