import Wire

/// How a value is written at the place where it stands.
enum ValueCoding: Sendable {
    case plain
    /// `%41` (RFC 3986, section 2.1): path segments.
    case percent
    /// The same with `+` for a blank (WHATWG URL, application/x-www-form-urlencoded): queries and forms.
    case form
    /// Inside the quotes of a JSON string (RFC 8259, section 7).
    case json
    /// Character references of HTML, numeric and the five that servers write to escape.
    case references
}

/// A value without its coding, a byte at a time, so that it can be hashed and compared where it stands. What is not well
/// coded is given as it is.
struct DecodedBytes: Sequence, IteratorProtocol, Sendable {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int
    private let coding: ValueCoding
    /// The rest of a character that was written as one reference, the next byte lowest.
    private var pending: UInt32 = 0

    init(_ bytes: [UInt8], _ range: Range<Int>, _ coding: ValueCoding) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
        self.coding = coding
    }

    mutating func next() -> UInt8? {
        if pending != 0 {
            defer { pending >>= 8 }
            return UInt8(truncatingIfNeeded: pending)
        }
        guard position < end else { return nil }
        let byte = bytes[position]
        position += 1
        switch (coding, byte) {
        case (.percent, 0x25), (.form, 0x25):
            guard let value = hexadecimal(position, 2) else { return byte }
            position += 2
            return UInt8(truncatingIfNeeded: value)
        case (.form, 0x2b): return 0x20
        case (.json, 0x5c): return escaped()
        case (.references, 0x26): return reference() ?? byte
        default: return byte
        }
    }

    private func hexadecimal(_ start: Int, _ count: Int) -> UInt32? {
        guard start + count <= end else { return nil }
        var value: UInt32 = 0
        for index in start..<start + count {
            guard let digit = bytes[index].hexadecimalDigit else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    private mutating func escaped() -> UInt8 {
        guard position < end else { return 0x5c }
        let byte = bytes[position]
        position += 1
        switch byte {
        case 0x62: return 0x08
        case 0x66: return 0x0c
        case 0x6e: return 0x0a
        case 0x72: return 0x0d
        case 0x74: return 0x09
        case 0x75:
            guard var value = hexadecimal(position, 4) else { return byte }
            position += 4
            if value & 0xfc00 == 0xd800, position + 6 <= end, bytes[position] == 0x5c, bytes[position + 1] == 0x75,
                let low = hexadecimal(position + 2, 4), low & 0xfc00 == 0xdc00
            {
                value = 0x10000 + (value & 0x3ff) << 10 + low & 0x3ff
                position += 6
            }
            return give(value)
        default: return byte
        }
    }

    private static let named: [(StaticString, UInt8)] = [
        ("amp;", 0x26), ("quot;", 0x22), ("lt;", 0x3c), ("gt;", 0x3e), ("apos;", 0x27),
    ]

    private mutating func reference() -> UInt8? {
        for (name, value) in Self.named where bytes.matches(name, at: position, end) {
            position += name.utf8CodeUnitCount
            return value
        }
        guard position < end, bytes[position] == 0x23 else { return nil }
        var place = position + 1
        let isHexadecimal = place < end && bytes[place] | 0x20 == 0x78
        if isHexadecimal { place += 1 }
        var value: UInt32 = 0
        let first = place
        while place < end, place - first < 7, let digit = bytes[place].hexadecimalDigit, isHexadecimal || digit < 10 {
            value = value * (isHexadecimal ? 16 : 10) + UInt32(digit)
            place += 1
        }
        guard place > first, place < end, bytes[place] == 0x3b else { return nil }
        position = place + 1
        return give(value)
    }

    /// The first byte of the character in UTF-8; the others wait.
    private mutating func give(_ value: UInt32) -> UInt8 {
        let scalar = Unicode.Scalar(value) ?? "\u{fffd}"
        var first: UInt8?
        var shift: UInt32 = 0
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            if first == nil {
                first = byte
            } else {
                pending |= UInt32(byte) << shift
                shift += 8
            }
        }
        return first ?? 0
    }
}

extension DecodedBytes {
    /// The hash by which values are found, however they are written.
    var hash: UInt64 {
        var key = MatchingKey()
        for byte in self { key.add(byte) }
        return key.value
    }

    func equals(_ other: [UInt8]) -> Bool { elementsEqual(other) }
}

extension UInt8 {
    var hexadecimalDigit: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x37
        case 0x61...0x66: self - 0x57
        default: nil
        }
    }

    var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isLetter: Bool { self | 0x20 >= 0x61 && self | 0x20 <= 0x7a }
    var lowercased: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }
    /// Blanks and line ends, as they stand around words of headers and markup.
    var isSpace: Bool { self == 0x20 || self >= 0x09 && self <= 0x0d }
}

extension [UInt8] {
    /// Whether `text` stands at `start`, all of it before `end`.
    func matches(_ text: StaticString, at start: Int, _ end: Int) -> Bool {
        guard text.utf8CodeUnitCount <= end - start else { return false }
        return text.withUTF8Buffer { text in
            for index in text.indices where unsafe self[start + index] != text[index] { return false }
            return true
        }
    }

    /// Whether the range is `text`, which is written in lower case, in any case.
    func equals(_ text: StaticString, _ range: Range<Int>) -> Bool {
        guard text.utf8CodeUnitCount == range.count else { return false }
        return text.withUTF8Buffer { text in
            for index in text.indices
            where unsafe self[range.lowerBound + index].lowercased != text[index] {
                return false
            }
            return true
        }
    }

    /// Whether `text`, in lower case, stands somewhere in the range, in any case. For short ranges.
    func contains(_ text: StaticString, _ range: Range<Int>) -> Bool {
        let length = text.utf8CodeUnitCount
        guard range.count >= length else { return false }
        return (range.lowerBound...range.upperBound - length).contains { equals(text, $0..<$0 + length) }
    }

    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, self[start].isSpace { start += 1 }
        while end > start, self[end - 1].isSpace { end -= 1 }
        return start..<end
    }

    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        // No further than the range: a search to the end of a long body for each of its values would be quadratic.
        span.extracting(0..<range.upperBound).firstIndex(of: byte, from: range.lowerBound)
    }

    func text(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }
}
