/// Parts of a text that become others, in the order in which they stand.
struct ByteEdits: Sendable {
    private var list: [(range: Range<Int>, bytes: [UInt8])] = []

    var count: Int { list.count }
    var isEmpty: Bool { list.isEmpty }

    /// Parts that overlap one that is taken already, or stand before it, are passed over: a text that was read strangely
    /// is better left alone.
    mutating func replace(_ range: Range<Int>, by bytes: [UInt8]) {
        guard range.lowerBound >= list.last?.range.upperBound ?? 0 else { return }
        list.append((range, bytes))
    }

    func applied(to bytes: [UInt8], _ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(list.reduce(range.count) { $0 + $1.bytes.count - $1.range.count })
        var position = range.lowerBound
        for edit in list where edit.range.lowerBound >= position && edit.range.upperBound <= range.upperBound {
            result += bytes[position..<edit.range.lowerBound]
            result += edit.bytes
            position = edit.range.upperBound
        }
        result += bytes[position..<range.upperBound]
        return result
    }
}

extension HTTPMessageView {
    /// The message with changed parts of its head, and with another body when one is given. Content-Length follows the
    /// body; a chunked body becomes one chunk, with the trailers as they were.
    ///
    /// A body goes out as it is given: the caller leaves alone what has a content coding.
    func rewritten(head: ByteEdits, body: [UInt8]?) -> [UInt8] {
        var edits = head
        guard let body else { return edits.applied(to: bytes, 0..<bytes.count) }
        if isChunked, let trailers = unchunked()?.trailers {
            var result = edits.applied(to: bytes, 0..<bodyStart)
            if !body.isEmpty {
                result += Array(String(body.count, radix: 16).utf8) + [0x0d, 0x0a] + body + [0x0d, 0x0a]
            }
            return result + [0x30, 0x0d, 0x0a] + bytes[trailers]
        }
        var lengths = ByteEdits()
        forEachField {
            if bytes.equals("content-length", $0.name) { lengths.replace($0.value, by: Array(String(body.count).utf8)) }
        }
        edits.merge(lengths)
        return edits.applied(to: bytes, 0..<bodyStart) + body
    }
}

extension ByteEdits {
    fileprivate mutating func merge(_ other: ByteEdits) {
        guard !other.list.isEmpty else { return }
        let merged = (list + other.list).sorted { $0.range.lowerBound < $1.range.lowerBound }
        list = []
        for edit in merged { replace(edit.range, by: edit.bytes) }
    }
}

/// Writes a value in the coding of its place.
enum ValueEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// `value` where `old` stood. What RFC 3986 leaves free is written as it is, and so is what `old` left unescaped.
    static func encode(_ value: [UInt8], _ coding: ValueCoding, like old: ArraySlice<UInt8>) -> [UInt8] {
        switch coding {
        case .plain, .references: value
        case .percent: percentEncoded(value, like: old, blank: nil)
        case .form: percentEncoded(value, like: old, blank: old.contains(0x25) && !old.contains(0x2b) ? nil : 0x2b)
        case .json: jsonEscaped(value)
        }
    }

    private static func percentEncoded(_ value: [UInt8], like old: ArraySlice<UInt8>, blank: UInt8?) -> [UInt8] {
        var result: [UInt8] = []
        for byte in value {
            let isFree = byte.isDigit || byte.isLetter || "-._~".utf8.contains(byte)
            // These separate parts, or would be read as something else.
            let isReserved = byte <= 0x20 || byte >= 0x7f || "%&+#?;\"<>".utf8.contains(byte)
            if isFree || !isReserved && old.contains(byte) {
                result.append(byte)
            } else if byte == 0x20, let blank {
                result.append(blank)
            } else {
                result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return result
    }

    private static func jsonEscaped(_ value: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for byte in value {
            if byte == 0x22 || byte == 0x5c {
                result += [0x5c, byte]
            } else if byte < 0x20 {
                result += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
