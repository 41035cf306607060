import CLibvirt
import Glibc
import OperatingSystem

/// A file with the memory of a machine, as libvirt's `save` makes it. Several clones can be started from one, one after
/// the other.
package struct SaveImage: Sendable, Hashable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Bytes that an image takes at most behind its header: the memory, some bytes for each page of it, and the state of
    /// the devices, the memory of screens included.
    package static func room(memoryKiB: Int) -> Int { memoryKiB << 10 + memoryKiB << 2 + 256 << 20 }

    package func header() throws(HypervisorError) -> SaveImageHeader {
        do {
            return try header(in: try Descriptor.open(path, O_RDONLY | O_NOFOLLOW))
        } catch {
            throw HypervisorError("read the memory image \(path)", message: "\(error)", cause: .other)
        }
    }

    private func header(in file: Descriptor) throws -> SaveImageHeader {
        let start = try file.read(at: 0, count: SaveImageHeader.fixedSize)
        let room = try SaveImageHeader.room(of: start)
        let bytes = try file.read(at: 0, count: SaveImageHeader.fixedSize + room)
        return try SaveImageHeader(bytes)
    }

    /// Puts another description into the image, and keeps others from doing so while the result lives. A crash in between
    /// leaves a file that no domain can be started from.
    func describe(as xml: String) throws -> Descriptor {
        let file = try Descriptor.open(path, O_RDWR | O_NOFOLLOW)
        try check("wait for the lock of \(path)") { flock(file.raw, LOCK_EX) }
        var header = try header(in: file)
        header.xml = xml
        let bytes = try header.bytes()
        try file.write(bytes, at: 0)
        return file
    }
}

extension Descriptor {
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        try check("write") { lseek(raw, off_t(offset), SEEK_SET) }
        try writeAll(bytes)
    }
}

extension Node {
    /// Starts a machine from a memory image under another description, whose devices have to be those of the image. It is
    /// gone from libvirt when it stops. The image is left as it is but for the description in it.
    ///
    /// `paused` leaves it standing, for what is to be set before it goes on. Several may ask for one image at once: each
    /// waits until the image is no longer read. After a crash behind it: a domain of that name runs or stands.
    package func restore(_ image: SaveImage, as xml: String, named name: String, paused: Bool) throws(HypervisorError)
        -> Domain
    {
        let doing = "start \(name) from the memory image \(image.path)"
        let state = paused ? VIR_DOMAIN_SAVE_PAUSED : VIR_DOMAIN_SAVE_RUNNING
        do {
            let described = try image.describe(as: xml)
            defer { described.unlock() }
            FaultPoint.pass()
            guard unsafe virDomainRestoreFlags(handle, image.path, nil, state.rawValue) == 0 else {
                throw HypervisorError(doing)
            }
        } catch let error as HypervisorError {
            throw error
        } catch {
            throw HypervisorError(doing, message: "\(error)", cause: .other)
        }
        guard let domain = try domain(name) else {
            throw HypervisorError(doing, message: "it ended at once", cause: .noDomain)
        }
        return domain
    }
}
