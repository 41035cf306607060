import Glibc

/// Snapshots and exports of this machine's volumes.
package struct LocalVolumes: VolumeService {
    private let subvolumes = SubvolumeSnapshots()
    private let logicalVolumes = LogicalVolumeSnapshots()
    private let images = ImageOverlays()
    private let nbd = NBDExports()
    private let iscsi = ISCSIExports()

    package init() {}

    private func backend(of source: VolumeSource) -> any SnapshotBackend {
        switch source {
        case .subvolume: subvolumes
        case .logicalVolume: logicalVolumes
        case .image, .export: images
        }
    }

    private func backend(of snapshot: SnapshotIdentifier) -> any SnapshotBackend {
        switch snapshot {
        case .subvolume: subvolumes
        case .logicalVolume: logicalVolumes
        case .overlay: images
        }
    }

    package func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot] {
        var planned: [SnapshotRequest: PlannedSnapshot] = [:]
        // Each takes those that are its own, and sees all of them: they share room.
        for backend in [subvolumes, logicalVolumes, images] as [any SnapshotBackend] {
            for snapshot in try backend.plan(requests) {
                guard planned.values.allSatisfy({ $0.path != snapshot.path }),
                    let name = snapshot.identifier.name
                else { throw .nameTaken("\(snapshot.identifier)") }
                planned[SnapshotRequest(snapshot.source, name: name, room: snapshot.room)] = snapshot
            }
        }
        return requests.compactMap { planned[$0] }
    }

    package func make(_ snapshots: [PlannedSnapshot]) throws(VolumeError) {
        for snapshot in snapshots { try snapshot.identifier.requireOurs() }
        var made: [PlannedSnapshot] = []
        for snapshot in snapshots {
            do {
                try backend(of: snapshot.identifier).make(snapshot)
                made.append(snapshot)
            } catch {
                // Not the one that failed: what bears its name may be another's. The journal has all of them.
                for snapshot in made.reversed() { try? remove(snapshot.identifier) }
                throw error
            }
        }
    }

    package func fill(of snapshots: [SnapshotIdentifier]) throws(VolumeError) -> [SnapshotFill] {
        var fills: [SnapshotFill] = []
        for snapshot in snapshots { fills.append(try backend(of: snapshot).fill(of: snapshot)) }
        return fills
    }

    package func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError) {
        try snapshot.requireOurs()
        try backend(of: snapshot).remove(snapshot)
    }

    package func export(_ request: ExportRequest) throws(VolumeError) {
        try request.requireHarmless()
        guard FileStatus.of(request.path) != nil else { throw .missing(request.path) }
        switch request.transport {
        case .nbd, .nbdSocket: try nbd.make(request)
        case .iscsi(_, _, let initiator): try iscsi.make(request, for: initiator)
        }
    }

    package func removeExport(_ export: ExportIdentifier) throws(VolumeError) {
        switch export {
        case .nbd(let name): try nbd.remove(name, socket: nil)
        case .nbdSocket(let name, let directory):
            try nbd.remove(name, socket: ExportIdentifier.socket(name, directory: directory))
        case .iscsi(let name): try iscsi.remove(name)
        }
    }
}
