/// A path or a key without what names one thing among many: numbers, UUIDs and hexadecimal numbers are replaced by `?`.
package enum WordTemplate {
    /// Digits that follow a letter belong to a name (`v1`), unless `insideWords` says otherwise, as keys are often made so.
    package static func of(_ bytes: Span<UInt8>, insideWords: Bool = false) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard isWord(bytes[index]) else {
                result.append(bytes[index])
                index += 1
                continue
            }
            let start = index
            while index < bytes.count, isWord(bytes[index]) { index += 1 }
            if isUUID(bytes, from: start) {
                index = start + uuidLength
                result.append(mark)
            } else if isNumber(bytes, start..<index) {
                result.append(mark)
            } else {
                append(bytes, start..<index, insideWords, to: &result)
            }
        }
        return result
    }

    private static let mark: UInt8 = 0x3f
    private static let uuidLength = 36

    private static func append(
        _ bytes: Span<UInt8>, _ word: Range<Int>, _ insideWords: Bool, to result: inout [UInt8]
    ) {
        for index in word {
            guard insideWords, isDigit(bytes[index]) else {
                result.append(bytes[index])
                continue
            }
            if result.last != mark { result.append(mark) }
        }
    }

    /// Digits only, or hexadecimal digits of which some are: no English word of eight letters looks so.
    private static func isNumber(_ bytes: Span<UInt8>, _ word: Range<Int>) -> Bool {
        var digits = 0
        for index in word {
            if isDigit(bytes[index]) { digits += 1 } else if !isHex(bytes[index]) { return false }
        }
        return digits == word.count || digits > 0 && word.count >= 8
    }

    private static func isUUID(_ bytes: Span<UInt8>, from start: Int) -> Bool {
        guard start + uuidLength <= bytes.count else { return false }
        for index in 0..<uuidLength {
            let byte = bytes[start + index]
            if [8, 13, 18, 23].contains(index) ? byte != 0x2d : !isHex(byte) { return false }
        }
        return start + uuidLength == bytes.count || !isWord(bytes[start + uuidLength])
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    private static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66 }
    private static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }
}
