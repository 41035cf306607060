/// Compares texts word by word, so that a token among them may be another if it is known to be the counterpart.
struct WordComparison: Sendable {
    let map: SessionMap
    let session: UInt64

    func areSame(_ bytes: [UInt8], _ range: Range<Int>, _ others: [UInt8], _ otherRange: Range<Int>) -> Bool {
        if bytes[range] == others[otherRange] { return true }
        var (first, second) = (range.lowerBound, otherRange.lowerBound)
        // Up to here the run of bytes has been looked at as one.
        var triedUpTo = first
        while first < range.upperBound, second < otherRange.upperBound {
            if first >= triedUpTo {
                let run = Self.run(bytes, first..<range.upperBound, Self.isInRun)
                let otherRun = Self.run(others, second..<otherRange.upperBound, Self.isInRun)
                triedUpTo = max(run.upperBound, first + 1)
                if !run.isEmpty, isSameWord(bytes, run, others, otherRun) {
                    (first, second) = (run.upperBound, otherRun.upperBound)
                    continue
                }
            }
            let word = Self.run(bytes, first..<range.upperBound, Self.isInWord)
            let otherWord = Self.run(others, second..<otherRange.upperBound, Self.isInWord)
            if word.isEmpty || otherWord.isEmpty {
                guard bytes[first] == others[second] else { return false }
                (first, second) = (first + 1, second + 1)
            } else {
                guard isSameWord(bytes, word, others, otherWord) else { return false }
                (first, second) = (word.upperBound, otherWord.upperBound)
            }
        }
        return first == range.upperBound && second == otherRange.upperBound
    }

    private func isSameWord(_ bytes: [UInt8], _ word: Range<Int>, _ others: [UInt8], _ other: Range<Int>) -> Bool {
        if bytes[word] == others[other] { return true }
        if isKnown(bytes, word, others, other, .plain) { return true }
        for (mark, coding) in [(0x25, ValueCoding.form), (0x26, .references)] as [(UInt8, ValueCoding)]
        where bytes[word].contains(mark) || others[other].contains(mark) {
            if isKnown(bytes, word, others, other, coding) { return true }
        }
        return false
    }

    func isKnown(
        _ bytes: [UInt8], _ range: Range<Int>, _ others: [UInt8], _ other: Range<Int>, _ coding: ValueCoding
    ) -> Bool {
        guard max(range.count, other.count) <= 3 * TokenShape.longestToken else { return false }
        return map.knows(DecodedBytes(bytes, range, coding), DecodedBytes(others, other, coding), session)
    }

    private static func run(_ bytes: [UInt8], _ range: Range<Int>, _ isIn: (UInt8) -> Bool) -> Range<Int> {
        var end = range.lowerBound
        while end < range.upperBound, isIn(bytes[end]) { end += 1 }
        return range.lowerBound..<end
    }

    /// Everything but blanks, quotes and brackets.
    private static func isInRun(_ byte: UInt8) -> Bool { byte > 0x20 && !"\"'<>".utf8.contains(byte) }

    static func isInWord(_ byte: UInt8) -> Bool {
        byte.isDigit || byte.isLetter || byte >= 0x80 || byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e
            || byte == 0x25
    }
}

extension SessionMap {
    /// Whether the clone's value is known as the counterpart of the recorded one, wherever they stand.
    func knows(_ recorded: DecodedBytes, _ made: DecodedBytes, _ session: UInt64) -> Bool {
        let hash = recorded.hash
        for key in [Self.token(hash), Self.seen(session, hash)] {
            if let pair = pairs[key], recorded.equals(pair.recorded), made.equals(pair.clone) { return true }
        }
        return false
    }
}

/// Compares texts line by line.
enum LineComparison {
    static func differences(
        _ body: HTTPMessageView.Body, _ other: HTTPMessageView.Body, _ words: WordComparison
    ) -> [ReplyFindings.Finding] {
        let (own, others) = (lines(body), lines(other))
        let isSame = { (first: Int, second: Int) in
            words.areSame(body.bytes, own[first], other.bytes, others[second])
        }
        let skeletons = { (first: Int) in skeleton(body.bytes, own[first]) }
        if own.count == others.count {
            return own.indices.filter { !isSame($0, $0) }.prefix(ReplyComparison.findingLimit).map {
                .line($0 + 1, skeleton: skeletons($0), isAligned: true)
            }
        }
        // Lines came or went: what the texts have in common at both ends is left out.
        var start = 0
        while start < min(own.count, others.count), isSame(start, start) { start += 1 }
        var (end, otherEnd) = (own.count, others.count)
        while end > start, otherEnd > start, isSame(end - 1, otherEnd - 1) { (end, otherEnd) = (end - 1, otherEnd - 1) }
        let gone = (start..<end).prefix(ReplyComparison.findingLimit / 2).map {
            ReplyFindings.Finding.line($0 + 1, skeleton: skeletons($0), isAligned: false)
        }
        let new = (start..<otherEnd).prefix(ReplyComparison.findingLimit / 2).map {
            ReplyFindings.Finding.line(
                min($0, end) + 1, skeleton: skeleton(other.bytes, others[$0]), isAligned: false)
        }
        return gone + new
    }

