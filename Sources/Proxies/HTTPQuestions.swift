import Wire

/// Questions by HTTP/1: method, target and host, and the body byte by byte. Other header fields belong to the client, not
/// to what it asks for.
package enum HTTPQuestions {
    /// Nil for what is no request.
    package static func question(_ request: [UInt8]) -> Question? {
        guard let head = HTTPHeadText(request) else { return nil }
        let words = head.startLine.split(separator: 0x20)
        guard words.count == 3 else { return nil }
        let (method, target) = (Array(words[0]), Array(words[1]))
        let host = head.value(of: "host") ?? []
        var (exact, template, kind) = (MatchingKey(), MatchingKey(), MatchingKey())
        for part in [method, target, host, Array(request[head.end...])] { exact.add(part: part.span) }
        for part in [method, self.template(of: target), host] { template.add(part: part.span) }
        kind.add(part: method.span)
        return Question(exact: exact.value, template: template.value, kind: kind.value)
    }

    /// The path without its numbers, and the names of the query's values.
    static func template(of target: [UInt8]) -> [UInt8] {
        let parts = target.split(separator: 0x3f, maxSplits: 1, omittingEmptySubsequences: false)
        var result = WordTemplate.of(Array(parts[0]).span)
        guard parts.count == 2 else { return result }
        for field in parts[1].split(separator: 0x26) {
            result += [0x26] + field.prefix { $0 != 0x3d }
        }
        return result
    }
}

/// A message's header section, to look into.
struct HTTPHeadText {
    /// Lines without their ends.
    private let lines: [ArraySlice<UInt8>]
    /// Where the body begins.
    let end: Int

    /// Nil while the empty line has not come.
    init?(_ bytes: [UInt8]) {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0a) {
            var line = bytes[start..<end]
            if line.last == 0x0d { line = line.dropLast() }
            start = end + 1
            if line.isEmpty {
                // Empty lines before a request are passed over (RFC 9112, section 2.2).
                if lines.isEmpty { continue }
                self.lines = lines
                self.end = start
                return
            }
            lines.append(line)
        }
        return nil
    }

    var startLine: ArraySlice<UInt8> { lines.first ?? [] }

    /// The first field of this name, which is given in lower case.
    func value(of name: String) -> [UInt8]? {
        for line in lines.dropFirst() {
            let parts = line.split(separator: 0x3a, maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].map(Self.lower).elementsEqual(name.utf8) else { continue }
            return Array(parts[1].drop { $0 == 0x20 || $0 == 0x09 })
        }
        return nil
    }

    /// Whether a list such as that of Connection has this word, which is given in lower case.
    func list(_ name: String, has word: String) -> Bool {
        (value(of: name) ?? []).split(separator: 0x2c).contains { item in
            item.filter { $0 != 0x20 && $0 != 0x09 }.map(Self.lower).elementsEqual(word.utf8)
        }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
}
