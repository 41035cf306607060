import Compression
import Wire

/// One whole HTTP/1 message as captured (RFC 9112): where its parts stand. Making one keeps the bytes and copies none.
package struct HTTPMessageView: Sendable {
    package struct Field: Sendable {
        package let name: Range<Int>
        /// Without the blanks around it; a folded value holds its line ends.
        package let value: Range<Int>
        /// With its line end.
        package let line: Range<Int>
    }

    package let bytes: [UInt8]
    /// Without its line end.
    package let startLine: Range<Int>
    private let fieldsStart: Int
    /// Behind the empty line.
    package let bodyStart: Int

    /// Nil when the header section has no end.
    package init?(_ bytes: [UInt8]) {
        let span = bytes.span
        guard let first = span.firstIndex(of: 0x0a) else { return nil }
        self.bytes = bytes
        startLine = 0..<(first > 0 && bytes[first - 1] == 0x0d ? first - 1 : first)
        fieldsStart = first + 1
        var position = first + 1
        while true {
            guard let end = span.firstIndex(of: 0x0a, from: position) else { return nil }
            defer { position = end + 1 }
            if end == position || end == position + 1 && bytes[position] == 0x0d {
                bodyStart = end + 1
                return
            }
        }
    }

    package var bodyRange: Range<Int> { bodyStart..<bytes.count }

    /// The `index`th word of the start line: method and target, or version and status.
    package func word(_ index: Int) -> Range<Int> {
        var start = startLine.lowerBound
        for _ in 0..<index {
            guard let blank = bytes.firstIndex(of: 0x20, in: start..<startLine.upperBound) else {
                return startLine.upperBound..<startLine.upperBound
            }
            start = blank + 1
        }
        return start..<(bytes.firstIndex(of: 0x20, in: start..<startLine.upperBound) ?? startLine.upperBound)
    }

    /// Of a reply; 0 when there is none.
    package var status: Int {
        let word = word(1)
        guard word.count == 3 else { return 0 }
        var value = 0
        for byte in bytes[word] {
            guard byte.isDigit else { return 0 }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// Calls `visit` with every field in turn. Lines without a colon are passed over.
    package func forEachField(_ visit: (Field) -> Void) {
        var position = fieldsStart
        while position < bodyStart, let first = bytes.firstIndex(of: 0x0a, in: position..<bodyStart) {
            var feed = first
            let start = position
            if feed - start <= 1, feed == start || bytes[start] == 0x0d { return }
            // A line that begins with a blank goes on with the value before (RFC 9112, section 5.2).
            while feed + 1 < bodyStart, bytes[feed + 1] == 0x20 || bytes[feed + 1] == 0x09,
                let next = bytes.firstIndex(of: 0x0a, in: feed + 1..<bodyStart)
            {
                feed = next
            }
            position = feed + 1
            guard let colon = bytes.firstIndex(of: 0x3a, in: start..<feed) else { continue }
            visit(
                Field(
                    name: bytes.trimmed(start..<colon), value: bytes.trimmed(colon + 1..<feed), line: start..<feed + 1))
        }
    }

    /// The first field of that name, which is given in lower case.
    package func field(_ name: StaticString) -> Field? {
        var found: Field?
        forEachField { if found == nil, bytes.equals(name, $0.name) { found = $0 } }
        return found
    }

    private func names(_ word: StaticString, in name: StaticString) -> Bool {
        field(name).map { bytes.contains(word, $0.value) } ?? false
    }

    package var isChunked: Bool { names("chunked", in: "transfer-encoding") }

    /// What the body is, as far as it is looked into.
    package enum Kind: Sendable { case json, html, form, text, other }

    package var kind: Kind {
        guard let field = field("content-type") else { return .other }
        let end = bytes.firstIndex(of: 0x3b, in: field.value) ?? field.value.upperBound
        let type = bytes.trimmed(field.value.lowerBound..<end)
        if bytes.equals("application/x-www-form-urlencoded", type) { return .form }
        // Also `application/problem+json` and its like (RFC 6839).
        if bytes.contains("json", type) { return .json }
        if bytes.contains("html", type) { return .html }
        if bytes.contains("text/", type) || bytes.contains("xml", type) || bytes.contains("javascript", type) {
            return .text
        }
        return .other
    }
}

extension HTTPMessageView {
    /// A body as its sender meant it.
    package struct Body: Sendable {
        /// The bytes that hold it: the message's own unless a coding was undone.
        package let bytes: [UInt8]
        package let range: Range<Int>
        /// A content coding is left on it that cannot be undone here, such as br, or it is damaged or too long.
        package let isOpaque: Bool
    }

    /// The body without its transfer and content codings. Never makes more than `limit` bytes; what would be longer stays
    /// coded and is opaque.
    package func body(limit: Int) -> Body {
        var whole = bytes
        var range = bodyRange
        var isDamaged = false
        if isChunked {
            if let content = unchunked() {
                whole = content.body
                range = 0..<whole.count
            } else {
                isDamaged = true
            }
        }
        guard !isDamaged, let coding = field("content-encoding")?.value, !bytes.equals("identity", coding) else {
            return Body(bytes: whole, range: range, isOpaque: isDamaged)
        }
        if range.isEmpty { return Body(bytes: whole, range: range, isOpaque: false) }
        let isGzip = bytes.equals("gzip", coding) || bytes.equals("x-gzip", coding)
        guard isGzip || bytes.equals("deflate", coding) else { return Body(bytes: whole, range: range, isOpaque: true) }
        var content = try? Zlib.inflate(whole[range], .gzipOrZlib, limit: limit)
        // What is called deflate has no frame with some senders (RFC 9110, section 8.4.1.2).
        if content == nil, !isGzip { content = try? Zlib.inflate(whole[range], .raw, limit: limit) }
        guard let content else { return Body(bytes: whole, range: range, isOpaque: true) }
        return Body(bytes: content, range: 0..<content.count, isOpaque: false)
    }

    /// The content of the chunks, and where the trailers and the empty line behind them stand; nil when it is damaged.
    func unchunked() -> (body: [UInt8], trailers: Range<Int>)? {
        var content: [UInt8] = []
        var position = bodyStart
        while let feed = bytes.firstIndex(of: 0x0a, in: position..<bytes.count) {
            var size = 0
            var index = position
            while index < feed, let digit = bytes[index].hexadecimalDigit {
                size = size << 4 | Int(digit)
                index += 1
                guard size <= bytes.count else { return nil }
            }
            guard index > position else { return nil }
            position = feed + 1
            if size == 0 { return (content, position..<bytes.count) }
            guard size <= bytes.count - position else { return nil }
            content += bytes[position..<position + size]
            position += size
            guard let end = bytes.firstIndex(of: 0x0a, in: position..<bytes.count), end - position <= 1 else {
                return nil
            }
            position = end + 1
        }
        return nil
    }
}
