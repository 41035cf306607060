extension MatrixQuery.Condition {
    /// Two of the comparisons that must hold together and cannot, in words; nil when there are none.
    var contradiction: (String, String)? {
        let comparisons = conjuncts
        for (index, a) in comparisons.enumerated() {
            for b in comparisons[index...] where a.subject == b.subject && !Self.canHold(a, b) {
                return (a.text, b.text)
            }
        }
        return nil
    }

    private struct Conjunct {
        let subject: MatrixQuery.Subject
        let comparison: MatrixQuery.Comparison
        let limit: Setting

        var text: String { "\(subject.name) \(comparison.rawValue) \(subject.formatLimit(limit))" }

        /// Where the numbers lie for which it holds, and whether the ends are among them; nil for other comparisons.
        var numbers: (lower: Double, upper: Double, isOpen: Bool)? {
            guard case .number(let limit) = limit else { return nil }
            return switch comparison {
            case .less: (-.infinity, limit, true)
            case .atMost: (-.infinity, limit, false)
            case .greater: (limit, .infinity, true)
            case .atLeast: (limit, .infinity, false)
            case .equal: (limit, limit, false)
            case .unequal: nil
            }
        }
    }

    private var conjuncts: [Conjunct] {
        switch self {
        case .comparison(let subject, let comparison, let limit):
            [Conjunct(subject: subject, comparison: comparison, limit: limit)]
        case .all(let parts): parts.flatMap(\.conjuncts)
        case .any: []
        }
    }

    private static func canHold(_ a: Conjunct, _ b: Conjunct) -> Bool {
        if let x = a.numbers, let y = b.numbers {
            let (lower, upper) = (max(x.lower, y.lower), min(x.upper, y.upper))
            return lower < upper || (lower == upper && !x.isOpen && !y.isOpen)
        }
        switch (a.comparison, b.comparison) {
        case (.equal, .equal): return a.limit == b.limit
        case (.equal, .unequal), (.unequal, .equal): return a.limit != b.limit
        default: return true
        }
    }
}
