/// Why bytes are no histogram of ours.
package enum HistogramFormatError: Error, Hashable, CustomStringConvertible {
    case cutOff
    /// The first four bytes are another format's, or an older version's.
    case cookie(UInt32)
    /// Significant digits, unit or offset that are none, or reach further than we hold.
    case layout(digits: Int, unit: Int64, offset: Int)
    case countsBeyondRange
    case countTooLarge
    case notBase64
    case tooLong(limit: Int)

    package var description: String {
        switch self {
        case .cutOff: "the histogram is cut off"
        case .cookie(let found): "found the cookie 0x\(String(found, radix: 16)), expected HdrHistogram's encoding V2"
        case .layout(let digits, let unit, let offset):
            "found a histogram with \(digits) significant digits, unit \(unit) and offset \(offset), "
                + "expected 1 to 5 digits, a unit below 73 minutes and no offset"
        case .countsBeyondRange: "the histogram has counts beyond 73 minutes"
        case .countTooLarge: "the histogram has a count that no recording reaches"
        case .notBase64: "the histogram is not base64"
        case .tooLong(let limit): "the histogram is longer than \(limit) bytes"
        }
    }
}

/// HdrHistogram's V2 encoding (HdrHistogram_c `hdr_encode_compressed` before its compression, and Java's
/// `AbstractHistogram.encodeIntoByteBuffer`): a header of 40 bytes, big-endian, then the counts up to the last that is
/// not zero, as ZigZag LEB128; a run of zeros is its negated length.
extension LatencyHistogram {
    package static let encodingCookie: UInt32 = 0x1c84_9303
    package static let compressedCookie: UInt32 = 0x1c84_9304
    /// Set beside the cookie: a word of the counts is one byte or more.
    package static let wordSizeBits: UInt32 = 0x10

    private static let headerLength = 40
    /// Every count in the nine bytes that the largest takes.
    package static let encodedLimit = headerLength + 9 * layout.bucketCount
    /// Above any recording, and low enough that merging thousands of foreign histograms cannot overflow.
    private static let countLimit: UInt64 = 1 << 48

    package var encoded: [UInt8] {
        var counts: [UInt8] = []
        var next = 0
        for (index, count) in buckets {
            if index > next { ZigZag.append(-Int64(index - next), to: &counts) }
            ZigZag.append(Int64(clamping: count), to: &counts)
            next = index + 1
        }
        // An empty histogram has the count of the value 0, as HdrHistogram_c writes it.
        if next == 0 { ZigZag.append(-1, to: &counts) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headerLength + counts.count)
        BigEndian.append(Self.encodingCookie | Self.wordSizeBits, to: &bytes)
        BigEndian.append(UInt32(counts.count), to: &bytes)
        BigEndian.append(UInt32(0), to: &bytes)  // normalizing index offset
        BigEndian.append(UInt32(3), to: &bytes)  // significant digits
        BigEndian.append(UInt64(1), to: &bytes)  // lowest discernible value
        BigEndian.append(UInt64(Self.highestTrackable), to: &bytes)
        BigEndian.append((1.0).bitPattern, to: &bytes)  // ratio of integer to double values
        return bytes + counts
    }

    /// Foreign bytes never trap. Counts are exact; mean and maximum are those of the buckets. What was recorded with
    /// another unit or number of digits counts with the lowest value of its bucket, as in `hdr_add`.
    package init(encoded bytes: [UInt8]) throws(HistogramFormatError) {
        self.init()
        guard let cookie = BigEndian.word(bytes, at: 0) else { throw .cutOff }
        guard cookie & ~0xf0 == Self.encodingCookie else { throw .cookie(cookie) }
        guard bytes.count >= Self.headerLength, let length = BigEndian.word(bytes, at: 4),
            let offset = BigEndian.word(bytes, at: 8), let digits = BigEndian.word(bytes, at: 12),
            let unit = BigEndian.doubleWord(bytes, at: 16), Int(length) <= bytes.count - Self.headerLength
        else { throw .cutOff }
        guard offset == 0,
            let layout = HistogramLayout(
                digits: Int(digits), unit: Int64(bitPattern: unit), highest: Self.highestTrackable)
        else {
            throw .layout(digits: Int(digits), unit: Int64(bitPattern: unit), offset: Int(offset))
        }
        var position = Self.headerLength
        let end = position + Int(length)
        let bucketCount = layout.bucketCount
        var index = 0
        while position < end {
            guard let number = ZigZag.read(bytes[position..<end], &position) else { throw .cutOff }
            if number < 0 {
                guard number.magnitude <= UInt64(bucketCount - index) else { throw .countsBeyondRange }
                index += Int(number.magnitude)
            } else {
                guard index < bucketCount else { throw .countsBeyondRange }
                guard UInt64(number) <= Self.countLimit - count else { throw .countTooLarge }
                if number > 0 {
                    record(UInt64(number), at: Self.layout.index(of: layout.values(at: index).lowerBound))
                }
                index += 1
            }
        }
    }
}

/// Big-endian integers in byte arrays.
package enum BigEndian {
    package static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    package static func word(_ bytes: [UInt8], at position: Int) -> UInt32? {
        guard position >= 0, position + 4 <= bytes.count else { return nil }
        return bytes[position..<position + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    static func doubleWord(_ bytes: [UInt8], at position: Int) -> UInt64? {
        guard let high = word(bytes, at: position), let low = word(bytes, at: position + 4) else { return nil }
        return UInt64(high) << 32 | UInt64(low)
    }
}

/// Signed numbers as HdrHistogram packs them: ZigZag, then LEB128 whose ninth byte, if there is one, holds eight bits.
enum ZigZag {
    static func append(_ number: Int64, to bytes: inout [UInt8]) {
        var rest = UInt64(bitPattern: number << 1 ^ number >> 63)
        for _ in 0..<8 {
            guard rest >= 0x80 else { break }
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Moves `position` behind the number; nil when the bytes end within it.
    static func read(_ bytes: ArraySlice<UInt8>, _ position: inout Int) -> Int64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < bytes.endIndex {
            let byte = bytes[position]
            position += 1
            if shift == 56 || byte < 0x80 {
                value |= UInt64(byte) << shift
                return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
            }
            value |= UInt64(byte & 0x7f) << shift
            shift += 7
        }
        return nil
    }
}
