import Model

extension MatrixQuery.Subject {
    /// In a statement over `campaign` and `cell`.
    var column: String {
        switch self {
        case .axis(let resource): "cell.\(resource.column)"
        case .metric(let metric): "cell.\(metric.column)"
        case .lower(let metric): "cell.\(metric.column)_lower"
        case .upper(let metric): "cell.\(metric.column)_upper"
        case .state: "cell.state"
        case .campaign: "campaign.id"
        case .service, .tier, .domain: "campaign.\(name)"
        }
    }

    /// What `block` and `span` keep the least and the greatest of; nil where they keep nothing.
    var summary: String? {
        switch self {
        case .axis(let resource): resource.column
        case .metric(let metric): metric.column
        case .lower, .upper, .state, .campaign, .service, .tier, .domain: nil
        }
    }
}

extension Setting {
    var value: Database.Value {
        switch self {
        case .number(let number): .real(number)
        case .name(let name): .text(name)
        }
    }

    /// The ends of what is equal to it.
    fileprivate var range: [Database.Value] {
        guard case .number(let number) = self else { return [value, value] }
        let tolerance = MatrixQuery.Comparison.tolerance(number)
        return [.real(number - tolerance), .real(number + tolerance)]
    }
}

extension MatrixQuery.Condition {
    /// What holds for a cell.
    var sql: SQLText {
        switch self {
        case .comparison(let subject, let comparison, let limit):
            switch comparison {
            case .equal: SQLText("\(subject.column) BETWEEN ? AND ?", limit.range)
            case .unequal: SQLText("\(subject.column) NOT BETWEEN ? AND ?", limit.range)
            default: SQLText("\(subject.column) \(comparison.rawValue) ?", [limit.value])
            }
        case .all(let parts): .joined(parts.map(\.sql), " AND ")
        case .any(let parts): .joined(parts.map(\.sql), " OR ")
        }
    }

    /// What holds for every row of `table`, `block` or `span`, that has a cell for which the condition holds; nil where nothing
    /// is known.
    func some(of table: String) -> SQLText? {
        switch self {
        case .comparison(.lower(let metric), let comparison, let limit):
            // The value is not below the lower end.
            [.greater, .atLeast].contains(comparison)
                ? Self.comparison(.metric(metric), comparison, limit).some(of: table) : nil
        case .comparison(.upper(let metric), let comparison, let limit):
            [.less, .atMost].contains(comparison)
                ? Self.comparison(.metric(metric), comparison, limit).some(of: table) : nil
        case .comparison(let subject, let comparison, let limit):
            subject.summary.map { column in
                switch comparison {
                case .less, .atMost: SQLText("\(table).\(column)_min \(comparison.rawValue) ?", [limit.value])
                case .greater, .atLeast: SQLText("\(table).\(column)_max \(comparison.rawValue) ?", [limit.value])
                case .equal:
                    SQLText("(\(table).\(column)_max >= ? AND \(table).\(column)_min <= ?)", limit.range)
                case .unequal: SQLText("\(table).\(column)_min IS NOT NULL")
                }
            }
        case .all(let parts):
            Self.some(parts.compactMap { $0.some(of: table) }).map { .joined($0, " AND ") }
        case .any(let parts):
            Self.every(parts.map { $0.some(of: table) }).map { .joined($0, " OR ") }
        }
    }

    /// What holds for no block but those whose every cell meets the condition, when each cell has figures in the same
    /// columns; of `best`, only the cell with the least of it, or the greatest, has to. Nil where nothing is known.
    func wholeBlocks(best: (column: String, end: String)) -> SQLText? {
        switch self {
        case .comparison(let subject, let comparison, let limit):
            guard let column = subject.summary else { return nil }
            let (least, greatest) =
                column == best.column
                ? ("block.\(column)_\(best.end)", "block.\(column)_\(best.end)")
                : ("block.\(column)_min", "block.\(column)_max")
            return switch comparison {
            case .less, .atMost: SQLText("\(greatest) \(comparison.rawValue) ?", [limit.value])
            case .greater, .atLeast: SQLText("\(least) \(comparison.rawValue) ?", [limit.value])
            case .equal: SQLText("(\(least) >= ? AND \(greatest) <= ?)", limit.range)
            case .unequal: SQLText("(\(greatest) < ? OR \(least) > ?)", limit.range)
            }
        case .all(let parts):
            return Self.every(parts.map { $0.wholeBlocks(best: best) }).map { .joined($0, " AND ") }
        case .any(let parts):
            return Self.some(parts.compactMap { $0.wholeBlocks(best: best) }).map { .joined($0, " OR ") }
        }
    }

    private static func some(_ parts: [SQLText]) -> [SQLText]? { parts.isEmpty ? nil : parts }

    private static func every(_ parts: [SQLText?]) -> [SQLText]? {
        let known = parts.compactMap(\.self)
        return known.count == parts.count ? known : nil
    }

    /// Comparisons that must all hold.
    var conjuncts: [MatrixQuery.Condition] {
        switch self {
        case .comparison: [self]
        case .all(let parts): parts.flatMap(\.conjuncts)
        case .any: []
        }
    }

    /// The index of `span` that finds this comparison's spans; nil when there is none.
    var index: String? {
        guard case .comparison(let subject, let comparison, _) = self else { return nil }
        switch (subject, comparison) {
        case (.axis, .less), (.axis, .atMost), (.metric, .less), (.metric, .atMost):
            return subject.summary.map { "span_\($0)_min" }
        case (.axis, .greater), (.axis, .atLeast), (.metric, .greater), (.metric, .atLeast), (.axis, .equal),
            (.metric, .equal):
            return subject.summary.map { "span_\($0)_max" }
        case (.upper(let metric), .less), (.upper(let metric), .atMost): return "span_\(metric.column)_min"
        case (.lower(let metric), .greater), (.lower(let metric), .atLeast): return "span_\(metric.column)_max"
        default: return nil
        }
    }
}