    private static func lines(_ body: HTTPMessageView.Body) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var position = body.range.lowerBound
        while position < body.range.upperBound {
            let end = body.bytes.firstIndex(of: 0x0a, in: position..<body.range.upperBound) ?? body.range.upperBound
            lines.append(position..<end)
            position = end + 1
        }
        return lines
    }

    /// Of a line without the words that have digits: the same for `12:03 by node 7` and `12:04 by node 8`.
    private static func skeleton(_ bytes: [UInt8], _ line: Range<Int>) -> UInt64 {
        var hash: UInt64 = 51
        var position = line.lowerBound
        while position < line.upperBound {
            let start = position
            var hasDigit = false
            while position < line.upperBound, WordComparison.isInWord(bytes[position]) {
                hasDigit = hasDigit || bytes[position].isDigit
                position += 1
            }
            if position == start { position += 1 }
            hash = Place.mix(hash, hasDigit ? 0x23 : DecodedBytes(bytes, start..<position, .plain).hash)
        }
        return hash
    }
}

/// Compares JSON by structure and values; the order of members does not matter, that of elements does.
enum JSONComparison {
    private struct Value {
        let path: JSONScanner.PathHash
        let kind: JSONScanner.Kind
        let range: Range<Int>
    }

    /// Paths of what differs, without indices; nil when one of the texts is not JSON.
    static func differences(
        _ body: HTTPMessageView.Body, _ other: HTTPMessageView.Body, _ words: WordComparison
    ) -> [String]? {
        guard let own = values(body), let others = values(other) else { return nil }
        var different: Set<UInt64> = []
        if own.elementsEqual(others, by: { $0.path == $1.path }) {
            for (value, made) in zip(own, others) where !areSame(body.bytes, value, other.bytes, made, words) {
                different.insert(value.path.general)
            }
        } else {
            let made = Dictionary(others.map { ($0.path.exact, $0) }, uniquingKeysWith: { _, last in last })
            let recorded = Set(own.map(\.path.exact))
            for value in own {
                let isSame = made[value.path.exact].map { areSame(body.bytes, value, other.bytes, $0, words) } ?? false
                if !isSame { different.insert(value.path.general) }
            }
            for value in others where !recorded.contains(value.path.exact) { different.insert(value.path.general) }
        }
        guard !different.isEmpty else { return [] }
        return Set(paths(body, different) + paths(other, different)).sorted()
    }

    private static func values(_ body: HTTPMessageView.Body) -> [Value]? {
        var values: [Value] = []
        let isWhole = JSONScanner.scan(body.bytes, body.range) { leaf, scanner in
            values.append(Value(path: scanner.path, kind: leaf.kind, range: leaf.value))
        }
        return isWhole ? values : nil
    }

    private static func areSame(
        _ bytes: [UInt8], _ value: Value, _ others: [UInt8], _ other: Value, _ words: WordComparison
    ) -> Bool {
        if bytes[value.range] == others[other.range] { return value.kind == other.kind }
        guard value.kind == .string || value.kind == .number else {
            return value.kind == other.kind && value.kind != .literal
        }
        let coding = { (kind: JSONScanner.Kind) in kind == .string ? ValueCoding.json : .plain }
        let own = DecodedBytes(bytes, value.range, coding(value.kind))
        let made = DecodedBytes(others, other.range, coding(other.kind))
        guard value.kind == other.kind, value.range.count <= 3 * TokenShape.longestToken else { return false }
        return words.map.knows(own, made, words.session) || own.elementsEqual(made)
            || value.kind == .string && words.areSame(bytes, value.range, others, other.range)
    }

    /// The texts of the paths are only made for what differs.
    private static func paths(_ body: HTTPMessageView.Body, _ different: Set<UInt64>) -> [String] {
        var paths: [UInt64: String] = [:]
        _ = JSONScanner.scan(body.bytes, body.range) { _, scanner in
            let path = scanner.path.general
            guard paths.count < ReplyComparison.findingLimit, different.contains(path), paths[path] == nil else {
                return
            }
            paths[path] = scanner.levels.path(in: body.bytes)
        }
        return Array(paths.values)
    }
}
