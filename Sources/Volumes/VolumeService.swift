/// Copy-on-write snapshots of volumes, and their export to other machines: one contract, whatever lies beneath and wherever.
///
/// All of it is done at once, by the calling thread; LVM's commands wait for each other. Needs root.
package protocol VolumeService: Sendable {
    /// What would be made, in the order asked. Nothing is.
    ///
    /// Throws `missing` or `unsuitable` (`notASubvolume`) for the source, `nameTaken`, and `noRoom` when what all of these
    /// need together is not free.
    func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot]

    /// Makes all of them, as near to each other as can be; whoever writes to several should be paused. When one cannot be
    /// made, those before it are removed, and the error is its.
    func make(_ snapshots: [PlannedSnapshot]) throws(VolumeError)

    /// How full that is which each lives in. Throws `missing` for one that is not there.
    func fill(of snapshots: [SnapshotIdentifier]) throws(VolumeError) -> [SnapshotFill]

    /// Removes a snapshot, whole or half made. One that is gone already is no error. Throws `inUse` by whom, and nothing has
    /// changed then; `notOurs` for a name that does not begin with `whatif-`.
    func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError)

    /// Serves a volume to another machine until it is removed, also when this process ends. Throws `missing`, `nameTaken`,
    /// `unsuitable`, and `notOurs` for letting others write to what is not a snapshot of ours.
    func export(_ request: ExportRequest) throws(VolumeError)

    /// Ends an export. One that is gone already is no error. Throws `inUse` by which clients, and it goes on then.
    func removeExport(_ export: ExportIdentifier) throws(VolumeError)
}
