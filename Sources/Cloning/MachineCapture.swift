package import Hypervisor
import Model
import OperatingSystem
import Store
import Volumes

/// A machine's disks, and its memory if that was asked for, held as they were at one moment: its clones begin there. Of
/// disks that are files the machine itself writes to overlays until the capture is ended.
package struct MachineCapture: Sendable {
    /// The machine with its disks as they were before.
    package let original: DomainDescription
    package let memory: SaveImage?
    /// How its memory was taken, and why not in the way with the shorter pause.
    package let ability: CaptureAbility?
    /// How long the machine stood, where it did.
    package let pause: Duration?
    /// What its clones' overlays lie over, by target.
    let below: [String: OverlayBase]

    package var way: CaptureWay? { ability?.way }
}

/// What a clone's disk lies over.
enum OverlayBase: Sendable, Hashable {
    case image(path: String, ImageFormat)
    case export(uri: String)

    func source(overlayIn folder: String) -> VolumeSource {
        switch self {
        case .image(let path, let format): .image(path: path, format, directory: folder)
        case .export(let uri): .export(uri: uri, directory: folder)
        }
    }
}

/// What is to be made for a capture, all of it in the journal before the first of it is.
private struct CapturePlan {
    let domain: Domain
    let original: DomainDescription
    let site: VolumeSite
    let service: any VolumeService
    /// By target.
    let files: [String: String]
    let memory: String?
    let snapshots: [(target: String, snapshot: PlannedSnapshot)]

    func makeSnapshots() throws { try service.make(snapshots.map(\.snapshot)) }
}

extension CloneMaker {
    /// How long a machine may stand for its clone. Beyond it, the clone is given up.
    private static let pauseLimit = Duration.seconds(2)

    /// Holds a machine's state. `makeDisks` is called when what the clone's disks lie over stands, by target: its memory is
    /// still being copied then, where that can be.
    func capture(_ clone: ClonePlan, makeDisks: ([String: OverlayBase]) throws -> Void) throws -> MachineCapture {
        let name = clone.original.name
        guard let domain = try node.domain(name) else {
            throw CloneError.unsupported(domain: name, "it is gone")
        }
        let lock = try journal.lock(domain: name)
        defer { withExtendedLifetime(lock) {} }
        let hasMemory = if case .machine(let beginning) = clone.beginning { beginning.hasMemory } else { false }
        let asked = clone.way.map { CaptureAbility(way: $0, reason: nil) }
        let ability = try hasMemory ? asked ?? domain.captureAbility() : nil
        let way = ability?.way
        let plan = try plan(clone, domain, way)
        var below = try MachineBeginning(plan.original, .disk, on: plan.site).holds.compactMapValues { hold in
            if case .image(let path, let format) = hold { OverlayBase.image(path: path, format) } else { nil }
        }
        let (memory, pause) = try take(plan, way) {
            below.merge(try serve(plan, clone)) { $1 }
            try makeDisks(below)
        }
        return MachineCapture(original: plan.original, memory: memory, ability: ability, pause: pause, below: below)
    }

