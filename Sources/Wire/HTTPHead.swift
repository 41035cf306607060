/// The start line and what of the header section decides the framing of the body (RFC 9112, sections 3, 4 and 6).
/// Reads the bytes where they are and keeps none of them.
struct HTTPHead: Sendable {
    private(set) var verb = HTTPVerb.other
    private(set) var status = 0
    private(set) var isChunked = false
    private(set) var length: Int?
    /// Hash of method and target.
    private(set) var key = MatchingKey()
    /// Some transfer coding was applied; "identity" is none (RFC 2616, section 3.6).
    private var hasCoding = false

    /// `bytes` is a whole header section, the empty line included.
    init(_ bytes: Span<UInt8>, _ role: HTTPParser.Role) throws(HTTPFailure) {
        var position = bytes.lineEnd(from: 0)
        try readStart(bytes.extracting(0..<bytes.trimmed(0..<position)), role)
        while position < bytes.count {
            let start = position
            position = bytes.lineEnd(from: position)
            // A line that starts with a blank belongs to the one before (RFC 9112, section 5.2).
            while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 {
                position = bytes.lineEnd(from: position)
            }
            switch bytes[start] | 0x20 {
            case 0x63:  // c
                if let value = bytes.value(of: "content-length", start..<position) {
                    try readLength(bytes.extracting(value))
                }
            case 0x74:  // t
                if let value = bytes.value(of: "transfer-encoding", start..<position) {
                    readCodings(bytes.extracting(value))
                }
            default: break
            }
        }
        // Transfer-Encoding overrides Content-Length. Without "chunked" at its end a reply goes on to the end of the
        // connection, and a request has no end that could be known.
        guard hasCoding else { return }
        length = nil
        if !isChunked, role == .requests { throw .malformed("a request whose Transfer-Encoding is not chunked") }
    }

    private mutating func readStart(_ line: Span<UInt8>, _ role: HTTPParser.Role) throws(HTTPFailure) {
        let first = line.word(from: 0)
        let second = line.word(from: first.upperBound)
        switch role {
        case .requests:
            let third = line.word(from: second.upperBound)
            guard !second.isEmpty, line.extracting(third.lowerBound..<line.count).starts(with: "HTTP/1.") else {
                throw .malformed("a request line that is not HTTP/1")
            }
            let method = line.extracting(first)
            verb =
                method.count == 4 && method.starts(with: "HEAD")
                ? .head : method.count == 7 && method.starts(with: "CONNECT") ? .connect : .other
            key.add(method)
            key.add(0x20)
            key.add(line.extracting(second))
        case .replies:
            guard line.extracting(first).starts(with: "HTTP/1."), second.count == 3 else {
                throw .malformed("a status line that is not HTTP/1")
            }
            for index in second {
                let digit = line[index] &- 0x30
                guard digit < 10 else { throw .malformed("a status line that is not HTTP/1") }
                status = status * 10 + Int(digit)
            }
            guard status >= 100 else { throw .malformed("a status line that is not HTTP/1") }
        }
    }

    /// A list of equal values is one value; anything else is smuggling.
    private mutating func readLength(_ value: Span<UInt8>) throws(HTTPFailure) {
        var position = 0
        while let item = value.item(from: &position) {
            var number = 0
            for index in item {
                let digit = value[index] &- 0x30
                let (tens, high) = number.multipliedReportingOverflow(by: 10)
                let (sum, carry) = tens.addingReportingOverflow(Int(digit))
                guard digit < 10, !high, !carry else { throw .malformed("a Content-Length that is not one number") }
                number = sum
            }
            guard !item.isEmpty, length == nil || length == number else {
                throw .malformed("a Content-Length that is not one number")
            }
            length = number
        }
    }

    private mutating func readCodings(_ value: Span<UInt8>) {
        var position = 0
        while let item = value.item(from: &position) {
            if item.isEmpty || value.equals("identity", item) { continue }
            hasCoding = true
            isChunked = value.equals("chunked", item)
        }
    }
}

extension Span<UInt8> {
    /// Just behind the line feed that ends the line at `start`, or the end.
    fileprivate func lineEnd(from start: Int) -> Int { firstIndex(of: 0x0a, from: start).map { $0 + 1 } ?? count }

    /// The upper end of `line` without its line end.
    fileprivate func trimmed(_ line: Range<Int>) -> Int {
        var end = line.upperBound
        if end > line.lowerBound, self[end - 1] == 0x0a { end -= 1 }
        if end > line.lowerBound, self[end - 1] == 0x0d { end -= 1 }
        return end
    }

    /// The next run without spaces.
    fileprivate func word(from start: Int) -> Range<Int> {
        var first = start
        while first < count, self[first] == 0x20 { first += 1 }
        let end = firstIndex(of: 0x20, from: first) ?? count
        return first..<end
    }

    /// What stands behind `name:` when the line has that name, in any case.
    fileprivate func value(of name: StaticString, _ line: Range<Int>) -> Range<Int>? {
        let colon = line.lowerBound + name.utf8CodeUnitCount
        guard colon < line.upperBound, self[colon] == 0x3a, equals(name, line.lowerBound..<colon) else { return nil }
        return colon + 1..<line.upperBound
    }

    /// Whether the bytes in `range` are `name`, which is written in lower case.
    fileprivate func equals(_ name: StaticString, _ range: Range<Int>) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { text in
            for index in text.indices {
                let byte = self[range.lowerBound + index]
                let lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
                if unsafe lower != text[index] { return false }
            }
            return true
        }
    }

    /// The next element of a comma-separated list, without the blanks around it; nil behind the last.
    fileprivate func item(from position: inout Int) -> Range<Int>? {
        guard position <= count else { return nil }
        var start = position
        var end = firstIndex(of: 0x2c, from: position) ?? count
        position = end + 1
        while start < end, isBlank(self[start]) { start += 1 }
        while end > start, isBlank(self[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Blanks, and the line ends of folded lines.
    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a }
}
