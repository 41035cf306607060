import Glibc
import OperatingSystem

/// Snapshots of logical volumes: classic ones with an area of their own, and those of thin volumes, in their pool.
struct LogicalVolumeSnapshots: SnapshotBackend {
    /// A pool whose metadata are fuller than this takes no more snapshots: without them the whole pool stands still.
    private static let metadataLimit = 0.9

    func plan(_ requests: [SnapshotRequest]) throws(VolumeError) -> [PlannedSnapshot] {
        var groups: [String: [LogicalVolumeReport]] = [:]
        var needed: [String: Int64] = [:]
        var planned: [PlannedSnapshot] = []
        for request in requests {
            guard case .logicalVolume(let source) = request.source else { continue }
            if groups[source.group] == nil { groups[source.group] = try Self.volumes(of: source.group) }
            let volumes = groups[source.group] ?? []
            guard let original = volumes.first(where: { $0.volume == source }) else {
                throw .missing("logical volume \(source)")
            }
            try Self.requireSuitable(original)
            guard let copy = LogicalVolume(group: source.group, name: request.name.description) else {
                throw .unsuitable("the name \(request.name)", reason: "LVM does not take it")
            }
            guard !volumes.contains(where: { $0.volume == copy }) else { throw .nameTaken("logical volume \(copy)") }
            if original.type == "thin" {
                try Self.requireRoom(request.room, in: original, volumes, &needed)
            } else {
                let extents = (request.room + original.extent - 1) / original.extent
                let sum = (needed[source.group] ?? 0) + extents * original.extent
                needed[source.group] = sum
                guard original.groupFree >= sum else {
                    throw .noRoom(
                        place: "the volume group \(source.group)", free: original.groupFree, needed: sum,
                        wayOut: "add a disk (vgextend)")
                }
            }
            planned.append(
                PlannedSnapshot(
                    source: request.source, kind: original.type == "thin" ? .thin : .classic,
                    identifier: .logicalVolume(copy, origin: source.name), room: request.room))
        }
        return planned
    }

    private static func requireSuitable(_ original: LogicalVolumeReport) throws(VolumeError) {
        let what = "logical volume \(original.volume)"
        guard original.isActive, !original.isSuspended else {
            throw .unsuitable(what, reason: "it is not active (lvchange --activate y)")
        }
        guard !original.isSnapshot else {
            throw .unsuitable(what, reason: "it is a classic snapshot itself, of which LVM makes none")
        }
        guard !original.type.hasSuffix("pool") else {
            throw .unsuitable(what, reason: "it is a \(original.type), not a volume")
        }
    }

    private static func requireRoom(
        _ room: Int64, in original: LogicalVolumeReport, _ volumes: [LogicalVolumeReport],
        _ needed: inout [String: Int64]
    ) throws(VolumeError) {
        guard let pool = volumes.first(where: { $0.volume.name == original.pool }) else {
            throw .missing("pool of the logical volume \(original.volume)")
        }
        let place = "the thin pool \(pool.volume)"
        let free = pool.free
        let sum = (needed["\(pool.volume)"] ?? 0) + room
        needed["\(pool.volume)"] = sum
        guard free >= sum else {
            throw .noRoom(place: place, free: free, needed: sum, wayOut: "grow the pool (lvextend)")
        }
        guard (pool.metadataFill ?? 1) < metadataLimit else {
            throw .unsuitable(place, reason: "its metadata are nearly full (lvextend --poolmetadatasize)")
        }
    }

    func make(_ snapshot: PlannedSnapshot) throws(VolumeError) {
        guard case .logicalVolume(let source) = snapshot.source,
            case .logicalVolume(let copy, _) = snapshot.identifier
        else { return }
        let how =
            snapshot.kind == .thin
            ? ["--setactivationskip", "n"] : ["--size", "\(max(1, snapshot.room))b"]
        FaultPoint.pass()
        _ = try LVM.shared.get().run(
            ["lvcreate", "--snapshot", "--yes", "--name", copy.name] + how + ["\(source)"],
            doing: "make the snapshot \(copy) of", path: "\(source)")
        FaultPoint.pass()
    }

    func fill(of snapshot: SnapshotIdentifier) throws(VolumeError) -> SnapshotFill {
        guard case .logicalVolume(let copy, _) = snapshot else { throw .missing("snapshot \(snapshot)") }
        guard let fill = LogicalVolumeReport.fill(of: copy, in: try Self.volumes(of: copy.group)) else {
            throw .missing("snapshot \(snapshot)")
        }
        return fill
    }

