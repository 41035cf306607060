/// Takes the literals out of SQL statements: `'secret'` becomes `'xxxxxx'` and 1234 becomes 0000.
struct SQLRedaction: Sendable {
    /// A backslash in a text takes the next character's meaning (MySQL; PostgreSQL only in E'…').
    private let escapes: Bool
    /// "…" is a text (MySQL, unless in ANSI mode) and not a name.
    private let quotesTexts: Bool

    static let postgresql = SQLRedaction(escapes: false, quotesTexts: false)
    static let mysql = SQLRedaction(escapes: true, quotesTexts: true)

    func redact(_ text: inout Filler, _ range: Range<Int>) {
        var position = range.lowerBound
        let end = range.upperBound
        while position < end {
            let byte = text[position]
            switch byte {
            case 0x27: position = quoted(&text, position, end)
            case 0x22 where quotesTexts: position = quoted(&text, position, end)
            case 0x22, 0x60:
                // A name.
                position = (text.firstIndex(of: byte, from: position + 1, to: end) ?? end - 1) + 1
            case 0x24 where !quotesTexts: position = dollar(&text, position, end)
            case 0x2d where position + 1 < end && text[position + 1] == 0x2d:
                position = line(&text, position, end, mark: 2)
            case 0x23 where quotesTexts: position = line(&text, position, end, mark: 1)
            case 0x2f where position + 1 < end && text[position + 1] == 0x2a: position = comment(&text, position, end)
            case _ where byte.isDigit: position = number(&text, position, end)
            case _ where Self.isWord(byte):
                while position < end, Self.isWord(text[position]) { position += 1 }
            default: position += 1
            }
        }
    }

    /// Digits behind these belong to a name (`t1`) or a parameter (`$1`).
    private static func isWord(_ byte: UInt8) -> Bool {
        byte.isDigit || byte.isLetter || byte == 0x5f || byte == 0x24 || byte >= 0x80
    }

    /// Fills up to the quote that ends the text, or to the end; gives the place behind.
    private func quoted(_ text: inout Filler, _ start: Int, _ end: Int) -> Int {
        let quote = text[start]
        let prefix = start > 0 ? text[start - 1] | 0x20 : 0
        let isPrefix = start > 0 && (start < 2 || !Self.isWord(text[start - 2]))
        let escapes = escapes || isPrefix && prefix == 0x65  // E'…'
        var position = start + 1
        while position < end {
            if text[position] == quote {
                guard position + 1 < end, text[position + 1] == quote else { break }
                position += 1
            } else if escapes, text[position] == 0x5c {
                position += 1
            }
            position += 1
        }
        // X'…' and B'…' hold digits.
        let digits = isPrefix && (prefix == 0x78 || prefix == 0x62)
        text.fill(start + 1..<min(position, end), with: digits ? 0x30 : 0x78)
        return position + 1
    }

    /// $tag$…$tag$, or a parameter such as $1.
    private func dollar(_ text: inout Filler, _ start: Int, _ end: Int) -> Int {
        var position = start + 1
        while position < end, text[position] != 0x24, Self.isWord(text[position]) { position += 1 }
        guard position < end, text[position] == 0x24, position == start + 1 || !text[start + 1].isDigit else {
            return position
        }
        let tag = Array(text.bytes[start...position])
        let content = position + 1
        var close = content
        while close + tag.count <= end {
            if text[close] == 0x24, text.bytes[close..<close + tag.count].elementsEqual(tag) {
                text.fill(content..<close)
                return close + tag.count
            }
            close += 1
        }
        text.fill(content..<end)
        return end
    }

    /// A comment may hold values too (what libraries add, what people switch off): it is filled like a text.
    private func line(_ text: inout Filler, _ start: Int, _ end: Int, mark: Int) -> Int {
        let feed = text.firstIndex(of: 0x0a, from: start, to: end) ?? end
        text.fill(min(start + mark, feed)..<feed)
        return feed
    }

    private func comment(_ text: inout Filler, _ start: Int, _ end: Int) -> Int {
        // MySQL runs what stands in /*! … */.
        if quotesTexts, start + 2 < end, text[start + 2] == 0x21 { return start + 3 }
        var depth = 1
        var position = start + 2
        while position < end {
            if position + 1 < end, text[position] == 0x2a, text[position + 1] == 0x2f {
                depth -= 1
                position += 2
                if depth == 0 {
                    text.fill(start + 2..<position - 2)
                    return position
                }
            } else if !quotesTexts, position + 1 < end, text[position] == 0x2f, text[position + 1] == 0x2a {
                depth += 1
                position += 2
            } else {
                position += 1
            }
        }
        text.fill(start + 2..<end)
        return end
    }

    private func number(_ text: inout Filler, _ start: Int, _ end: Int) -> Int {
        var position = start
        if text[start] == 0x30, start + 1 < end, "xXbBoO".utf8.contains(text[start + 1]) {
            position += 2
            while position < end, text[position].isDigit || text[position].isLetter {
                text.fill(position..<position + 1, with: 0x30)
                position += 1
            }
            return position
        }
        while position < end {
            let byte = text[position]
            if byte.isDigit {
                text.fill(position..<position + 1, with: 0x30)
            } else if byte | 0x20 == 0x65, position + 1 < end, "+-0123456789".utf8.contains(text[position + 1]) {
                position += 1
                if text[position].isDigit { text.fill(position..<position + 1, with: 0x30) }
            } else if byte != 0x2e {
                break
            }
            position += 1
        }
        return position
    }
}
