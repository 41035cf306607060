import Foundation
package import Hypervisor
import Model
import OperatingSystem
import Store
import Volumes

/// A machine's disks, and its memory if that was asked for, held as they were at one moment: its clones begin there. The
/// machine itself writes to overlays until the capture is ended.
package struct MachineCapture: Sendable {
    /// The machine with its disks as they were before.
    package let original: DomainDescription
    package let memory: SaveImage?
    package let way: CaptureWay?
    /// How long the machine stood for its memory.
    package let pause: Duration?
}

/// What the clone of a machine begins with.
struct MachineBeginning: Sendable, Hashable {
    let hasMemory: Bool
    /// In place of the first disk that can be written; nothing is captured then.
    let image: String?

    /// Refuses what cannot be cloned so, before anything is made.
    init(_ original: DomainDescription, _ source: CloneSource) throws(CloneError) {
        switch source {
        case .memory: (hasMemory, image) = (true, nil)
        case .disk: (hasMemory, image) = (false, nil)
        case .image(let path): (hasMemory, image) = (false, path)
        }
        var obstacles = original.obstacles(withMemory: hasMemory)
        if original.firmwareVariables != nil { obstacles.append("its firmware keeps variables in a file (<nvram>)") }
        let disks = original.writableDisks
        if image != nil, disks.count != 1 {
            obstacles.append("it has \(disks.count) disks that can be written, and one image was given")
        }
        obstacles += disks.compactMap { disk in
            switch disk.image?.source {
            case .file: nil
            case let other:
                "its disk \(disk.target) is on \(other.map { "\($0)" } ?? "nothing"); this version clones files"
            }
        }
        if image == nil, disks.contains(where: { $0.fileName.hasPrefix("whatif-") }) {
            obstacles.append(
                "it is captured already for another clone; remove that one (whatif sandbox list), or make several at once with --count"
            )
        }
        guard obstacles.isEmpty else {
            throw .unsupported(domain: original.name, obstacles.joined(separator: "; "))
        }
    }
}

extension DomainDescription {
    fileprivate var writableDisks: [Disk] { disks.filter(\.isWritable) }

    /// Files of the machine's disks.
    var diskFiles: [String] { writableDisks.compactMap(\.file) }
}

extension Disk {
    fileprivate var file: String? {
        guard case .file(let path) = image?.source else { return nil }
        return path
    }

    fileprivate var fileName: Substring { file?.split(separator: "/").last ?? "" }
}

extension CloneMaker {
    /// How long a machine may stand for its clone. Beyond it, the clone is given up.
    private static let pauseLimit = Duration.seconds(2)

    /// Holds a machine's state for the clone, if it begins with that. Nil for what does not.
    func capture(_ clone: ClonePlan) throws -> MachineCapture? {
        guard case .machine(let beginning) = clone.beginning, beginning.image == nil else { return nil }
        let name = clone.original.name
        guard let domain = try node.domain(name) else {
            throw CloneError.unsupported(domain: name, "it is gone")
        }
        let lock = try journal.lock(domain: name)
        defer { withExtendedLifetime(lock) {} }
        // As it is now, with nobody else at it.
        let original = try domain.description()
        _ = try MachineBeginning(original, beginning.hasMemory ? .memory : .disk)
        guard let first = original.diskFiles.first else {
            throw CloneError.unsupported(domain: name, "it has no disk that can be written")
        }
        let way = try beginning.hasMemory ? domain.captureAbility().way : nil
        let memory = beginning.hasMemory ? Path.folder(of: first) + clone.identity.domain + ".save" : nil
        var overlays: [String: String] = [:]
        for disk in original.writableDisks {
            guard let file = disk.file else { continue }
            overlays[disk.target] =
                Path.folder(of: file) + clone.identity.domain + "-" + disk.target + "-original.qcow2"
        }
        let needed =
            Self.roomNeeded + (beginning.hasMemory ? Int64(SaveImage.room(memoryKiB: original.memoryKiB ?? 0)) : 0)
        for file in overlays.values { try Subvolume.requireRoom(Path.folder(of: file), needed: needed) }
        try record(.capture, CaptureFiles(memory: memory, overlays: overlays).text, clone)
        guard let memory, let way else {
            try domain.overlayDisks(overlays)
            return MachineCapture(original: original, memory: nil, way: nil, pause: nil)
        }
        let plan = MemoryCapturePlan(memory: memory, overlays: overlays, pauseLimit: Self.pauseLimit)
        let made = try domain.capture(plan, way)
        return MachineCapture(original: made.original, memory: made.image, way: way, pause: made.pause)
    }

    /// The clone's own disks: overlays over what the original's were at the moment, or over an image.
    func makeDisks(_ clone: ClonePlan, _ capture: MachineCapture?) throws {
        guard case .machine(let beginning) = clone.beginning else { return }
        for disk in clone.original.writableDisks {
            guard let file = disk.file else { continue }
            let below = beginning.image ?? file
            let format = beginning.image == nil ? disk.image?.format ?? "raw" : try Self.format(of: below)
            let overlay = overlay(of: disk, clone)
            try record(.overlay, overlay, clone)
            _ = try Descriptor.create(overlay)
            try ChildProcess.succeed([
                "qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", below, overlay,
            ])
        }
    }

    private static func format(of image: String) throws -> String {
        struct Information: Decodable { let format: String }
        let text = try ChildProcess.succeed(["qemu-img", "info", "--output=json", image])
        return try JSONDecoder().decode(Information.self, from: Data(text.utf8)).format
    }

    private func overlay(of disk: Disk, _ clone: ClonePlan) -> String {
        Path.folder(of: disk.file ?? "") + clone.identity.domain + "-" + disk.target + ".qcow2"
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

/// The files of a capture, as one text for the journal: enough to undo it.
package struct CaptureFiles: Sendable, Hashable {
    package let memory: String?
    /// By target.
    package let overlays: [String: String]

    package init(memory: String?, overlays: [String: String]) { (self.memory, self.overlays) = (memory, overlays) }

    /// A line for each: `memory`, or the disk's target, and the file.
    package init(text: String) {
        var overlays: [String: String] = [:]
        var memory: String?
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            if parts[0] == "memory" { memory = parts[1] } else { overlays[parts[0]] = parts[1] }
        }
        self.init(memory: memory, overlays: overlays)
    }

    package var text: String {
        (overlays.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" } + (memory.map { ["memory \($0)"] } ?? []))
            .joined(separator: "\n")
    }
}
