import Glibc

/// A block device by the kernel's numbers.
struct BlockDevice: Sendable, Hashable, CustomStringConvertible {
    let major: UInt32
    let minor: UInt32

    init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// As in the status of a file (makedev(3)).
    init(number: dev_t) {
        major = UInt32(number >> 8 & 0xfff | number >> 32 & ~0xfff)
        minor = UInt32(number & 0xff | number >> 12 & 0xffff_ff00)
    }

    var description: String { "\(major):\(minor)" }
}

/// Who has a file, a block device or something in a subvolume open, of all processes of this machine.
///
/// Reads /proc; processes that end meanwhile are passed over.
enum Holders {
    enum Thing {
        case file(device: dev_t, number: ino_t)
        case device(BlockDevice)
        /// Whatever lies on this device: each btrfs subvolume has one of its own.
        case everything(on: dev_t)
    }

    /// Of what is at a path; nobody when nothing is.
    static func of(_ path: String) -> [String] {
        guard let status = FileStatus.of(path) else { return [] }
        return switch status.st_mode & S_IFMT {
        case S_IFBLK: of(.device(BlockDevice(number: status.st_rdev)))
        case S_IFDIR: of(.everything(on: status.st_dev))
        default: of(.file(device: status.st_dev, number: status.st_ino))
        }
    }

    /// Such as `qemu-nbd (process 712)`.
    static func of(_ thing: Thing) -> [String] {
        var holders: [String] = []
        var namespaces: Set<String> = []
        for process in Directory.names("/proc") where process.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) {
            if holds("/proc/\(process)", thing) { holders.append(describe(process)) }
            guard case .device(let device) = thing, let namespace = Directory.link("/proc/\(process)/ns/mnt"),
                namespaces.insert(namespace).inserted
            else { continue }
            for place in mounts(of: device, seenBy: process) { holders.append("its mount at \(place)") }
        }
        if case .device(let device) = thing {
            holders += Directory.names("/sys/dev/block/\(device)/holders").map { "the device \($0)" }
        }
        return holders
    }

    private static func holds(_ process: String, _ thing: Thing) -> Bool {
        if case .everything(let device) = thing {
            for name in ["root", "cwd", "exe"] where FileStatus.of("\(process)/\(name)")?.st_dev == device {
                return true
            }
        }
        return Directory.names("\(process)/fd").contains { name in
            guard let status = FileStatus.of("\(process)/fd/\(name)") else { return false }
            return switch thing {
            case .file(let device, let number): status.st_dev == device && status.st_ino == number
            case .device(let device):
                status.st_mode & S_IFMT == S_IFBLK && BlockDevice(number: status.st_rdev) == device
            case .everything(let device): status.st_dev == device
            }
        }
    }

    /// Programs of that name which bear a word on their command line: one that was started and whose starter was killed goes
    /// on by itself.
    static func programs(_ name: String, with word: String) -> [pid_t] {
        Directory.names("/proc").compactMap { process in
            guard let pid = pid_t(process), SmallFile.text("/proc/\(process)/comm") == name + "\n",
                let words = SmallFile.bytes("/proc/\(process)/cmdline")?.split(separator: 0),
                words.contains(where: { $0.elementsEqual(word.utf8) })
            else { return nil }
            return pid
        }
    }

    private static func describe(_ process: String) -> String {
        let name = SmallFile.text("/proc/\(process)/comm")?.split(separator: "\n").first ?? "a program"
        return "\(name) (process \(process))"
    }

    /// proc_pid_mountinfo(5): the third field is the device, the fifth the place.
    private static func mounts(of device: BlockDevice, seenBy process: String) -> [String] {
        (SmallFile.text("/proc/\(process)/mountinfo") ?? "").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            return fields.count > 5 && fields[2] == "\(device)" ? String(fields[4]) : nil
        }
    }
}
