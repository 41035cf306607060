import CLinux
import Glibc

/// Regular files: places, lengths, and what makes them last.
extension Descriptor {
    /// Makes a file that only its owner reads. One that is there is an error (`EEXIST`), or is taken away first when
    /// `replacing`; only a regular file ever is, so that no device, pipe or link is lost or followed.
    package static func create(_ path: String, replacing: Bool = false) throws(SystemError) -> Descriptor {
        if replacing {
            var there = stat()
            if unsafe lstat(path, &there) == 0, there.st_mode & S_IFMT == S_IFREG {
                try check("replace \(path)") { unsafe unlink(path) }
            }
        }
        return try open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
    }

    /// What tells a file from all others of the machine.
    package struct Identity: Hashable, Sendable {
        let device: UInt
        let number: UInt
    }

    private func status() throws(SystemError) -> stat {
        var status = stat()
        try check("look at a file") { unsafe fstat(raw, &status) }
        return status
    }

    package func identity() throws(SystemError) -> Identity {
        let status = try status()
        return Identity(device: UInt(status.st_dev), number: UInt(status.st_ino))
    }

    /// The length; places in pipes and devices cannot be chosen, so they are refused (`ESPIPE`).
    package func fileSize() throws(SystemError) -> Int64 {
        let status = try status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("read it as a file", code: ESPIPE) }
        return Int64(status.st_size)
    }

    /// The `count` bytes at `offset`; fewer only at the end of the file.
    package func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            let left = count - result.count
            let place = offset + Int64(result.count)
            var failure: SystemError?
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: left) { buffer, filled in
                var read = unsafe pread(raw, buffer.baseAddress, left, off_t(place))
                while read < 0, errno == EINTR { read = unsafe pread(raw, buffer.baseAddress, left, off_t(place)) }
                if read < 0 { failure = SystemError("read") }
                filled = max(0, read)
            }
            if let failure { throw failure }
            if piece.isEmpty { break }
            if result.isEmpty { result = piece } else { result += piece }
        }
        return result
    }

    /// Cuts the file off; what is written next stands there.
    package func truncate(to size: Int64) throws(SystemError) {
        try check("shorten a file") { ftruncate(raw, off_t(size)) }
        try check("shorten a file") { lseek(raw, off_t(size), SEEK_SET) }
    }

    /// Returns when what was written would survive a power failure.
    package func syncData() throws(SystemError) { try check("write a file through") { fdatasync(raw) } }

    /// Takes the file for its only writer until `unlock`, or until the descriptor goes; false when another has it.
    package func lock() -> Bool { flock(raw, LOCK_EX | LOCK_NB) == 0 }

    /// Gives it back at once, also when a program that is just being started still has a copy of the descriptor.
    package func unlock() { flock(raw, LOCK_UN) }
}
