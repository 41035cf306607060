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

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Digits behind these belong to a name (`t1`) or a parameter (`$1`).
    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a || byte == 0x5f || byte == 0x24
            || byte >= 0x80
    }
}
