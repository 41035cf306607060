import Volumes

/// Snapshots of one machine's volumes whose room is looked at while clones live on them.
struct WatchedSnapshots {
    /// Seconds between two looks: each is a command of LVM.
    private static let interval = 1.0

    private let snapshots: [SnapshotIdentifier]
    private let service: any VolumeService
    private var watches: [FillWatch]
    private var last = -Double.infinity

    init(_ snapshots: [SnapshotIdentifier], of service: any VolumeService) {
        (self.snapshots, self.service) = (snapshots, service)
        watches = snapshots.map { _ in FillWatch() }
    }

    /// Throws when one has to be given up. `now` is of a clock in seconds that does not go back.
    mutating func check(at now: Double) throws {
        guard now - last >= Self.interval else { return }
        last = now
        for (index, fill) in try service.fill(of: snapshots).enumerated() {
            if case .end(let reason) = watches[index].observe(fill, at: now) {
                throw CloneError.full(snapshot: "\(snapshots[index])", reason)
            }
        }
    }
}
