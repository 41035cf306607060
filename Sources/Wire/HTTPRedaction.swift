import Model

/// Takes credentials out of HTTP/1 messages (RFC 9112), and bodies if so asked.
struct HTTPRedaction: Sendable {
    private let headers: Set<String>
    private let cookies: Set<String>
    private let parameters: Set<String>
    private let dropsBodies: Bool

    init(_ rules: RedactionRules) {
        headers = Set(rules.headers.map { $0.lowercased() })
        cookies = Set(rules.cookies)
        parameters = Set(rules.parameters.map { $0.lowercased() })
        dropsBodies = rules.bodies == .drop
    }

    /// `GET /items?token=…`
    func redactLabel(_ label: inout Filler) { redactURLs(&label, 0..<label.count) }

    func redact(_ message: inout Filler, isRequest: Bool) {
        guard message.count > 0 else { return }
        var position = 0
        var isForm = false
        var isChunked = false
        guard var line = nextLine(message, &position, to: message.count), isStart(message, line, isRequest) else {
            message.fillAll()
            return
        }
        redactURLs(&message, line)
        while true {
            guard let next = nextLine(message, &position, to: message.count) else {
                // A header section without its end is no message.
                message.fill(position..<message.count)
                return
            }
            line = next
            if line.isEmpty { break }
            guard let colon = message.firstIndex(of: 0x3a, from: line.lowerBound, to: line.upperBound) else {
                message.fill(line)
                continue
            }
            var end = colon
            while end > line.lowerBound, message[end - 1].isBlank { end -= 1 }
            let name = message.text(line.lowerBound..<end).lowercased()
            // Lines that begin with a blank go on with the value (RFC 9112, section 5.2).
            var values = [colon + 1..<line.upperBound]
            while position < message.count, message[position] == 0x20 || message[position] == 0x09,
                let more = nextLine(message, &position, to: message.count)
            {
                values.append(more)
            }
            for value in values { redactHeader(name, &message, value) }
            if name == "content-type" { isForm = isForm || has("x-www-form-urlencoded", message, values) }
            if name == "transfer-encoding" { isChunked = isChunked || has("chunked", message, values) }
        }
        body(&message, from: position, isForm: isForm, isChunked: isChunked)
    }

    private func has(_ word: String, _ message: Filler, _ values: [Range<Int>]) -> Bool {
        values.contains { message.text($0).lowercased().contains(word) }
    }

    private func isStart(_ message: Filler, _ line: Range<Int>, _ isRequest: Bool) -> Bool {
        let text = message.bytes.span.extracting(line)
        return isRequest ? HTTPParser.canStart(.requests, text) : text.starts(with: "HTTP/1.")
    }

    /// The line at `position` without its end; nil when none ends before `end`.
    private func nextLine(_ message: Filler, _ position: inout Int, to end: Int) -> Range<Int>? {
        guard let feed = message.firstIndex(of: 0x0a, from: position, to: end) else { return nil }
        let start = position
        position = feed + 1
        return start..<(feed > start && message[feed - 1] == 0x0d ? feed - 1 : feed)
    }

    private func redactHeader(_ name: String, _ message: inout Filler, _ range: Range<Int>) {
        var value = range
        while let first = value.first, message[first].isBlank { value = first + 1..<value.upperBound }
        if headers.contains(name) {
            message.fill(value)
            return
        }
        if name == "cookie" || name == "set-cookie" {
            pairs(message, value, separators: [0x3b]) { cookies.contains($0.trimmingSpaces()) }
                .forEach { message.fill($0) }
        }
        redactURLs(&message, value)
    }

    /// Values of the parameters of any URL in the range, and who it names before an @.
    private func redactURLs(_ message: inout Filler, _ range: Range<Int>) {
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = message[position]
            if byte == 0x3f || byte == 0x23 || byte == 0x26 {  // ? # &
                var end = position + 1
                while end < range.upperBound, !message[end].isBlank, !"\"<>".utf8.contains(message[end]) { end += 1 }
                redactParameters(&message, position + 1..<end)
                position = end
            } else if byte == 0x3a, position + 2 < range.upperBound, message[position + 1] == 0x2f,
                message[position + 2] == 0x2f
            {
                // scheme://user:password@host
                var end = position + 3
                var at: Int?
                while end < range.upperBound, !message[end].isBlank, !"/?#".utf8.contains(message[end]) {
                    if message[end] == 0x40 { at = end }
                    end += 1
                }
                if let at { message.fill(position + 3..<at) }
                position = end
            } else {
                position += 1
            }
        }
    }

    private func redactParameters(_ message: inout Filler, _ range: Range<Int>) {
        pairs(message, range, separators: [0x26, 0x3b, 0x3f, 0x23]) {
            parameters.contains(Self.decoded($0).lowercased())
        }
        .forEach { message.fill($0) }
    }

    /// Ranges of the values in `name=value; name=value` whose names are asked for.
    private func pairs(
        _ message: Filler, _ range: Range<Int>, separators: [UInt8], _ isAsked: (String) -> Bool
    ) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            var end = start
            while end < range.upperBound, !separators.contains(message[end]) { end += 1 }
            if let equals = message.firstIndex(of: 0x3d, from: start, to: end), isAsked(message.text(start..<equals)) {
                found.append(equals + 1..<end)
            }
            start = end + 1
        }
        return found
    }

    /// Undoes percent-encoding (RFC 3986, section 2.1): `%74oken` is `token`.
    private static func decoded(_ name: String) -> String {
        guard name.utf8.contains(0x25) else { return name }
        var result: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private func body(_ message: inout Filler, from start: Int, isForm: Bool, isChunked: Bool) {
        guard isChunked else {
            content(&message, start..<message.count, isForm: isForm)
            return
        }
        var position = start
        while position < message.count {
            guard let line = nextLine(message, &position, to: message.count) else { break }
            let digits = line.prefix { Int(String(UnicodeScalar(message[$0])), radix: 16) != nil }
            guard let size = Int(message.text(line.lowerBound..<line.lowerBound + digits.count), radix: 16),
                size <= message.count - position
            else {
                message.fill(line.lowerBound..<message.count)
                return
            }
            // Extensions are nobody's to read.
            message.fill(line.lowerBound + digits.count..<line.upperBound, with: 0x20)
            if size == 0 {
                trailers(&message, from: position)
                return
            }
            // A form's parameter may reach over the edge of a chunk: then its value cannot be told from others.
            if isForm, !parameters.isEmpty { message.fill(position..<position + size) }
            content(&message, position..<position + size, isForm: false)
            position += size
            _ = nextLine(message, &position, to: message.count)
        }
    }

    private func trailers(_ message: inout Filler, from start: Int) {
        var position = start
        while let line = nextLine(message, &position, to: message.count), !line.isEmpty {
            let colon = message.firstIndex(of: 0x3a, from: line.lowerBound, to: line.upperBound) ?? line.lowerBound
            redactHeader(message.text(line.lowerBound..<colon).lowercased(), &message, colon + 1..<line.upperBound)
        }
    }

    private func content(_ message: inout Filler, _ range: Range<Int>, isForm: Bool) {
        if dropsBodies { message.fill(range) } else if isForm { redactParameters(&message, range) }
    }
}
