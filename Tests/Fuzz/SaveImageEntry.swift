import Hypervisor

/// Memory images of libvirt: a header that is read is written and read again without a change, and takes another XML only
/// if there is room.
enum SaveImageEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let header: SaveImageHeader
        do throws(SaveImageError) {
            header = try SaveImageHeader(bytes)
        } catch {
            try BrokenInvariant.unless(!error.description.isEmpty, "an error says nothing")
            return
        }
        try BrokenInvariant.unless(header.size <= bytes.count, "it is longer than what was read")
        let written = try? header.bytes()
        try BrokenInvariant.unless(written?.count == header.size, "written, it is of another length")
        let again = written.flatMap { try? SaveImageHeader($0) }
        try BrokenInvariant.unless(again == header, "written and read, it is another")
        var longer = header
        longer.xml += String(repeating: "x", count: header.room)
        try BrokenInvariant.unless((try? longer.bytes()) == nil, "more was written than there is room for")
    }
}