    func remove(_ snapshot: SnapshotIdentifier) throws(VolumeError) {
        guard case .logicalVolume(let copy, let origin) = snapshot else { return }
        var volumes = try Self.volumes(of: copy.group, hidden: true)
        // Whoever was killed while LVM had them suspended has left them so, and whoever uses them waits for ever. Of what is not as it has
        // it LVM does not say even that.
        let lvm = try LVM.shared.get()
        var wasSuspended = false
        for volume in volumes where volume.volume == copy || volume.volume.name == origin || volume.origin == origin {
            guard try lvm.device(volume.volume.deviceName())?.isSuspended == true else { continue }
            try Self.refresh(volume.volume)
            wasSuspended = true
        }
        if wasSuspended { volumes = try Self.volumes(of: copy.group, hidden: true) }
        if let found = volumes.first(where: { $0.volume == copy }) { try remove(found) }
        try Self.removeDevices(of: copy)
        if let original = volumes.first(where: { $0.volume.name == origin })?.volume {
            try Self.removeDevice(below: original)
        }
    }

    private func remove(_ found: LogicalVolumeReport) throws(VolumeError) {
        let copy = found.volume
        guard !found.type.hasSuffix("pool") else {
            throw .unsuitable("logical volume \(copy)", reason: "it is a \(found.type), not a snapshot")
        }
        guard !found.isMerging else {
            throw .unsuitable("logical volume \(copy)", reason: "LVM is merging it into its original")
        }
        // LVM would ask again and again for some seconds, and not say who it is.
        if found.isOpen { throw inUse(found) }
        FaultPoint.pass()
        do {
            _ = try LVM.shared.get().run(["lvremove", "--force", "--yes", "\(copy)"], doing: "remove", path: "\(copy)")
            FaultPoint.pass()
        } catch {
            // Opened since.
            guard case .failed(_, _, let reason, _) = error, reason.contains(" in use") else { throw error }
            throw inUse(found)
        }
    }

    private static func refresh(_ volume: LogicalVolume) throws(VolumeError) {
        _ = try LVM.shared.get().run(["lvchange", "--refresh", "\(volume)"], doing: "resume", path: "\(volume)")
    }

    /// What LVM set up for a snapshot and, killed, never wrote down: it does not see these, and they would lie below its next one. Their
    /// names are ours.
    private static func removeDevices(of copy: LogicalVolume) throws(VolumeError) {
        let lvm = try LVM.shared.get()
        for name in [copy.deviceName(), copy.deviceName(layer: "cow")] {
            if try lvm.device(name)?.isLVMs == true { try lvm.apply(.remove, to: name) }
        }
        guard !LVM.isUdevThere else { return }
        // Then names below /dev outlive their devices.
        for path in [copy.path] + [copy.deviceName(), copy.deviceName(layer: "cow")].map({ "/dev/mapper/\($0)" }) {
            _ = unsafe unlink(path)
        }
    }

    /// Below the original of classic snapshots LVM keeps what it was, by this name: left behind where there is no snapshot.
    private static func removeDevice(below original: LogicalVolume) throws(VolumeError) {
        let lvm = try LVM.shared.get()
        let (name, below) = (original.deviceName(), original.deviceName(layer: "real"))
        for _ in 0..<3 {
            guard try lvm.device(below) != nil else { break }
            // With LVM's lock nobody's snapshot is in the making: then a table that waits waits for nobody, and what is not open is not used.
            let lock = try VolumeGroupLock(original.group)
            if try lvm.device(name)?.hasInactiveTable == true { try lvm.apply(.clear, to: name) }
            if try lvm.device(below)?.isOpen == false { try lvm.apply(.remove, to: below) }
            lock.release()
            // Where the original uses it still, without a snapshot, LVM gives it its own table back.
            guard try lvm.device(below) != nil,
                try !volumes(of: original.group, hidden: true).contains(where: { $0.origin == original.name })
            else { break }
            try refresh(original)
        }
        if !LVM.isUdevThere, try lvm.device(below) == nil { _ = unsafe unlink("/dev/mapper/\(below)") }
    }

    private func inUse(_ volume: LogicalVolumeReport) -> VolumeError {
        let holders = volume.device.map { Holders.of(.device($0)) } ?? []
        return .inUse("\(volume.volume)", by: holders.isEmpty ? [VolumeError.unseen] : holders)
    }

    /// No such group is an error, also for removal: where its disks are missing nothing is known of its volumes.
    ///
    /// With `hidden` also those that LVM keeps to itself, as snapshots that it is merging.
    private static func volumes(
        of group: String, hidden: Bool = false
    ) throws(VolumeError) -> [LogicalVolumeReport] {
        let options = ["--reportformat", "json", "--units", "b", "--nosuffix", "--options"]
        let text = try LVM.shared.get().run(
            ["lvs"] + (hidden ? ["--all"] : []) + options + [LogicalVolumeReport.fields.joined(separator: ","), group],
            doing: "read the volume group", path: group)
        guard let volumes = LogicalVolumeReport.all(text) else {
            throw .failed(doing: "read the volume group", path: group, reason: "LVM gave no report", code: EIO)
        }
        return volumes
    }
}
