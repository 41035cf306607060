/// One kind of volume on this machine. The contract is that of `VolumeService`; names are known to be ours, and sources to
/// be of the backend's kind.
protocol SnapshotBackend: Sendable {
    func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot]
    func make(_ snapshot: PlannedSnapshot) throws(VolumeError)
    func fill(of snapshot: SnapshotIdentifier) throws(VolumeError) -> SnapshotFill
    func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError)
}
