/// Conditions, orders and allocations as people write them: `p95 < 50 ms and not (cpu > 60% or state in (blank, invalid))`.
///
///     condition   = part { "or" part }
///     part        = term { "and" term }
///     term        = "not" term | "(" condition ")" | comparison
///     comparison  = NAME SIGN VALUE | NAME "in" "(" VALUE { "," VALUE } ")"
///
/// A value has the unit of what it is compared with, and may stand in quotes.
package struct QueryParser {
    static let signs = "<, <=, >, >=, =, != and in"

    /// Of parentheses and `not`s within each other: more than anybody means.
    private static let deepest = 64

    let text: String
    private let characters: [Character]
    let tokens: [QueryToken]
    var index = 0
    private var depth = 0
    /// Words that end a value, beside `and` and `or`.
    private let ends: [String]
    /// Where each name came last, in characters from 1 on.
    private(set) var places: [MatrixQuery.Subject: Int] = [:]

    init(_ text: String, ends: [String] = []) throws(QueryError) {
        self.text = text
        self.ends = ends
        characters = Array(text)
        tokens = try QueryTokens.read(text)
    }

    /// Nil for a text without words.
    package static func condition(_ text: String) throws(QueryError) -> MatrixQuery.Condition? {
        var parser = try QueryParser(text)
        if parser.tokens.isEmpty { return nil }
        let condition = try parser.condition()
        if let token = parser.next {
            throw parser.error(token, "expected 'and', 'or' or the end, found '\(parser.source(token.range))'")
        }
        return condition
    }

    /// `p95,-cpu`
    package static func order(_ text: String) throws(QueryError) -> [MatrixQuery.Order] {
        var place = 0
        var order: [MatrixQuery.Order] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = String(part).trimmingSpaces()
            let descending = name.hasPrefix("-")
            let subject = try subject(descending ? String(name.dropFirst()) : name, in: text, at: place + 1)
            order.append(MatrixQuery.Order(subject, descending: descending))
            place += part.count + 1
        }
        return order
    }

    /// `cpu, memory`
    package static func subjects(_ text: String) throws(QueryError) -> [MatrixQuery.Subject] {
        try order(text).enumerated().map { index, order throws(QueryError) in
            if order.descending { throw QueryError(text, at: 1, "the names stand without '-' here") }
            return order.subject
        }
    }

    /// `cpu = 50%, memory = 200 MiB`
    package static func allocation(_ text: String) throws(QueryError) -> Allocation {
        var parser = try QueryParser(text)
        var values: [Resource: Setting] = [:]
        repeat {
            let (subject, token) = try parser.subject()
            guard case .axis(let resource) = subject else {
                throw parser.error(token, "'\(subject.name)' is no axis; there are \(Self.axes)")
            }
            guard case .sign(.equal) = parser.next?.kind else {
                throw parser.error(parser.next, "expected '=' and a value behind '\(subject.name)'")
            }
            parser.index += 1
            if values.updateValue(try parser.value(of: subject, .equal, untilComma: true), forKey: resource) != nil {
                throw parser.error(token, "'\(subject.name)' comes twice")
            }
        } while parser.take(.comma)
        if let token = parser.next { throw parser.error(token, "expected ',' or the end") }
        return Allocation(values)
    }

    static let axes = Resource.allCases.map(\.rawValue).joined(separator: ", ")
    private static let known = MatrixQuery.Subject.all.map(\.name)

    private static func subject(
        _ name: String, in text: String, at place: Int
    ) throws(QueryError) -> MatrixQuery.Subject {
        if let subject = MatrixQuery.Subject(name) { return subject }
        let plain = name.lowercased().replacing("_", with: "-")
        let near = MatrixQuery.Subject(plain)?.name ?? Nearest.of(plain, in: known)
        throw QueryError(
            text, at: place,
            name.isEmpty
                ? "expected a name such as p95 or cpu"
                : "unknown name '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? "")
                    + " (known: \(axes), \(Metric.allCases.map(\.rawValue).joined(separator: ", ")), these with .lower and "
                    + ".upper, state, campaign, service, tier, domain)")
    }
}

extension QueryParser {
    var next: QueryToken? { index < tokens.count ? tokens[index] : nil }

    func source(_ range: Range<Int>) -> String { String(characters[range]) }

