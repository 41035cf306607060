import CBtrfsUtil
import Glibc
import OperatingSystem

/// btrfs subvolumes as roots of containers: a snapshot is an instant copy on write, and the original is only read.
///
/// Needs CAP_SYS_ADMIN to delete. Paths are those of the calling process's mount namespace.
package enum Subvolume {
    private static func check(
        _ result: btrfs_util_error, _ doing: String, _ path: String
    ) throws(VolumeError) {
        guard result != BTRFS_UTIL_OK else { return }
        let code = errno
        let library = unsafe String(cString: btrfs_util_strerror(result))
        let system = unsafe String(cString: strerror(code))
        throw .failed(doing: doing, path: path, reason: "\(library) (\(system))", code: code)
    }

    package static func exists(_ path: String) -> Bool {
        unsafe btrfs_util_is_subvolume(path) == BTRFS_UTIL_OK
    }

    package static func create(_ path: String) throws(VolumeError) {
        try unsafe check(btrfs_util_create_subvolume(path, 0, nil, nil), "create the subvolume", path)
    }

    /// A writable snapshot of `source`, refused before anything is made when fewer than `needed` bytes are free.
    package static func snapshot(_ source: String, to path: String, needed: Int64) throws(VolumeError) {
        guard exists(source) else { throw .notASubvolume(path: source) }
        try requireRoom(source, needed: needed)
        try unsafe check(btrfs_util_create_snapshot(source, path, 0, nil, nil), "make the snapshot", path)
    }

    /// Deletes a subvolume and those that were made inside it; one that is gone already is no error, so that clean-up can be repeated.
    package static func delete(_ path: String) throws(VolumeError) {
        var status = stat()
        if unsafe stat(path, &status) == -1 && errno == ENOENT { return }
        guard exists(path) else { throw .notASubvolume(path: path) }
        try unsafe check(
            btrfs_util_delete_subvolume(path, CInt(BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE)), "delete the subvolume", path
        )
    }

    /// Bytes that no other subvolume shares; nil when there is no such subvolume. btrfs's own program reckons it: the
    /// library does not.
    package static func exclusiveBytes(_ path: String) throws -> Int64? {
        guard exists(path) else { return nil }
        let lines = try ChildProcess.succeed(["btrfs", "filesystem", "du", "--summarize", "--raw", path])
        // "Total  Exclusive  Set shared  Filename", and a line of values.
        return lines.split(separator: "\n").last.flatMap { line in
            let words = line.split(separator: " ")
            return words.count > 1 ? Int64(words[1]) : nil
        }
    }

    package static func requireRoom(_ path: String, needed: Int64) throws(VolumeError) {
        var room = RoomNeeded()
        try room.add(needed, on: path, wayOut: wayOut)
    }

    static let wayOut = "grow the volume (btrfs filesystem resize)"
}
