extension MatrixQuery.Condition {
    /// Why no cell can meet it, where one of its comparisons alone is the reason: each that no cell meets, with the nearest that
    /// there is. `axes` are those of the campaign that is asked; nil is of all campaigns.
    package func emptiness(axes: [Axis]?, campaigns: [CampaignRecord]) -> [String] {
        switch self {
        case .comparison(let subject, let comparison, let limit):
            switch subject {
            case .axis(let resource):
                let axis = axes?.first { $0.resource == resource }
                return axis.flatMap { Self.emptiness($0, comparison, limit) }.map { [$0] } ?? []
            case .campaign: return Self.emptiness(subject, comparison, limit, campaigns.map(\.id))
            case .service: return Self.emptiness(subject, comparison, limit, campaigns.map(\.service))
            case .tier: return Self.emptiness(subject, comparison, limit, campaigns.map(\.tier))
            case .domain: return Self.emptiness(subject, comparison, limit, campaigns.map(\.domain))
            case .metric, .lower, .upper, .state: return []
            }
        case .all(let parts): return parts.flatMap { $0.emptiness(axes: axes, campaigns: campaigns) }
        // One that can be met is enough.
        case .any(let parts):
            let reasons = parts.map { $0.emptiness(axes: axes, campaigns: campaigns) }
            return reasons.contains(where: \.isEmpty) ? [] : reasons.flatMap(\.self)
        }
    }

    private static func emptiness(
        _ axis: Axis, _ comparison: MatrixQuery.Comparison, _ limit: Setting
    ) -> String? {
        guard let numbers = axis.numbers, let wanted = limit.number else {
            guard comparison == .equal, !axis.values.contains(limit) else { return nil }
            let known = axis.values.map(axis.resource.format)
            let near = Nearest.hint(axis.resource.format(limit), in: known)
            return
                "\(Allocation([axis.resource: limit])) is not on the campaign's axis, which has \(known.joined(separator: ", "))\(near)"
        }
        let isMet = { (number: Double) in
            switch comparison {
            case .less: number < wanted
            case .atMost: number <= wanted
            case .greater: number > wanted
            case .atLeast: number >= wanted
            case .equal: number == wanted
            case .unequal: number != wanted
            }
        }
        guard !numbers.contains(where: isMet),
            let nearest = numbers.min(by: { abs($0 - wanted) < abs($1 - wanted) })
        else { return nil }
        return "no value of the campaign's axis is \(axis.resource.rawValue) \(comparison.rawValue) "
            + "\(axis.resource.format(limit)); the nearest is \(Allocation([axis.resource: .number(nearest)]))"
    }

    private static func emptiness(
        _ subject: MatrixQuery.Subject, _ comparison: MatrixQuery.Comparison, _ limit: Setting, _ known: [String]
    ) -> [String] {
        guard comparison == .equal, case .name(let name) = limit, !known.contains(name) else { return [] }
        let near = Nearest.hint(name, in: known.uniqued())
        return ["there is no campaign of \(subject.name) '\(name)'\(near)"]
    }
}

extension MatrixQuery.Condition {
    /// Those that it compares, or an end of whose interval.
    package var metrics: [Metric] {
        subjects.compactMap { subject in
            switch subject {
            case .metric(let metric), .lower(let metric), .upper(let metric): metric
            case .axis, .state, .campaign, .service, .tier, .domain: nil
            }
        }.uniqued()
    }
}

extension CellGroup {
    /// What there is of what the condition asks for.
    package func tells(_ condition: MatrixQuery.Condition) -> [String] {
        let ranges = condition.metrics.map { metric in
            figures[metric].map {
                "its \(metric.rawValue) is \(metric.format($0.least)) to \(metric.format($0.greatest))"
            } ?? "no cell has a figure of \(metric.rawValue)"
        }
        let states = Cell.states.compactMap { state in self.states[state].map { "\(state) \($0)" } }
        return ranges
            + (condition.subjects.contains(.state) ? ["its states are \(states.joined(separator: ", "))"] : [])
    }
}
