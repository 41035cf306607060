import Glibc

/// Snapshots of btrfs subvolumes, beside their originals.
struct SubvolumeSnapshots: SnapshotBackend {
    func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot] {
        var room = RoomNeeded()
        var planned: [PlannedSnapshot] = []
        for request in requests {
            guard case .subvolume(let path) = request.source else { continue }
            guard FileStatus.of(path) != nil else { throw .missing("subvolume \(path)") }
            guard Subvolume.exists(path) else { throw .notASubvolume(path: path) }
            let copy = "\(Path.parent(path))/\(request.name)"
            guard FileStatus.of(copy) == nil else { throw .nameTaken(copy) }
            try room.add(request.room, on: path, wayOut: Subvolume.wayOut)
            planned.append(
                PlannedSnapshot(
                    source: request.source, kind: .subvolume, identifier: .subvolume(path: copy), room: request.room))
        }
        return planned
    }

    func make(_ snapshot: PlannedSnapshot) throws(VolumeError) {
        guard case .subvolume(let source) = snapshot.source else { return }
        try Subvolume.snapshot(source, to: snapshot.path, needed: 0)
    }

    func fill(of snapshot: SnapshotIdentifier) throws(VolumeError) -> SnapshotFill {
        guard case .subvolume(let path) = snapshot, FileStatus.of(path) != nil else {
            throw .missing("snapshot \(snapshot)")
        }
        return try FileSystemRoom.of(path).fill
    }

    /// btrfs itself would take the files from under a container's feet.
    func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError) {
        guard case .subvolume(let path) = snapshot, FileStatus.of(path) != nil else { return }
        let holders = Holders.of(path)
        guard holders.isEmpty else { throw .inUse(path, by: holders) }
        try Subvolume.delete(path)
    }
}
