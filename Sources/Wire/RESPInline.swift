/// Inline commands: a line of words as one types them (Redis serialization protocol specification, "Inline commands").
enum RESPInline {
    /// Splits the line, without its end, into arguments, with the quotes and escapes of `redis-cli`. False when a quote
    /// is not closed or is followed by more: the server answers that with an error, and closes.
    static func split(_ line: Span<UInt8>, into gist: inout RESPGist) -> Bool {
        var position = 0
        while true {
            while position < line.count, isSpace(line[position]) { position += 1 }
            guard position < line.count else { return true }
            gist.begin()
            let isWhole = word(line, from: &position, into: &gist)
            gist.end()
            if !isWhole { return false }
        }
    }

    private static func word(_ line: Span<UInt8>, from position: inout Int, into gist: inout RESPGist) -> Bool {
        while position < line.count, !isSpace(line[position]) {
            let byte = line[position]
            if byte == doubleQuote || byte == singleQuote {
                position += 1
                return quoted(line, byte, from: &position, into: &gist)
            }
            gist.add(byte: byte)
            position += 1
        }
        return true
    }

    /// A closing quote ends the word.
    private static func quoted(
        _ line: Span<UInt8>, _ quote: UInt8, from position: inout Int, into gist: inout RESPGist
    ) -> Bool {
        while position < line.count {
            let byte = line[position]
            position += 1
            if byte == quote { return position == line.count || isSpace(line[position]) }
            var taken = byte
            if byte == backslash, position < line.count {
                if quote == doubleQuote {
                    taken = escaped(line, from: &position)
                } else if line[position] == singleQuote {
                    taken = singleQuote
                    position += 1
                }
            }
            gist.add(byte: taken)
        }
        return false
    }

    /// What stands for the escape behind a backslash.
    private static func escaped(_ line: Span<UInt8>, from position: inout Int) -> UInt8 {
        let byte = line[position]
        position += 1
        switch byte {
        case 0x6e: return 0x0a
        case 0x72: return 0x0d
        case 0x74: return 0x09
        case 0x62: return 0x08
        case 0x61: return 0x07
        case 0x78:
            guard position + 1 < line.count, let high = hex(line[position]), let low = hex(line[position + 1]) else {
                return byte
            }
            position += 2
            return high << 4 | low
        default: return byte
        }
    }

    private static let doubleQuote: UInt8 = 0x22
    private static let singleQuote: UInt8 = 0x27
    private static let backslash: UInt8 = 0x5c

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0d }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
