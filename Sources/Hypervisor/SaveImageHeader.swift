/// What stands before QEMU's stream in a file of libvirt's `save`: the domain's XML and what was known of its processor.
///
/// libvirt refuses to start an image under another name (`restore --xml`, `save-image-define`), so the XML is replaced in
/// the file; there is room behind it. The form is that of libvirt's `qemu_saveimage.c`, in the byte order of the machine:
///
///     16 bytes   "LibvirtQemudSave", or "LibvirtQemudPart" while it is being written
///     u32        version, 2
///     u32        length of all that follows the 92 bytes up to the stream
///     u32        whether the domain ran
///     u32        compression of the stream
///     u32        where behind the 92 bytes the cookie begins; 0 for none
///     14 × u32   unused
///     XML, 0, [cookie, 0], zeros
package struct SaveImageHeader: Sendable, Hashable {
    package var xml: String
    /// XML of libvirt's own, `<cookie>…</cookie>`, beside the domain's.
    package var cookie: String?
    package var wasRunning: Bool
    /// 0 is none; else as libvirt counts: gzip, bzip2, xz, lzop.
    package let compression: UInt32
    /// Bytes that there are for XML and cookie, each with the zero that ends it.
    package let room: Int
    /// libvirt takes no image that is not.
    package var isComplete: Bool

    package static let fixedSize = 92
    /// No description is so long; a damaged length must not make us read or write without end.
    package static let largestRoom = 16 << 20

    /// Where QEMU's stream begins.
    package var size: Int { Self.fixedSize + room }

    private static let complete = Array("LibvirtQemudSave".utf8)
    private static let partial = Array("LibvirtQemudPart".utf8)
    private static let version: UInt32 = 2
    private static let compressions: UInt32 = 5

    /// For an image that is to be written, with room for a longer XML.
    package init(xml: String, cookie: String? = nil, wasRunning: Bool, isComplete: Bool) throws(SaveImageError) {
        let needed = try Self.length(xml) + (cookie.map { (text) throws(SaveImageError) in try Self.length(text) } ?? 0)
        // QEMU's stream begins at a block.
        let size = (Self.fixedSize + needed + 65_536 + 65_535) / 65_536 * 65_536
        guard size <= Self.largestRoom else { throw .noRoom(needed: needed, room: Self.largestRoom) }
        self.xml = xml
        self.cookie = cookie
        self.wasRunning = wasRunning
        self.isComplete = isComplete
        compression = 0
        room = size - Self.fixedSize
    }

    private static func length(_ text: String) throws(SaveImageError) -> Int {
        if text.utf8.contains(0) { throw .zeroInText }
        return text.utf8.count + 1
    }
}

extension SaveImageHeader {
    /// The first 92 bytes: how many follow.
    package static func room(of bytes: [UInt8]) throws(SaveImageError) -> Int {
        guard bytes.count >= fixedSize else { throw .tooShort(bytes.count, needed: fixedSize) }
        let magic = Array(bytes.prefix(16))
        guard magic == complete || magic == partial else { throw .noImage }
        let version = word(bytes, 16)
        guard version == Self.version else {
            throw version.byteSwapped == Self.version ? .otherByteOrder : .version(version)
        }
        let length = word(bytes, 20)
        guard length > 0, length <= largestRoom else { throw .length(length) }
        return Int(length)
    }

    /// The 92 bytes and those that they say follow; what stands behind them is not looked at.
    package init(_ bytes: [UInt8]) throws(SaveImageError) {
        room = try Self.room(of: bytes)
        guard bytes.count >= Self.fixedSize + room else {
            throw .tooShort(bytes.count, needed: Self.fixedSize + room)
        }
        isComplete = Array(bytes.prefix(16)) == Self.complete
        wasRunning = Self.word(bytes, 24) != 0
        compression = Self.word(bytes, 28)
        guard compression <= Self.compressions else { throw .compression(compression) }
        let offset = Self.word(bytes, 32)
        guard offset < room else { throw .cookieOffset(offset, room: room) }
        let data = bytes[Self.fixedSize..<Self.fixedSize + room]
        let place = Int(offset)
        xml = try Self.text(data.prefix(place == 0 ? room : place), "XML")
        cookie = place == 0 ? nil : try Self.text(data.dropFirst(place), "cookie")
    }

    /// As it stands in the file, `size` bytes long.
    package func bytes() throws(SaveImageError) -> [UInt8] {
        let afterXML = try Self.length(xml)
        let needed = try afterXML + (cookie.map { (text) throws(SaveImageError) in try Self.length(text) } ?? 0)
        guard needed <= room else { throw .noRoom(needed: needed, room: room) }
        var bytes = isComplete ? Self.complete : Self.partial
        let words = [
            Self.version, UInt32(room), wasRunning ? 1 : 0, compression, cookie == nil ? 0 : UInt32(afterXML),
        ]
        for word in words + [UInt32](repeating: 0, count: 14) {
            // Host byte order; ours is little-endian as every machine that Swift runs on.
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        bytes += Array(xml.utf8) + [0]
        if let cookie { bytes += Array(cookie.utf8) + [0] }
        bytes += [UInt8](repeating: 0, count: size - bytes.count)
        return bytes
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }

    private static func text(_ bytes: ArraySlice<UInt8>, _ what: String) throws(SaveImageError) -> String {
        guard let end = bytes.firstIndex(of: 0) else { throw .endless(what) }
        guard let text = String(validating: bytes[..<end], as: UTF8.self) else { throw .noText(what) }
        return text
    }
}

/// Why bytes are not the beginning of an image of libvirt, or why one cannot be written.
package enum SaveImageError: Error, Sendable, Hashable, CustomStringConvertible {
    case tooShort(Int, needed: Int)
    case noImage
    case otherByteOrder
    case version(UInt32)
    case length(UInt32)
    case compression(UInt32)
    case cookieOffset(UInt32, room: Int)
    case endless(String)
    case noText(String)
    case zeroInText
    case noRoom(needed: Int, room: Int)

    package var description: String {
        switch self {
        case .tooShort(let count, let needed): "the image ends after \(count) of the \(needed) bytes of its header"
        case .noImage: "it is no image of libvirt's 'save'"
        case .otherByteOrder: "the image is from a machine of the other byte order"
        case .version(let version): "the image is of version \(version); known is 2"
        case .length(let length): "the image's header says that it is \(length) bytes long, which cannot be"
        case .compression(let kind): "the image is compressed in a way that is not known (\(kind))"
        case .cookieOffset(let offset, let room): "the image's cookie would be at \(offset) of \(room) bytes"
        case .endless(let what): "the image's \(what) has no end"
        case .noText(let what): "the image's \(what) is no text"
        case .zeroInText: "a description holds a zero byte"
        case .noRoom(let needed, let room): "the description takes \(needed) bytes, and the image has room for \(room)"
        }
    }
}
