import Model
import Testing

@testable import Wire

@Suite struct TraceFormatTests {
    /// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
    @Test(
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa), ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            (Array(0..<32), 0x46dd_794e), (Array((0..<32).reversed()), 0x113f_db5c),
            (
                [
                    0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0,
                    0, 0,
                    0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
                ], 0xd996_3a56
            ), (Array("123456789".utf8), 0xe306_9283), ([], 0),
        ] as [([UInt8], UInt32)])
    func checksums(_ bytes: [UInt8], _ sum: UInt32) { #expect(CRC32C.of(bytes.span) == sum) }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, UInt64(Int64.max), .max])
    func varints(_ value: UInt64) throws {
        var encoder = TraceEncoder()
        encoder.varint(value)
        encoder.signed(Int64(bitPattern: value))
        encoder.signed(-Int64(value >> 1))
        var decoder = TraceDecoder(encoder.bytes)
        #expect(try decoder.varint() == value)
        #expect(try decoder.signed() == Int64(bitPattern: value))
        #expect(try decoder.signed() == -Int64(value >> 1))
        #expect(decoder.isAtEnd)
    }

    @Test func foreignNumbersAreBounded() {
        var tooLong = TraceDecoder([UInt8](repeating: 0xff, count: 11))
        #expect(throws: TraceDecodingError.outOfRange) { try tooLong.varint() }
        var cut = TraceDecoder([0x80, 0x80])
        #expect(throws: TraceDecodingError.ends) { try cut.varint() }
        var encoder = TraceEncoder()
        encoder.varint(UInt64(Int64.max))
        encoder.varint(.max)
        var block = TraceDecoder(encoder.bytes)
        #expect(throws: TraceDecodingError.ends) { try block.block() }
        #expect(throws: TraceDecodingError.outOfRange) { try block.count() }
    }

    /// The extremes of times too: differences wrap around, and back.
    @Test func timesOfAnyValue() throws {
        let times = [Int64.min, .max, 0, -1, .max, .min].map { Timestamp(nanoseconds: $0) }
        var encoder = TraceEncoder()
        var records = TraceRecordEncoder()
        for time in times { records.encode(.closed(7, time), to: &encoder) }
        var cursor = TraceRecordCursor(encoder.bytes)
        for time in times {
            let record = try cursor.next()
            #expect(record == .closed(7, time))
        }
        let end = try cursor.next()
        #expect(end == nil)
    }

    @Test func unknownRecordsArePassedOverAndCounted() throws {
        var encoder = TraceEncoder()
        var records = TraceRecordEncoder()
        encoder.block([99, 1, 2, 3])
        records.encode(.closed(7, Timestamp(nanoseconds: 5)), to: &encoder)
        // A later protocol's exchange, and a later reason.
        encoder.block([1, 8, 1, 77])
        var lost = TraceEncoder()
        for byte: UInt8 in [3, 7, 1] { lost.byte(byte) }
        lost.text("solar flare")
        lost.signed(0)
        encoder.block(lost.bytes)
        var cursor = TraceRecordCursor(encoder.bytes)
        let first = try cursor.next()
        #expect(first == .closed(7, Timestamp(nanoseconds: 5)))
        let end = try cursor.next()
        #expect(end == nil && cursor.unknown == 3)
    }

    @Test func theIndexStaysSmall() throws {
        var index = TraceIndex()
        for number in 0..<100_000 {
            let time = Timestamp(nanoseconds: Int64(number))
            index.add(
                TraceBlockHeader(type: 1, payload: [], count: 1, first: time, last: time), exchanges: 1,
                at: Int64(number) * 50)
        }
        #expect(index.entries.count <= TraceIndex.limit)
        #expect(index.entries.reduce(0) { $0 + $1.blocks } == 100_000)
        #expect(index.entries.reduce(0) { $0 + $1.exchanges } == 100_000)
        #expect(
            zip(index.entries, index.entries.dropFirst()).allSatisfy { $0.last < $1.first && $0.offset < $1.offset })
        #expect(try TraceIndex(index.encoded(), end: 5_000_000) == index)
    }
}