    /// At the token, or at the end.
    func error(_ token: QueryToken?, _ reason: String) -> QueryError {
        QueryError(text, at: (token?.range.lowerBound ?? characters.count) + 1, reason)
    }

    mutating func take(_ kind: QueryToken.Kind) -> Bool {
        guard next?.kind == kind else { return false }
        index += 1
        return true
    }

    mutating func take(_ keyword: String) -> Bool {
        guard next?.isKeyword(keyword) == true else { return false }
        index += 1
        return true
    }

    mutating func condition() throws(QueryError) -> MatrixQuery.Condition {
        var parts = [try conjunction()]
        while take("or") { parts.append(try conjunction()) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func conjunction() throws(QueryError) -> MatrixQuery.Condition {
        let start = next
        var parts = [try term()]
        while take("and") { parts.append(try term()) }
        let condition = parts.count == 1 ? parts[0] : MatrixQuery.Condition.all(parts)
        if let (a, b) = condition.contradiction {
            throw error(start, a == b ? "nothing can be \(a)" : "nothing can be \(a) and \(b) at once")
        }
        return condition
    }

    private mutating func term() throws(QueryError) -> MatrixQuery.Condition {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw error(next, "more than \(Self.deepest) conditions within each other") }
        if take("not") { return try term().opposite }
        let opening = next
        guard take(.open) else { return try comparison() }
        let inner = try condition()
        guard take(.close) else {
            throw error(
                next, "expected 'and', 'or' or the ')' of the '(' at character \((opening?.range.lowerBound ?? 0) + 1)")
        }
        return inner
    }

    mutating func subject() throws(QueryError) -> (MatrixQuery.Subject, QueryToken) {
        guard let token = next, case .word(let name) = token.kind else {
            throw error(next, "expected a name such as p95 or cpu, for a condition such as 'p95 < 50 ms'")
        }
        index += 1
        let subject = try Self.subject(name, in: text, at: token.range.lowerBound + 1)
        places[subject] = token.range.lowerBound + 1
        return (subject, token)
    }

    private mutating func comparison() throws(QueryError) -> MatrixQuery.Condition {
        let (subject, _) = try subject()
        if take("in") { return try list(subject) }
        guard let token = next, case .sign(let sign) = token.kind else {
            throw error(next, "expected a sign behind '\(subject.name)': \(Self.signs)")
        }
        index += 1
        return .comparison(subject, sign, try value(of: subject, sign, untilComma: false))
    }

    private mutating func list(_ subject: MatrixQuery.Subject) throws(QueryError) -> MatrixQuery.Condition {
        guard take(.open) else { throw error(next, "expected '(' and values behind '\(subject.name) in'") }
        var parts: [MatrixQuery.Condition] = []
        repeat {
            parts.append(.comparison(subject, .equal, try value(of: subject, .equal, untilComma: true)))
        } while take(.comma)
        guard take(.close) else { throw error(next, "expected ',' or ')' behind the values of '\(subject.name)'") }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    /// All words up to what cannot belong to a value: `50 ms`, `0-1,3`.
    mutating func value(
        of subject: MatrixQuery.Subject, _ sign: MatrixQuery.Comparison, untilComma: Bool
    ) throws(QueryError) -> Setting {
        let first = next
        var (range, found): (Range<Int>?, String?) = (nil, nil)
        loop: while let token = next {
            switch token.kind {
            case .quoted(let text) where range == nil: found = text
            case .comma where untilComma || range == nil: break loop
            case .word where token.isKeyword("and") || token.isKeyword("or"): break loop
            case .word where ends.contains(where: token.isKeyword): break loop
            case .word, .comma: break
            case .quoted, .sign, .open, .close: break loop
            }
            range = (range?.lowerBound ?? token.range.lowerBound)..<token.range.upperBound
            index += 1
            if found != nil { break }
        }
        guard let range else { throw error(first, "expected a value behind '\(subject.name) \(sign.rawValue)'") }
        let limit: Setting
        do throws(UnitError) { limit = try subject.parse(found ?? source(range)) } catch {
            throw self.error(first, "\(error)")
        }
        if limit.name != nil, sign != .equal, sign != .unequal {
            throw error(first, "'\(sign.rawValue)' compares numbers; names have no order, write = or != or in")
        }
        return limit
    }
}
