import Glibc
import OperatingSystem

enum FileStatus {
    /// Of what a path leads to; nil when it leads nowhere.
    static func of(_ path: String) -> stat? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status : nil
    }
}

enum Directory {
    /// What is in a directory; nothing when there is none.
    static func names(_ path: String) -> [String] {
        guard let directory = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func link(_ path: String) -> String? {
        var text = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink(path, &text, text.count)
        return count > 0 ? String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}

enum SmallFile {
    /// Files of the kernel say their length only at their end.
    static func bytes(_ path: String) -> [UInt8]? {
        guard let file = try? Descriptor.open(path, O_RDONLY) else { return nil }
        var bytes: [UInt8] = []
        while let more = try? file.readSome(), !more.isEmpty { bytes += more }
        return bytes
    }

    static func text(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }
}

/// The room of the file system that something is on.
struct FileSystemRoom: Sendable {
    let free: Int64
    let total: Int64
    /// The same for all that is on one file system. btrfs gives its subvolumes numbers that differ in the upper half.
    let identity: UInt32

    static func of(_ path: String) throws(VolumeError) -> FileSystemRoom {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else {
            let code = errno
            throw .failed(
                doing: "read the free space of", path: path, reason: unsafe String(cString: strerror(code)), code: code)
        }
        let block = Int64(status.f_frsize)
        return FileSystemRoom(
            free: Int64(status.f_bavail) * block, total: Int64(status.f_blocks) * block,
            identity: UInt32(truncatingIfNeeded: status.f_fsid))
    }

    var fill: SnapshotFill { SnapshotFill(used: total - free, room: total) }
}

/// Room that several things need of one place, refused when it is less than they need together.
struct RoomNeeded {
    private var needed: [UInt32: Int64] = [:]

    /// On the file system of `path`.
    mutating func add(_ bytes: Int64, on path: String, wayOut: String) throws(VolumeError) {
        let room = try FileSystemRoom.of(path)
        let sum = (needed[room.identity] ?? 0) + bytes
        needed[room.identity] = sum
        guard room.free >= sum else {
            throw .noRoom(place: "the volume of \(path)", free: room.free, needed: sum, wayOut: wayOut)
        }
    }
}

extension VolumeError {
    init(_ doing: String, _ path: String, _ error: any Error) {
        switch error {
        case let error as VolumeError: self = error
        case let error as SystemError: self = .failed(doing: doing, path: path, reason: error.reason, code: error.code)
        case let error as ProgramError:
            let program = error.command.first ?? "a program"
            self = .failed(doing: doing, path: path, reason: "\(program): \(error.reason)", code: EIO)
        default: self = .failed(doing: doing, path: path, reason: "\(error)", code: EIO)
        }
    }
}
