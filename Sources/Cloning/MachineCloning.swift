import Hypervisor
import Model
import OperatingSystem
import Store
import Volumes

extension CloneMaker {
    /// The clone's own disks: overlays over what the original's were at the moment, or over an image.
    func makeDisks(_ clone: ClonePlan, _ capture: MachineCapture?) throws {
        guard case .machine(let beginning) = clone.beginning else { return }
        var requests: [SnapshotRequest] = []
        for disk in clone.original.writableDisks {
            let base =
                try beginning.image.map { .image(path: $0, try ImageFormat.of($0)) } ?? capture?.below[disk.target]
            guard let base, let name = VolumeName("\(clone.identity.domain)-\(disk.target)") else { continue }
            requests.append(
                SnapshotRequest(base.source(overlayIn: folder(of: disk, clone)), name: name, room: Self.roomNeeded))
        }
        let overlays = try LocalVolumes().plan(requests)
        for overlay in overlays { try record(.overlay, overlay.path, clone) }
        try LocalVolumes().make(overlays)
    }

    /// Beside the original's, where that is a file.
    private func folder(of disk: Disk, _ clone: ClonePlan) -> String {
        String((disk.file.map { Path.folder(of: $0) } ?? clone.original.imageFolder).dropLast())
    }

    private func overlay(of disk: Disk, _ clone: ClonePlan) -> String {
        "\(folder(of: disk, clone))/\(clone.identity.domain)-\(disk.target).qcow2"
    }

    /// From a memory image it stands.
    func create(_ clone: ClonePlan, _ capture: MachineCapture?, bridge: String) throws -> Domain {
        let original = capture?.original ?? clone.original
        var disks: [String: DiskImage] = [:]
        for disk in clone.original.writableDisks {
            disks[disk.target] = DiskImage(.file(overlay(of: disk, clone)), format: "qcow2")
        }
        let name = clone.identity.domain
        let xml = try original.machineClone(
            .init(
                name: name, disks: disks, bridge: bridge, device: clone.identity.device,
                hasMemory: capture?.memory != nil))
        guard let memory = capture?.memory else { return try node.create(xml) }
        return try node.restore(memory, as: xml, named: name, paused: true)
    }
}