    /// As the machine is now, with nobody else at it; refuses what has no room.
    private func plan(_ clone: ClonePlan, _ domain: Domain, _ way: CaptureWay?) throws -> CapturePlan {
        let original = try domain.description()
        let beginning = try MachineBeginning(original, way == nil ? .disk : .memory, on: clone.site)
        guard !beginning.holds.isEmpty else {
            throw CloneError.unsupported(domain: original.name, "it has no disk that can be written")
        }
        var files: [String: String] = [:]
        var requests: [(target: String, request: SnapshotRequest)] = []
        for (target, hold) in beginning.holds.sorted(by: { $0.key < $1.key }) {
            let folder = original.disks.first { $0.target == target }?.file.map { Path.folder(of: $0) }
            let overlay = (folder ?? original.imageFolder) + "\(clone.identity.domain)-\(target)-original.qcow2"
            switch hold {
            case .image: files[target] = overlay
            case .volume(let volume):
                guard let name = VolumeName("\(clone.identity.domain)-\(target)") else { continue }
                requests.append((target, SnapshotRequest(.logicalVolume(volume), name: name, room: clone.site.room)))
                // libvirt's own way cannot wait for LVM: until it has made its snapshots the machine writes elsewhere.
                if way == .live { files[target] = overlay }
            }
        }
        let memory = way == nil ? nil : original.imageFolder + clone.identity.domain + ".save"
        let needed =
            Self.roomNeeded + (memory == nil ? 0 : Int64(SaveImage.room(memoryKiB: original.memoryKiB ?? 0)))
        for file in files.values + [memory].compactMap(\.self) {
            try Subvolume.requireRoom(Path.folder(of: file), needed: needed)
        }
        let service = clone.site.service
        let snapshots = requests.isEmpty ? [] : try service.plan(requests.map(\.request))
        if memory != nil || !files.isEmpty {
            try record(.capture, CaptureFiles(memory: memory, overlays: files).text, clone)
        }
        for snapshot in snapshots {
            try record(
                .snapshot, KeptVolume("\(snapshot.identifier)", through: clone.site.through).text, clone)
        }
        return CapturePlan(
            domain: domain, original: original, site: clone.site, service: service, files: files, memory: memory,
            snapshots: zip(requests, snapshots).map { ($0.target, $1) })
    }

    /// `meanwhile` is what can be done when the disks are held.
    private func take(
        _ plan: CapturePlan, _ way: CaptureWay?, meanwhile: () throws -> Void
    ) throws -> (SaveImage?, Duration?) {
        guard let memory = plan.memory, let way else {
            let pause = try holdDisks(plan)
            try meanwhile()
            return (nil, pause)
        }
        let capture = MemoryCapturePlan(memory: memory, overlays: plan.files, pauseLimit: Self.pauseLimit)
        let made = try plan.domain.capture(capture, way) {
            if way == .background { try plan.makeSnapshots() }
        } meanwhile: {
            if way == .live { try makeSnapshotsOfWhatStands(plan) }
            try meanwhile()
        }
        return (made.image, made.pause)
    }

    /// Behind libvirt's own way: of volumes to which the machine does not write for now. Then it does again.
    private func makeSnapshotsOfWhatStands(_ plan: CapturePlan) throws {
        guard !plan.snapshots.isEmpty else { return }
        try plan.makeSnapshots()
        for (target, _) in plan.snapshots { try plan.domain.commitOverlay(of: target, file: plan.files[target]) }
    }

    private func holdDisks(_ plan: CapturePlan) throws -> Duration? {
        // One volume is of one moment by itself.
        if plan.files.isEmpty, plan.snapshots.count == 1 {
            try plan.makeSnapshots()
            return nil
        }
        let together: (() throws -> Void)? = plan.snapshots.isEmpty ? nil : { try plan.makeSnapshots() }
        return try plan.domain.overlayDisks(plan.files, atMost: Self.pauseLimit, together: together)
    }

    /// Lets clones reach the snapshots of another machine; by target, what their overlays lie over.
    private func serve(_ plan: CapturePlan, _ clone: ClonePlan) throws -> [String: OverlayBase] {
        var below: [String: OverlayBase] = [:]
        for (target, snapshot) in plan.snapshots {
            guard let place = plan.site.export else {
                below[target] = .image(path: snapshot.path, .raw)
                continue
            }
            guard let name = snapshot.identifier.name else { continue }
            let requests = try place.requests(name, path: snapshot.path) {
                try NodeAddresses.source(towards: place.address)
            }
            guard let identifier = requests.first?.identifier else { continue }
            try record(.export, KeptVolume("\(identifier)", through: plan.site.through).text, clone)
            below[target] = .export(uri: try serve(requests, by: plan.service))
        }
        return below
    }

    /// By the first that can be had: of the ports some are others'.
    private func serve(_ requests: [ExportRequest], by service: any VolumeService) throws -> String {
        var last: VolumeError?
        for request in requests {
            do throws(VolumeError) {
                try service.export(request)
                return request.uri
            } catch {
                guard case .failed(_, _, let reason, _) = error, reason.contains("Address already in use") else {
                    throw error
                }
                last = error
            }
        }
        throw last ?? VolumeError.missing("port to serve a snapshot at")
    }
}
