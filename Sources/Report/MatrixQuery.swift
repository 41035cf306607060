package import Model

/// A condition or order that cannot be understood: where, and what is known.
package struct QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

/// `--where 'p95 < 50ms and cpu >= 40%' --order cpu`: which cells, in which order. Pure.
package struct MatrixQuery: Sendable {
    package enum Subject: Sendable, Hashable {
        case axis(Resource)
        case metric(Metric)
    }

    private enum Comparison: String, CaseIterable {
        // Longer ones first, so that `<=` is not read as `<`.
        case atMost = "<=", atLeast = ">=", unequal = "!=", less = "<", greater = ">", equal = "="
    }

    private struct Condition: Sendable {
        let subject: Subject
        let comparison: Comparison
        let limit: Setting

        func holds(for cell: Cell) -> Bool {
            guard let value = MatrixQuery.value(subject, of: cell) else { return false }
            guard case (.number(let value), .number(let limit)) = (value, limit) else {
                return (value == limit) == (comparison == .equal)
            }
            return switch comparison {
            case .atMost: value <= limit
            case .atLeast: value >= limit
            case .unequal: abs(value - limit) > 1e-9
            case .less: value < limit
            case .greater: value > limit
            case .equal: abs(value - limit) <= 1e-9
            }
        }
    }

    private var conditions: [Condition] = []
    private var order: (subject: Subject, descending: Bool)?

    private static var known: String {
        (Resource.allCases.map(\.rawValue) + Metric.allCases.map(\.rawValue)).joined(separator: ", ")
    }

    /// `condition` may be empty; `order` is a name, with `-` in front for descending.
    package init(where condition: String = "", order: String? = nil) throws(QueryError) {
        for part in Self.split(condition) { conditions.append(try Self.condition(part)) }
        if let order {
            let descending = order.hasPrefix("-")
            self.order = (try Self.subject(descending ? String(order.dropFirst()) : order), descending)
        }
    }

    private static func split(_ text: String) -> [String] {
        var parts: [[Substring]] = [[]]
        for word in text.split(separator: " ") {
            if word.lowercased() == "and" { parts.append([]) } else { parts[parts.count - 1].append(word) }
        }
        return text.allSatisfy({ $0 == " " }) ? [] : parts.map { $0.joined(separator: " ") }
    }

    private static func subject(_ name: String) throws(QueryError) -> Subject {
        if let resource = Resource(rawValue: name) { return .axis(resource) }
        if let metric = Metric(rawValue: name) { return .metric(metric) }
        throw QueryError(description: "unknown name '\(name)'; known: \(known)")
    }

    private static func condition(_ text: String) throws(QueryError) -> Condition {
        // The earliest sign wins; of those at one place, the longest.
        var found: (sign: Comparison, at: String.Index)?
        for sign in Comparison.allCases {
            guard let range = text.firstRange(of: sign.rawValue) else { continue }
            if let earlier = found, earlier.at <= range.lowerBound { continue }
            found = (sign, range.lowerBound)
        }
        guard let (sign, place) = found else {
            throw QueryError(
                description:
                    "'\(text)' is no condition; write a name, one of < <= > >= = != and a value, such as 'p95 < 50ms'")
        }
        let subject = try subject(String(text[..<place]).trimmingSpaces())
        let value = String(text[place...].dropFirst(sign.rawValue.count)).trimmingSpaces()
        do throws(UnitError) {
            let limit =
                switch subject {
                case .axis(let resource): try resource.parse(value)
                case .metric(let metric): Setting.number(try metric.parse(value))
                }
            if limit.name != nil, sign != .equal, sign != .unequal {
                throw UnitError(found: sign.rawValue, expected: "= or !=, as names have no order")
            }
            return Condition(subject: subject, comparison: sign, limit: limit)
        } catch {
            throw QueryError(description: "in '\(text)': \(error)")
        }
    }

    fileprivate static func value(_ subject: Subject, of cell: Cell) -> Setting? {
        switch subject {
        case .axis(let resource): cell.allocation[resource]
        case .metric(let metric): (cell.estimate(metric)?.value).map { .number($0) }
        }
    }

    /// What cells are sorted by: a name by its place on the axis.
    private static func rank(_ subject: Subject, of cell: Cell, in matrix: ResultMatrix) -> Double? {
        switch (value(subject, of: cell), subject) {
        case (.number(let number), _): number
        case (.name(let name), .axis(let resource)):
            matrix.axes.first { $0.resource == resource }?.values.firstIndex(of: .name(name)).map { Double($0) }
        default: nil
        }
    }

    /// The cells for which every condition holds; a cell without the figure does not match.
    package func select(from matrix: ResultMatrix) -> [Cell] {
        let cells = matrix.cells.filter { cell in conditions.allSatisfy { $0.holds(for: cell) } }
        guard let order else { return cells }
        return cells.sorted { a, b in
            let (x, y) = (Self.rank(order.subject, of: a, in: matrix), Self.rank(order.subject, of: b, in: matrix))
            // Cells without the figure come last either way.
            guard let x else { return false }
            guard let y else { return true }
            return order.descending ? x > y : x < y
        }
    }
}
