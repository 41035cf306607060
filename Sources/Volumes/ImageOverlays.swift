import Glibc
import OperatingSystem

/// Overlays over disk images (qemu-img(1)): the clone writes into a file of its own, which names the image it stands on.
///
/// Nothing is copied and nothing is locked: the moment is when the image was last written, and whoever wants it to be that of
/// a running domain gives the domain an overlay first.
struct ImageOverlays: SnapshotBackend {
    private static let wayOut = "grow the file system"

    func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot] {
        var room = RoomNeeded()
        var planned: [PlannedSnapshot] = []
        for request in requests {
            let home: String
            switch request.source {
            case .image(let path, let format, let directory):
                try Self.requireImage(path, format)
                home = directory ?? Path.parent(path)
            case .export(_, let directory): home = directory
            case .subvolume, .logicalVolume: continue
            }
            guard FileStatus.of(home)?.st_mode.isDirectory == true else { throw .missing("directory \(home)") }
            let overlay = SnapshotIdentifier.overlayPath(request.name, in: home)
            guard FileStatus.of(overlay) == nil else { throw .nameTaken(overlay) }
            try room.add(request.room, on: home, wayOut: Self.wayOut)
            planned.append(
                PlannedSnapshot(
                    source: request.source, kind: .overlay, identifier: .overlay(path: overlay), room: request.room))
        }
        return planned
    }

    private static func requireImage(_ path: String, _ format: ImageFormat) throws(VolumeError) {
        guard FileStatus.of(path) != nil else { throw .missing("image \(path)") }
        // A domain may write to it still; its kind does not change by that.
        let found = try information(path, [format == .raw ? "--format=raw" : "", "--force-share"])["format"]
        guard found?.string == format.rawValue else {
            throw .unsuitable(path, reason: "it is not a \(format.rawValue) image but \(found?.string ?? "unknown")")
        }
    }

    func make(_ snapshot: PlannedSnapshot) throws(VolumeError) {
        let below: (place: String, format: ImageFormat)
        switch snapshot.source {
        case .image(let path, let format, _): below = (path, format)
        case .export(let uri, _): below = (uri, .raw)
        case .subvolume, .logicalVolume: return
        }
        guard FileStatus.of(snapshot.path) == nil else { throw .nameTaken(snapshot.path) }
        if case .image = snapshot.source { try Self.requireStill(below.place, below.format) }
        do {
            try ChildProcess.succeed([
                "qemu-img", "create", "-q", "-f", "qcow2", "-F", below.format.rawValue, "-b", below.place,
                snapshot.path,
            ])
        } catch {
            throw VolumeError("make the overlay", snapshot.path, error)
        }
    }

    /// QEMU's own locks say whether somebody writes: then the clone would see a mixture of moments.
    private static func requireStill(_ path: String, _ format: ImageFormat) throws(VolumeError) {
        do {
            _ = try information(path, ["--format=\(format.rawValue)"])
        } catch {
            guard isLocked(error) else { throw error }
            throw .inUse(path, by: Holders.of(path))
        }
    }

    func fill(of snapshot: SnapshotIdentifier) throws(VolumeError) -> SnapshotFill {
        guard case .overlay(let path) = snapshot, FileStatus.of(path) != nil else {
            throw .missing("snapshot \(snapshot)")
        }
        return try FileSystemRoom.of(path).fill
    }

    func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError) {
        guard case .overlay(let path) = snapshot else { return }
        let makers = Holders.programs("qemu-img", with: path)
        guard makers.isEmpty else { throw .inUse(path, by: makers.map { "qemu-img (process \($0))" }) }
        guard FileStatus.of(path) != nil else { return }
        let holders = Holders.of(path)
        guard holders.isEmpty else { throw .inUse(path, by: holders) }
        if unsafe unlink(path) != 0, errno != ENOENT {
            throw VolumeError("remove the overlay", path, SystemError("remove \(path)"))
        }
    }

    /// Of an image that a machine may write to at this moment.
    static func format(of path: String) throws(VolumeError) -> ImageFormat {
        guard FileStatus.of(path) != nil else { throw .missing("image \(path)") }
        let found = try information(path, ["--force-share"])["format"]?.string ?? "unknown"
        guard let format = ImageFormat(rawValue: found) else {
            throw .unsuitable(
                path,
                reason:
                    "it is a \(found) image, and none of \(ImageFormat.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        return format
    }

    private static func information(_ path: String, _ options: [String]) throws(VolumeError) -> JSONValue {
        let command = ["qemu-img", "info", "--output=json"] + options.filter { !$0.isEmpty } + [path]
        let text: String
        do { text = try ChildProcess.succeed(command) } catch { throw VolumeError("read the image", path, error) }
        guard let value = JSONValue(text) else {
            throw .failed(doing: "read the image", path: path, reason: "qemu-img gave no JSON", code: EIO)
        }
        return value
    }

    private static func isLocked(_ error: VolumeError) -> Bool {
        guard case .failed(_, _, let reason, _) = error else { return false }
        return reason.contains("\"write\" lock")
    }
}

extension mode_t {
    fileprivate var isDirectory: Bool { self & S_IFMT == S_IFDIR }
}
