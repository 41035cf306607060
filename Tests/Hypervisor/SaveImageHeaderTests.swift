import Hypervisor
import TestSupport
import Testing

@Suite struct SaveImageHeaderTests {
    /// Written by hand after libvirt's source.
    private static func image(
        magic: String = "LibvirtQemudSave", version: UInt32 = 2, length: UInt32? = nil, wasRunning: UInt32 = 1,
        compression: UInt32 = 0, cookieOffset: UInt32 = 10, data: String = "<domain/>\0<cookie/>\0\0\0\0\0"
    ) -> [UInt8] {
        let words =
            [version, length ?? UInt32(data.utf8.count), wasRunning, compression, cookieOffset]
            + [UInt32](repeating: 0, count: 14)
        let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        return Array(magic.utf8) + bytes + Array(data.utf8)
    }

    @Test func whatLibvirtWroteIsRead() throws {
        let bytes = Self.image() + Array("QEVM".utf8)
        let header = try SaveImageHeader(bytes)
        #expect(header.xml == "<domain/>" && header.cookie == "<cookie/>")
        #expect(header.isComplete && header.wasRunning && header.compression == 0)
        // Where QEMU's stream begins.
        #expect(bytes[header.size] == UInt8(ascii: "Q"))
        #expect(try header.bytes() == Self.image())
    }

    @Test func anImageWithoutACookieAndOneThatIsNotComplete() throws {
        let bytes = Self.image(magic: "LibvirtQemudPart", wasRunning: 0, cookieOffset: 0, data: "<domain/>\0\0")
        let header = try SaveImageHeader(bytes)
        #expect(header.xml == "<domain/>" && header.cookie == nil)
        #expect(!header.isComplete && !header.wasRunning)
        #expect(try header.bytes() == bytes)
    }

    @Test(arguments: [
        (image(magic: "LibvirtQemudBack"), SaveImageError.noImage), (image(version: 3), .version(3)),
        (image(version: UInt32(2).byteSwapped), .otherByteOrder), (image(length: 0), .length(0)),
        (image(length: 0xffff_ffff), .length(0xffff_ffff)), (image(length: 25), .tooShort(116, needed: 117)),
        (Array(image().prefix(91)), .tooShort(91, needed: 92)), (image(cookieOffset: 24), .cookieOffset(24, room: 24)),
        (image(cookieOffset: 9), .endless("XML")), (image(data: "<domain/>\0<cookie/>"), .endless("cookie")),
        (image(compression: 6), .compression(6)), ([], .tooShort(0, needed: 92)),
    ])
    func whatIsDamagedIsRefused(_ bytes: [UInt8], _ error: SaveImageError) {
        #expect(throws: error) { try SaveImageHeader(bytes) }
    }

    @Test func whatIsNoTextIsRefused() {
        var bytes = Self.image()
        bytes[93] = 0xff
        #expect(throws: SaveImageError.noText("XML")) { try SaveImageHeader(bytes) }
    }

    @Test func anotherDescriptionGoesInIfThereIsRoom() throws {
        var header = try SaveImageHeader(Self.image())
        // 24 bytes, of which the cookie takes 10 and each end one.
        header.xml = "<domain id=''/"
        #expect(throws: SaveImageError.noRoom(needed: 25, room: 24)) { try header.bytes() }
        header.xml = "<domain id=''"
        let bytes = try header.bytes()
        #expect(bytes.count == Self.image().count)
        #expect(try SaveImageHeader(bytes) == header)
        header.xml = "a\0b"
        #expect(throws: SaveImageError.zeroInText) { try header.bytes() }
    }

    @Test func anImageOfOursHasRoomAndBeginsItsStreamAtABlock() throws {
        let header = try SaveImageHeader(
            xml: String(repeating: "x", count: 70_000), cookie: "c", wasRunning: true, isComplete: false)
        #expect(header.size % 65_536 == 0 && header.room - 70_000 >= 65_536)
        #expect(throws: SaveImageError.self) {
            try SaveImageHeader(
                xml: String(repeating: "x", count: SaveImageHeader.largestRoom), wasRunning: true, isComplete: true)
        }
    }

    /// Whatever was written is read as it was.
    @Test func whatIsWrittenIsRead() throws {
        var random = SeededGenerator(5)
        let text = { (random: inout SeededGenerator) in
            String((0..<Int.random(in: 0...300, using: &random)).map { _ in "aé<🙂\n\"".randomElement(using: &random)! })
        }
        for _ in 0..<200 {
            let header = try SaveImageHeader(
                xml: text(&random), cookie: Bool.random(using: &random) ? text(&random) : nil,
                wasRunning: .random(using: &random), isComplete: .random(using: &random))
            #expect(try SaveImageHeader(header.bytes()) == header)
        }
    }

    /// One damaged byte gives an error or another header, and never reads beyond.
    @Test func damagedBytesAreHarmless() throws {
        let whole = Self.image()
        for index in whole.indices {
            for value in [UInt8(0), 1, 0x7f, 0xff] {
                var bytes = whole
                bytes[index] = value
                if let header = try? SaveImageHeader(bytes) { #expect(header.size <= bytes.count) }
            }
            _ = try? SaveImageHeader(Array(whole.prefix(index)))
        }
    }
}
