import Hypervisor
import Model
import Volumes

/// How one of a machine's disks is held as it was at a moment.
enum DiskHold: Sendable, Hashable {
    /// The machine writes to an overlay over this image until its clones are gone.
    case image(path: String, ImageFormat)
    /// By LVM: the machine notices nothing.
    case volume(LogicalVolume)
}

/// What the clone of a machine begins with.
struct MachineBeginning: Sendable, Hashable {
    let hasMemory: Bool
    /// In place of the first disk that can be written; nothing is captured then.
    let image: String?
    /// By target; empty when nothing is captured.
    let holds: [String: DiskHold]

    /// Refuses what cannot be cloned so, before anything is made.
    init(_ original: DomainDescription, _ source: CloneSource, on site: VolumeSite) throws(CloneError) {
        switch source {
        case .memory: (hasMemory, image) = (true, nil)
        case .disk: (hasMemory, image) = (false, nil)
        case .image(let path): (hasMemory, image) = (false, path)
        }
        var obstacles = original.obstacles(withMemory: hasMemory)
        let disks = original.writableDisks
        var holds: [String: DiskHold] = [:]
        if image != nil {
            if disks.count != 1 {
                obstacles.append("it has \(disks.count) disks that can be written, and one image was given")
            }
        } else {
            for target in site.volumes.keys.sorted() where !disks.contains(where: { $0.target == target }) {
                obstacles.append("it has no disk \(target) that can be written")
            }
            for disk in disks {
                do throws(Obstacle) {
                    holds[disk.target] = try DiskHold(disk, on: site)
                } catch {
                    obstacles.append(error.text)
                }
            }
        }
        guard obstacles.isEmpty else {
            throw .unsupported(domain: original.name, obstacles.joined(separator: "; "))
        }
        self.holds = holds
    }
}

/// Why a disk cannot be held.
private struct Obstacle: Error { let text: String }

extension DiskHold {
    fileprivate init(_ disk: Disk, on site: VolumeSite) throws(Obstacle) {
        let target = disk.target
        if let volume = site.volumes[target] {
            if case .network = disk.image?.source, site.through == nil || site.export == nil {
                throw Obstacle(
                    text: "its disk \(target) comes over the network: say how the machine with \(volume) is asked "
                        + "(--storage) and where it serves snapshots (--export)")
            }
            self = .volume(volume)
            return
        }
        switch disk.image?.source {
        case .file(let path):
            if disk.fileName.hasPrefix("whatif-") {
                throw Obstacle(
                    text:
                        "it is captured already for another clone; remove that one (whatif sandbox list), or make several "
                        + "at once with --count")
            }
            let found = disk.image?.format ?? "raw"
            guard let format = ImageFormat(rawValue: found) else {
                let known = ImageFormat.allCases.map(\.rawValue).joined(separator: " and ")
                throw Obstacle(text: "its disk \(target) is a \(found) image; this version clones \(known)")
            }
            self = .image(path: path, format)
        case .block(let path):
            guard let volume = LogicalVolume(device: path) else {
                throw Obstacle(text: "its disk \(target) is on \(path), which is no logical volume of LVM")
            }
            // Another machine may have one of that name.
            guard site.through == nil else {
                throw Obstacle(
                    text:
                        "its disk \(target) is on this node's \(path): say which logical volume that is where --storage "
                        + "leads to (--volume \(target)=GROUP/NAME), or leave out --storage")
            }
            self = .volume(volume)
        case .network(let kind, let name, _):
            throw Obstacle(
                text: "its disk \(target) is on \(kind) \(name ?? ""): say which logical volume that is "
                    + "(--volume \(target)=GROUP/NAME), how its machine is asked (--storage) and where it serves snapshots "
                    + "(--export)")
        case let other:
            throw Obstacle(
                text: "its disk \(target) is on \(other.map { "\($0)" } ?? "nothing"); this version clones files and "
                    + "logical volumes")
        }
    }
}

extension DomainDescription {
    var writableDisks: [Disk] { disks.filter(\.isWritable) }

    /// Files of the machine's disks.
    var diskFiles: [String] { writableDisks.compactMap(\.file) }

    /// Where files for its clones go: beside its first disk that is a file, else where libvirt keeps images. With the slash
    /// at its end.
    var imageFolder: String { diskFiles.first.map { Path.folder(of: $0) } ?? "/var/lib/libvirt/images/" }
}

extension Disk {
    var file: String? {
        guard case .file(let path) = image?.source else { return nil }
        return path
    }

    fileprivate var fileName: Substring { file?.split(separator: "/").last ?? "" }
}
