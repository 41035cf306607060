// Where values stand in URLs, forms and cookies. The scanners find places and decode nothing; each looks at a byte a
// bounded number of times.

/// A value in a text, with what names it.
struct FoundValue: Sendable {
    enum Kind: Sendable {
        /// A path segment; the name is the segment before it.
        case segment
        case parameter
    }

    let kind: Kind
    let name: Range<Int>
    let value: Range<Int>
    let coding: ValueCoding
}

/// URLs, whole and relative (RFC 3986).
enum URLScanner {
    /// Segments of the path, their parameters such as `;jsessionid=…`, and the query's.
    static func forEachValue(_ bytes: [UInt8], _ range: Range<Int>, _ visit: (FoundValue) -> Void) {
        guard let start = pathStart(bytes, range) else { return }
        let end = bytes.firstIndex(of: 0x23, in: start..<range.upperBound) ?? range.upperBound
        let pathEnd = bytes.firstIndex(of: 0x3f, in: start..<end) ?? end
        var position = start
        var before = start..<start
        while position < pathEnd {
            let segmentEnd = bytes.firstIndex(of: 0x2f, in: position..<pathEnd) ?? pathEnd
            let plainEnd = bytes.firstIndex(of: 0x3b, in: position..<segmentEnd) ?? segmentEnd
            if plainEnd > position {
                visit(FoundValue(kind: .segment, name: before, value: position..<plainEnd, coding: .percent))
                before = position..<plainEnd
            }
            if plainEnd < segmentEnd {
                pairs(bytes, plainEnd + 1..<segmentEnd, separator: 0x3b) {
                    visit(FoundValue(kind: .parameter, name: $0, value: $1, coding: .percent))
                }
            }
            position = segmentEnd + 1
        }
        if pathEnd < end { parameters(bytes, pathEnd + 1..<end, visit) }
    }

    /// Of a query or a body of application/x-www-form-urlencoded.
    static func parameters(_ bytes: [UInt8], _ range: Range<Int>, _ visit: (FoundValue) -> Void) {
        pairs(bytes, range, separator: 0x26) {
            visit(FoundValue(kind: .parameter, name: $0, value: $1, coding: .form))
        }
    }

    /// Of a Cookie header (RFC 6265, section 4.2.1). A value is taken as it is.
    static func cookies(_ bytes: [UInt8], _ range: Range<Int>, _ visit: (FoundValue) -> Void) {
        pairs(bytes, range, separator: 0x3b) {
            visit(FoundValue(kind: .parameter, name: bytes.trimmed($0), value: bytes.trimmed($1), coding: .plain))
        }
    }

    /// `name=value` between separators; what has no equals sign is a value without a name.
    private static func pairs(
        _ bytes: [UInt8], _ range: Range<Int>, separator: UInt8, _ visit: (Range<Int>, Range<Int>) -> Void
    ) {
        var position = range.lowerBound
        while position < range.upperBound {
            let end = bytes.firstIndex(of: separator, in: position..<range.upperBound) ?? range.upperBound
            if let equals = bytes.firstIndex(of: 0x3d, in: position..<end) {
                visit(position..<equals, equals + 1..<end)
            } else if end > position {
                visit(position..<position, position..<end)
            }
            position = end + 1
        }
    }

    /// Behind scheme and authority; nil for what has no path, such as `mailto:`.
    private static func pathStart(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var start = range.lowerBound
        var position = start
        while position < range.upperBound, !"/?#:".utf8.contains(bytes[position]) { position += 1 }
        if position < range.upperBound, bytes[position] == 0x3a {
            guard bytes.matches("//", at: position + 1, range.upperBound) else { return nil }
            start = position + 1
        }
        guard bytes.matches("//", at: start, range.upperBound) else { return start }
        start += 2
        while start < range.upperBound, !"/?#".utf8.contains(bytes[start]) { start += 1 }
        return start
    }

    /// Whether a decoded value is a URL that is worth looking into: a place on this host, or one with a scheme.
    static func canStart(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        bytes.matches("/", at: range.lowerBound, range.upperBound)
            || bytes.matches("http://", at: range.lowerBound, range.upperBound)
            || bytes.matches("https://", at: range.lowerBound, range.upperBound)
    }
}
