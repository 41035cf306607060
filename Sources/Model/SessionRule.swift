import Synchronization

/// How to find a value that the clone makes for itself where it is not found by looking: from which part of a reply, and
/// where later requests carry it.
package struct SessionRule: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case header(String)
        case cookie(String)
        case json(JSONPath)
        case pattern(SessionPattern)
    }

    package enum Target: Hashable, Sendable {
        case header(String)
        case cookie(String)
        case query(String)
        case form(String)
        case json(JSONPath)
    }

    package let name: String
    package let from: Source
    package let to: Target

    package init(name: String, from: Source, to: Target) {
        self.name = name
        self.from = from
        self.to = to
    }
}

/// `order.items[0].id`; `[]` is any element of a list.
package struct JSONPath: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        case member(String)
        case element(Int)
        case anyElement
    }

    package let steps: [Step]

    /// Nil for what is no path.
    package init?(_ text: String) {
        var steps: [Step] = []
        for (number, part) in text.split(separator: ".", omittingEmptySubsequences: false).enumerated() {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            // A list may stand at the top: `[].id`.
            guard let name = pieces.first, !name.isEmpty || number == 0 && pieces.count > 1 else { return nil }
            if !name.isEmpty { steps.append(.member(String(name))) }
            for piece in pieces.dropFirst() {
                guard piece.hasSuffix("]") else { return nil }
                let index = piece.dropLast()
                if index.isEmpty {
                    steps.append(.anyElement)
                } else if let number = Int(index), number >= 0 {
                    steps.append(.element(number))
                } else {
                    return nil
                }
            }
        }
        self.steps = steps
    }

    /// Whether elements are named by their numbers, or as any; nil when both are, which is not followed.
    package var isExact: Bool? {
        let hasNumber = steps.contains { if case .element = $0 { true } else { false } }
        return hasNumber && steps.contains(.anyElement) ? nil : hasNumber || !steps.contains(.anyElement)
    }
}

/// A regular expression with one group, in Swift's own dialect, compiled once.
package final class SessionPattern: Sendable {
    package static let longest = 1000

    package let text: String
    /// Regex is not Sendable: what it compiles to is made at the first match.
    private let regex: Mutex<Regex<AnyRegexOutput>>

    package init(_ text: String) throws(UnitError) {
        self.text = text
        // Each nesting is one of the regular expression parser's own calls.
        guard text.utf8.count <= Self.longest else {
            throw UnitError(found: String(text.prefix(20)) + "…", expected: "at most \(Self.longest) bytes")
        }
        do {
            regex = Mutex(try Regex(text))
        } catch {
            throw UnitError(found: text, expected: "a regular expression (\(error))")
        }
        guard Self.groups(in: text) == 1 else {
            throw UnitError(
                found: text, expected: "a regular expression with one group around the value, as in token=\"([^\"]+)\"")
        }
    }

    /// What the group stands for at the first match.
    package func first(in text: String) -> String? {
        regex.withLock { regex in
            guard let match = try? regex.firstMatch(in: text), match.output.count > 1 else { return nil }
            return match.output[1].substring.map(String.init)
        }
    }

    /// Opening parentheses that capture: neither escaped, nor in a class, nor followed by `?` unless it names the group.
    private static func groups(in text: String) -> Int {
        var count = 0
        var depth = 0
        var rest = Substring(text)
        while let character = rest.popFirst() {
            switch character {
            case "\\": _ = rest.popFirst()
            case "[": depth += 1
            case "]": depth = max(0, depth - 1)
            case "(" where depth == 0:
                let isNamed =
                    rest.hasPrefix("?P<") || rest.hasPrefix("?<") && !rest.hasPrefix("?<=") && !rest.hasPrefix("?<!")
                if isNamed || !rest.hasPrefix("?") && !rest.hasPrefix("*") { count += 1 }
            default: break
            }
        }
        return count
    }
}

extension SessionPattern: Hashable {
    package static func == (first: SessionPattern, second: SessionPattern) -> Bool { first.text == second.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

// Reading of rules, with errors that lead to their place as in the rest of the service file.

extension SessionRule: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case name, from, to }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        name = try fields.decode(String.self, forKey: .name)
        from = try fields.decode(Source.self, forKey: .from)
        to = try fields.decode(Target.self, forKey: .to)
    }
}

extension Decoder {
    /// The only key of a mapping such as `{ header: X-Cart }`, and its text.
    fileprivate func only<Key: CodingKey & CaseIterable>(_: Key.Type, example: String) throws -> (Key, String) {
        let fields = try strictContainer(keyedBy: Key.self)
        guard let key = fields.allKeys.first, fields.allKeys.count == 1 else {
            let known = Key.allCases.map(\.stringValue).joined(separator: ", ")
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "expected one of: \(known); for instance \(example)"))
        }
        let text = try fields.decode(String.self, forKey: key)
        guard !text.isEmpty else { throw refusal(key, "found nothing, expected a \(key.stringValue)") }
        return (key, text)
    }

    fileprivate func refusal(_ key: any CodingKey, _ message: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath + [key], debugDescription: message))
    }

    fileprivate func path(_ key: any CodingKey, _ text: String) throws -> JSONPath {
        guard let path = JSONPath(text), path.isExact != nil else {
            throw refusal(
                key,
                "found '\(text)', expected a path such as order.id, items[].id or items[0].id, not [] and [0] in one")
        }
        return path
    }
}

extension SessionRule.Source: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case header, cookie, json, pattern }

    package init(from decoder: any Decoder) throws {
        let (key, text) = try decoder.only(CodingKeys.self, example: "{ header: X-Cart }")
        switch key {
        case .header: self = .header(text)
        case .cookie: self = .cookie(text)
        case .json: self = .json(try decoder.path(key, text))
        case .pattern:
            do throws(UnitError) {
                self = .pattern(try SessionPattern(text))
            } catch {
                throw decoder.refusal(key, "\(error)")
            }
        }
    }
}

extension SessionRule.Target: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case header, cookie, query, form, json }

    package init(from decoder: any Decoder) throws {
        let (key, text) = try decoder.only(CodingKeys.self, example: "{ header: X-Cart }")
        switch key {
        case .header: self = .header(text)
        case .cookie: self = .cookie(text)
        case .query: self = .query(text)
        case .form: self = .form(text)
        case .json: self = .json(try decoder.path(key, text))
        }
    }
}
