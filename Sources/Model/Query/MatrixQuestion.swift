/// A question of an operator to a campaign's matrix: `cheapest cpu, memory where p95 < 50 ms at load 150%`. Read by
/// `QueryParser.question`.
package struct MatrixQuestion: Hashable, Sendable {
    package enum Wish: Hashable, Sendable {
        /// The allocation that costs least, over these axes; over all of the campaign's when none is named.
        case cheapest([Resource])
        /// The best value of a metric.
        case best(Metric, most: Bool)
        /// What a metric is at one allocation.
        case value(Metric)
        /// Whether the condition holds at one allocation.
        case holds
    }

    /// By how much a figure has to be better to count as better, in parts of it.
    package static let noticeable = 0.05

    /// As it was written.
    package let text: String
    package let wish: Wish
    /// Of axes alone: which cells are asked about.
    package let selection: MatrixQuery.Condition?
    /// Of metrics alone, compared by `<`, `<=`, `>` and `>=`: what has to hold there.
    package let limits: MatrixQuery.Condition?
    /// What is fixed.
    package let at: Allocation
    /// Where each name came last, in characters from 1 on.
    private let places: [MatrixQuery.Subject: Int]

    init(
        _ text: String, _ wish: Wish, selection: MatrixQuery.Condition?, limits: MatrixQuery.Condition?, at: Allocation,
        places: [MatrixQuery.Subject: Int]
    ) {
        self.text = text
        self.wish = wish
        self.selection = selection
        self.limits = limits
        self.at = at
        self.places = places
    }

    /// The same with another value fixed.
    package func at(_ resource: Resource, _ setting: Setting) -> MatrixQuestion {
        var settings = at.values
        settings[resource] = setting
        return MatrixQuestion(
            text, wish, selection: selection, limits: limits, at: Allocation(settings), places: places)
    }

    /// What cannot be met, at the name that it is about.
    package func error(_ subject: MatrixQuery.Subject?, _ reason: String) -> QueryError {
        QueryError(text, at: subject.flatMap { places[$0] } ?? 1, reason)
    }

    /// All metrics that it asks about.
    package var metrics: [Metric] {
        let limited = limits?.metrics ?? []
        switch wish {
        case .best(let metric, _), .value(let metric): return ([metric] + limited).uniqued()
        case .cheapest, .holds: return limited
        }
    }

    /// All axes that it names.
    package var axes: [Resource] {
        let selected = (selection?.subjects ?? []).compactMap { subject -> Resource? in
            if case .axis(let resource) = subject { resource } else { nil }
        }
        let sought: [Resource] = if case .cheapest(let axes) = wish { axes } else { [] }
        return (sought + selected + at.values.keys.sorted()).uniqued()
    }
}

extension MatrixQuery.Condition {
    /// As people write it.
    package var text: String {
        switch self {
        case .comparison(let subject, let comparison, let limit):
            "\(subject.name) \(comparison.rawValue) \(subject.formatLimit(limit))"
        case .all(let parts):
            parts.map { part in if case .any = part { "(\(part.text))" } else { part.text } }.joined(
                separator: " and ")
        case .any(let parts): parts.map(\.text).joined(separator: " or ")
        }
    }

    /// The parts that must hold together.
    var parts: [MatrixQuery.Condition] {
        if case .all(let parts) = self { parts.flatMap(\.parts) } else { [self] }
    }

    /// All of them together; nil when there is none.
    init?(all parts: [MatrixQuery.Condition]) {
        guard let first = parts.first else { return nil }
        self = parts.count == 1 ? first : .all(parts)
    }
}
