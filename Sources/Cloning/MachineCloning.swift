import Glibc
import Hypervisor
import Model
import OperatingSystem
import Store
import Volumes

extension CloneMaker {
    /// The disks of a machine's clone, behind what it takes to hold the original's state; which has been done if there is a
    /// capture. Nil for what begins with no capture.
    func machine(_ clone: ClonePlan, _ capture: MachineCapture?) throws -> MachineCapture? {
        guard case .machine(let beginning) = clone.beginning else { return nil }
        if let image = beginning.image {
            let base = OverlayBase.image(path: image, try ImageFormat.of(image))
            let disks = clone.original.writableDisks.map { ($0.target, base) }
            try makeDisks(clone, over: Dictionary(disks) { first, _ in first })
            return nil
        }
        guard let capture else { return try self.capture(clone) { try makeDisks(clone, over: $0) } }
        try makeDisks(clone, over: capture.below)
        return capture
    }

    /// The clone's own disks, by target: overlays over what the original's were at the moment, or over an image.
    private func makeDisks(_ clone: ClonePlan, over bases: [String: OverlayBase]) throws {
        let requests = clone.original.writableDisks.compactMap { disk -> SnapshotRequest? in
            guard let base = bases[disk.target], let name = overlayName(of: disk, clone) else { return nil }
            return SnapshotRequest(base.source(overlayIn: folder(of: disk, clone)), name: name, room: Self.roomNeeded)
        }
        let overlays = try LocalVolumes().plan(requests)
        for overlay in overlays { try record(.overlay, overlay.path, clone) }
        try LocalVolumes().make(overlays)
        if let variables = clone.original.firmwareVariables, let copy = variablesCopy(clone) {
            try record(.file, copy, clone)
            let (source, target) = (try Descriptor.open(variables, O_RDONLY), try Descriptor.create(copy))
            while case let bytes = try source.readSome(), !bytes.isEmpty { try target.writeAll(bytes) }
        }
    }

    /// Of what the machine's firmware remembers, such as what to boot; beside it.
    private func variablesCopy(_ clone: ClonePlan) -> String? {
        clone.original.firmwareVariables.map { Path.folder(of: $0) + clone.identity.domain + "-variables.fd" }
    }

    /// Beside the original's, where that is a file.
    private func folder(of disk: Disk, _ clone: ClonePlan) -> String {
        String((disk.file.map { Path.folder(of: $0) } ?? clone.original.imageFolder).dropLast())
    }

    private func overlayName(of disk: Disk, _ clone: ClonePlan) -> VolumeName? {
        VolumeName("\(clone.identity.domain)-\(disk.target)")
    }

    /// From a memory image it stands.
    func create(
        _ clone: ClonePlan, _ capture: MachineCapture?, bridge: String, _ allocation: Allocation
    ) throws -> Domain {
        let original = clone.variant ?? capture?.original ?? clone.original
        var disks: [String: DiskImage] = [:]
        for disk in clone.original.writableDisks {
            guard let overlay = overlayName(of: disk, clone) else { continue }
            let path = SnapshotIdentifier.overlayPath(overlay, in: folder(of: disk, clone))
            disks[clone.target(of: disk)] = DiskImage(.file(path), format: "qcow2")
        }
        let name = clone.identity.domain
        let xml = try original.machineClone(
            .init(
                name: name, disks: disks, bridge: bridge, device: clone.identity.device,
                hasMemory: capture?.memory != nil, firmwareVariables: variablesCopy(clone),
                processors: allocation[.vcpus]?.number.map { Int($0) }))
        guard let memory = capture?.memory else { return try node.create(xml) }
        return try node.restore(memory, as: xml, named: name, paused: true)
    }
}
