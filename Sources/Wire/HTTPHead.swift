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

    /// Reads the header section that begins at `start`; nil while its empty line has not come. `end` is just behind it.
    static func read(
        _ bytes: Span<UInt8>, from start: Int, _ role: HTTPParser.Role
    ) throws(HTTPFailure) -> (head: HTTPHead, end: Int)? {
        // Of what does not begin as a reply no empty line need ever come.
        if role == .replies, start < bytes.count, !HTTPParser.canStart(.replies, bytes.extracting(start..<bytes.count))
        {
            throw .malformed("a reply that does not start")
        }
        var head = HTTPHead()
        // What else is wrong with a section is said when it is whole, so that it does not matter how it is cut.
        var failure: HTTPFailure?
        guard let startEnd = bytes.firstIndex(of: 0x0a, from: start) else { return nil }
        var position = startEnd + 1
        while true {
            guard var end = bytes.firstIndex(of: 0x0a, from: position) else { return nil }
            if end == position || end == position + 1 && bytes[position] == 0x0d {
                if let failure { throw failure }
                try head.readStart(bytes.extracting(start..<bytes.trimmed(start..<startEnd + 1)), role)
                try head.settle(role)
                return (head, end + 1)
            }
            // A line that starts with a blank belongs to the one before (RFC 9112, section 5.2).
            while end + 1 < bytes.count, bytes[end + 1] == 0x20 || bytes[end + 1] == 0x09 {
                guard let next = bytes.firstIndex(of: 0x0a, from: end + 1) else { return nil }
                end = next
            }
            do throws(HTTPFailure) {
                try head.readField(bytes, position..<end + 1)
            } catch {
                failure = failure ?? error
            }
            position = end + 1
        }
    }

    private mutating func readField(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPFailure) {
        switch bytes[line.lowerBound] | 0x20 {
        case 0x63:  // c
            if let value = bytes.value(of: "content-length", line) { try readLength(bytes.extracting(value)) }
        case 0x74:  // t
            if let value = bytes.value(of: "transfer-encoding", line) { readCodings(bytes.extracting(value)) }
        default: break
        }
    }

    /// Transfer-Encoding overrides Content-Length. Without "chunked" at its end a reply goes on to the end of the
    /// connection, and a request has no end that could be known.
    private mutating func settle(_ role: HTTPParser.Role) throws(HTTPFailure) {
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
            key.add(words: line.extracting(second))
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
