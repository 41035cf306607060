/// A statement without its values: what two executions of the same line of a program have in common.
package enum SQLTemplate {
    /// Replaces quoted texts and numbers by `?`. Names in double quotes and `$1` stay; comments stay as they are part of
    /// the statement's text.
    package static func of(_ sql: String) -> String {
        var result: [UInt8] = []
        let bytes = Array(sql.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x27 {  // '
                index += 1
                while index < bytes.count {
                    if bytes[index] == 0x27 {
                        // A doubled quote is a quote inside the text.
                        guard index + 1 < bytes.count, bytes[index + 1] == 0x27 else { break }
                        index += 1
                    }
                    index += 1
                }
                index += 1
                result.append(0x3f)
            } else if byte == 0x22 {  // "
                repeat {
                    result.append(bytes[index])
                    index += 1
                } while index < bytes.count && bytes[index] != 0x22
                if index < bytes.count {
                    result.append(0x22)
                    index += 1
                }
            } else if isDigit(byte), !(result.last.map(isWord) ?? false) {
                while index < bytes.count, isDigit(bytes[index]) || bytes[index] == 0x2e { index += 1 }
                result.append(0x3f)
            } else {
                result.append(byte)
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The first word in upper case, behind comments and brackets; empty when there is none.
    package static func verb(of sql: String) -> String {
        var rest = sql.utf8[...]
        while let first = rest.first {
            if rest.starts(with: "/*".utf8) {
                // A comment that is not closed has nothing behind it.
                guard let end = rest.indices.dropFirst(2).first(where: { rest[$0...].starts(with: "*/".utf8) }) else {
                    return ""
                }
                rest = rest[end...].dropFirst(2)
            } else if rest.starts(with: "--".utf8) {
                rest = rest.drop { $0 != 0x0a }
            } else if isLetter(first) {
                break
            } else {
                rest = rest.dropFirst()
            }
        }
        return String(decoding: rest.prefix(32).prefix(while: isLetter), as: UTF8.self).uppercased()
    }

    /// One statement, not several in a text; what looks like several may be one with a semicolon in a value.
    static func isSingle(_ sql: String) -> Bool {
        sql.utf8.drop { $0 != 0x3b }.dropFirst().allSatisfy { $0 <= 0x20 }
    }

    /// Whether a ROLLBACK ends the transaction, and not only goes back to a savepoint.
    static func endsTransaction(_ sql: String) -> Bool {
        !sql.uppercased().split { !($0.isLetter || $0 == "_") }.contains("TO")
    }

    private static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Digits behind these belong to a name (`t1`) or a parameter (`$1`).
    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a || byte == 0x5f || byte == 0x24
            || byte >= 0x80
    }
}
