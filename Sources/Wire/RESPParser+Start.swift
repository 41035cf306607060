import Model

extension RESPParser {
    /// A number as lengths, counts and integers are written ("Integers"); nil for anything else, also what is too large.
    static func integer(_ text: Span<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        let isNegative = text[0] == 0x2d
        let start = isNegative || text[0] == 0x2b ? 1 : 0
        guard start < text.count, text.count <= 20 else { return nil }
        // The least number has no positive counterpart.
        var value = 0
        for index in start..<text.count {
            guard text[index] >= 0x30, text[index] <= 0x39 else { return nil }
            let (tens, overflows) = value.multipliedReportingOverflow(by: 10)
            let (next, overflowsToo) = tens.subtractingReportingOverflow(Int(text[index] - 0x30))
            if overflows || overflowsToo { return nil }
            value = next
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// Whether `bytes` can be the start of a message: used to find a boundary in a connection seen from its middle, or
    /// after a loss. Of inline commands only those that are known: any text could be one.
    static func canStart(_ role: Role, _ bytes: Span<UInt8>) -> Bool {
        switch role {
        case .commands: arrayStart(bytes) != .no || RedisCommand.isKnownInline(bytes)
        case .replies: isReplyStart(bytes)
        }
    }

    enum ArrayStart { case no, soFar, whole }

    /// Whether the bytes begin as `*3\r\n$` does, as far as they go; at least a digit must be there.
    static func arrayStart(_ bytes: Span<UInt8>) -> ArrayStart {
        guard bytes.count >= 2, bytes[0] == 0x2a, bytes[1] >= 0x31, bytes[1] <= 0x39 else { return .no }
        var index = 2
        while index < bytes.count, index <= 10, bytes[index] >= 0x30, bytes[index] <= 0x39 { index += 1 }
        for expected: UInt8 in [0x0d, 0x0a, 0x24] {
            guard index < bytes.count else { return .soFar }
            guard bytes[index] == expected else { return .no }
            index += 1
        }
        return .whole
    }

    private static func isReplyStart(_ bytes: Span<UInt8>) -> Bool {
        guard let type = bytes.isEmpty ? nil : bytes[0] else { return false }
        switch type {
        case 0x2b, 0x2d: return true  // + -
        case 0x5f: return bytes.count == 1 || bytes[1] == 0x0d  // _
        case 0x23: return bytes.count == 1 || bytes[1] == 0x74 || bytes[1] == 0x66  // #
        case 0x2c: return bytes.count == 1 || isNumberStart(bytes[1]) || bytes[1] == 0x69 || bytes[1] == 0x6e  // ,
        case 0x3a, 0x24, 0x2a, 0x28, 0x21, 0x3d, 0x25, 0x7e, 0x7c, 0x3e:  // : $ * ( ! = % ~ | >
            return bytes.count == 1 || isNumberStart(bytes[1]) || bytes[1] == 0x3f
        default: return false
        }
    }

    private static func isNumberStart(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte == 0x2d || byte == 0x2b
    }
}

extension Passage {
    static let nothing = Passage(firstByte: .distantPast, lastByte: .distantPast, byteCount: 0)
}
