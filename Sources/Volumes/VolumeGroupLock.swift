import Glibc
import OperatingSystem

/// LVM's own lock of a volume group (lvmlockd is another matter): whoever holds it changes its volumes alone. LVM's commands wait for it,
/// also those that this process runs: none may be run with it.
///
/// As LVM takes it (lib/misc/lvm-flock.c): a lock by flock(2) on a file that its last holder removes. Needs root.
struct VolumeGroupLock {
    /// Where LVM has it on Debian (lvmconfig, `global/locking_dir`).
    private static let folder = "/run/lock/lvm"

    private let descriptor: Descriptor

    init(_ group: String) throws(VolumeError) {
        let path = "\(Self.folder)/V_\(group)"
        do throws(SystemError) {
            while true {
                let descriptor = try Descriptor.open(path, O_CREAT | O_RDWR | O_APPEND, mode: 0o777)
                try check("lock \(path)") { flock(descriptor.raw, LOCK_EX) }
                // Whoever had it before may have removed the file meanwhile.
                var held = stat()
                try check("look at \(path)") { unsafe fstat(descriptor.raw, &held) }
                if let now = FileStatus.of(path), now.st_ino == held.st_ino, now.st_dev == held.st_dev {
                    self.descriptor = descriptor
                    return
                }
            }
        } catch {
            throw .failed(doing: "take LVM's lock", path: path, reason: error.reason, code: error.code)
        }
    }

    /// As it is when nobody refers to it any more.
    func release() { flock(descriptor.raw, LOCK_UN) }
}
