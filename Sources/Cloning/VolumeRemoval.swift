import Glibc
import OperatingSystem
import Volumes

/// Removes snapshots and ends exports, here and on other machines, each reached once. What is still in use is asked again
/// for some seconds: whoever held it has been ended a moment ago.
final class VolumeRemoval {
    private static let patience: Int64 = 10_000_000_000
    private var services: [String?: any VolumeService] = [:]
    private let clock = SteadyClock()

    func remove(_ snapshot: SnapshotIdentifier, through command: String? = nil) throws(VolumeError) {
        let service = service(command)
        try untilFree { () throws(VolumeError) in try service.remove(snapshot) }
    }

    func remove(snapshot kept: KeptVolume) throws(VolumeError) {
        guard let snapshot = SnapshotIdentifier(kept.identifier) else {
            throw .unsuitable("the journal's snapshot '\(kept.identifier)'", reason: "it is no snapshot's name")
        }
        try remove(snapshot, through: kept.through)
    }

    func remove(export kept: KeptVolume) throws(VolumeError) {
        guard let export = ExportIdentifier(kept.identifier) else {
            throw .unsuitable("the journal's export '\(kept.identifier)'", reason: "it is no export's name")
        }
        let service = service(kept.through)
        try untilFree { () throws(VolumeError) in try service.removeExport(export) }
    }

    private func service(_ command: String?) -> any VolumeService {
        if let service = services[command] { return service }
        let service = VolumeSite.service(through: command)
        services[command] = service
        return service
    }

    private func untilFree(_ body: () throws(VolumeError) -> Void) throws(VolumeError) {
        let deadline = clock.now + Self.patience
        while true {
            do {
                return try body()
            } catch {
                guard case .inUse = error, clock.now < deadline else { throw error }
                usleep(50_000)
            }
        }
    }
}
