import TestSupport
import Testing

@testable import Model

@Suite struct HistogramEncodingTests {
    private let layout = LatencyHistogram.layout

    /// The sizes that HdrHistogram_c comes to (`hdr_calculate_bucket_config`).
    @Test(arguments: [(1, 1, 4, 0), (2, 20_000, 7, 14), (3, 1, 10, 0), (4, 7, 14, 2), (5, 1000, 17, 9)])
    func layoutsAreTheirs(_ digits: Int, _ unit: Int64, _ rowBits: Int, _ unitBits: Int) throws {
        let layout = try #require(HistogramLayout(digits: digits, unit: unit, highest: 1 << 42))
        #expect(layout.rowBits == rowBits && layout.unitBits == unitBits)
        for value in [0, 1, 20_000, 1 << 30, 1 << 42] as [Int64] {
            #expect(layout.values(at: layout.index(of: value)).contains(value))
        }
    }

    /// The first and last value of every bucket are in it, and the next is in the next.
    @Test func bucketsFollowEachOther() {
        var expected: Int64 = 0
        for index in 0..<layout.bucketCount {
            let values = layout.values(at: index)
            #expect(values.lowerBound == expected)
            #expect(layout.index(of: values.lowerBound) == index)
            #expect(layout.index(of: values.upperBound) == index)
            expected = values.upperBound + 1
        }
        #expect(expected - 1 == LatencyHistogram.highestTrackable)
        #expect(layout.bucketCount == 33 * 1024)
    }

    /// Lengths and bytes at the edges, the ninth byte with its eight bits among them (HdrHistogram_c `hdr_encoding.c`).
    @Test(
        arguments: [
            (0, [0]), (-1, [1]), (1, [2]), (63, [0x7e]), (64, [0x80, 1]), (-64, [0x7f]),
            (Int64.max, [0xfe, 255, 255, 255, 255, 255, 255, 255, 255]),
            (Int64.min, [255, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] as [(Int64, [UInt8])])
    func numbersArePacked(_ number: Int64, _ bytes: [UInt8]) {
        var packed: [UInt8] = []
        ZigZag.append(number, to: &packed)
        #expect(packed == bytes)
        var position = 0
        #expect(ZigZag.read(packed[...], &position) == number && position == packed.count)
        position = 0
        #expect(ZigZag.read(packed.dropLast(), &position) == nil)
    }

    private func payload(_ counts: [Int64], digits: UInt32 = 3, cookie: UInt32 = 0x1c84_9313) -> [UInt8] {
        var body: [UInt8] = []
        for count in counts { ZigZag.append(count, to: &body) }
        var bytes: [UInt8] = []
        for word in [cookie, UInt32(body.count), 0, digits] { BigEndian.append(word, to: &bytes) }
        for word in [1, UInt64(3_600_000_000_000), (1.0).bitPattern] { BigEndian.append(word, to: &bytes) }
        return bytes + body
    }

    @Test func countsAreRead() throws {
        let histogram = try LatencyHistogram(encoded: payload([-100, 3, 0, 2]))
        #expect(histogram.count == 5)
        #expect(histogram.bucket(at: 0.6) == 100...100)
        #expect(histogram.bucket(at: 0.61) == 102...102)
        #expect(abs((histogram.mean ?? 0) - 100.8e-9) < 1e-15)
    }

    @Test func whatIsNoHistogramOfOursIsRefused() {
        let refused: [([UInt8], HistogramFormatError)] = [
            ([], .cutOff), (Array(payload([1]).dropLast()), .cutOff),
            (payload([1], cookie: 0x1c84_9301), .cookie(0x1c84_9301)),
            (payload([1], digits: 6), .layout(digits: 6, unit: 1, offset: 0)),
            (payload([-40_000]), .countsBeyondRange), (payload([-33_792, 1]), .countsBeyondRange),
            (payload([.min]), .countsBeyondRange), (payload([.max]), .countTooLarge),
            (payload([1 << 48, 1]), .countTooLarge),
        ]
        for (bytes, error) in refused {
            #expect(throws: error) { try LatencyHistogram(encoded: bytes) }
        }
    }

    @Test func foreignBytesNeverTrap() {
        var random = SeededGenerator(11)
        for _ in 0..<2000 {
            var bytes = payload(
                (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    Int64.random(in: -2000...2000, using: &random)
                })
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let histogram = try? LatencyHistogram(encoded: bytes) {
                // What was taken can be used, and is written as it was read.
                _ = histogram.percentile(0.5)
                #expect((try? LatencyHistogram(encoded: histogram.encoded).count) == histogram.count)
            }
        }
    }
}
