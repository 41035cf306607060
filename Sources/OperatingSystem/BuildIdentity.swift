import Glibc

/// The build that this process runs: the linker's sum of the program (ELF note NT_GNU_BUILD_ID), in hexadecimal, as
/// `readelf --notes` prints it. Nil of a program that was linked without one.
package enum BuildIdentity {
    package static let current: String? = note().map { bytes in
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    // Of <elf.h>, which the toolchain's Glibc module does not have: entries of the auxiliary vector (getauxval(3)), kinds of
    // segments, and where what stands in a program header of 64 bits.
    private static let (headersEntry, countEntry) = (3, 5)
    private static let (headersSegment, noteSegment) = (6 as UInt32, 4 as UInt32)
    private static let headerSize = 56

    private static func note() -> [UInt8]? {
        guard let vector = try? Descriptor.open("/proc/self/auxv", O_RDONLY).readSome() else { return nil }
        let number = { (place: Int) in (0..<8).reduce(0) { $0 | Int(vector[place + $1]) << (8 * $1) } }
        var entries: [Int: Int] = [:]
        for place in stride(from: 0, to: vector.count - 15, by: 16) { entries[number(place)] = number(place + 8) }
        guard let address = entries[headersEntry], let count = entries[countEntry],
            let start = unsafe UnsafeRawPointer(bitPattern: address)
        else { return nil }
        let headers = (0..<count).map { index in
            let header = unsafe start + index * headerSize
            return (
                kind: unsafe header.load(as: UInt32.self),
                address: unsafe header.load(fromByteOffset: 16, as: Int.self),
                size: unsafe header.load(fromByteOffset: 40, as: Int.self)
            )
        }
        guard let own = headers.first(where: { $0.kind == headersSegment }) else { return nil }
        for header in headers where header.kind == noteSegment {
            guard let notes = unsafe UnsafeRawPointer(bitPattern: address - own.address + header.address) else {
                continue
            }
            if let found = find(in: unsafe Array(UnsafeRawBufferPointer(start: notes, count: header.size))) {
                return found
            }
        }
        return nil
    }

    /// The contents of the note that is named GNU and of kind 3. Each is the lengths of its name and contents, its kind, and both,
    /// filled up to whole words.
    private static func find(in notes: [UInt8]) -> [UInt8]? {
        var place = 0
        while place + 12 <= notes.count {
            let word = { (offset: Int) in (0..<4).reduce(0) { $0 | Int(notes[place + offset + $1]) << (8 * $1) } }
            let (name, length, kind) = (word(0), word(4), word(8))
            let contents = place + 12 + (name + 3) & ~3
            guard contents + length <= notes.count else { return nil }
            if kind == 3, notes[place + 12..<place + 12 + name].elementsEqual("GNU\0".utf8) {
                return Array(notes[contents..<contents + length])
            }
            place = contents + (length + 3) & ~3
        }
        return nil
    }
}
