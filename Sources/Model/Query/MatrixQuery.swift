/// Which cells, in which order: a value that a store answers, and that is read from what people write by `QueryParser`.
package struct MatrixQuery: Hashable, Sendable {
    /// What is asked about a cell.
    package enum Subject: Hashable, Sendable {
        case axis(Resource)
        case metric(Metric)
        /// The bounds of a metric's interval.
        case lower(Metric)
        case upper(Metric)
        /// By `Cell.states`.
        case state
        /// Of its campaign.
        case campaign, service, tier, domain
    }

    package enum Comparison: String, Hashable, Sendable, CaseIterable {
        // Longer ones first, so that `<=` is not read as `<`.
        case atMost = "<=", atLeast = ">=", unequal = "!=", less = "<", greater = ">", equal = "="

        /// What holds where this one does not.
        var opposite: Comparison {
            switch self {
            case .atMost: .greater
            case .atLeast: .less
            case .unequal: .equal
            case .less: .atLeast
            case .greater: .atMost
            case .equal: .unequal
            }
        }
    }

    /// Without a figure no comparison holds, the opposite neither.
    package indirect enum Condition: Hashable, Sendable {
        case comparison(Subject, Comparison, Setting)
        case all([Condition])
        case any([Condition])

        package var opposite: Condition {
            switch self {
            case .comparison(let subject, let comparison, let limit):
                .comparison(subject, comparison.opposite, limit)
            case .all(let parts): .any(parts.map(\.opposite))
            case .any(let parts): .all(parts.map(\.opposite))
            }
        }

        /// All that it asks about.
        package var subjects: [Subject] {
            switch self {
            case .comparison(let subject, _, _): [subject]
            case .all(let parts), .any(let parts): parts.flatMap(\.subjects)
            }
        }
    }

    package struct Order: Hashable, Sendable {
        package let subject: Subject
        package let descending: Bool

        package init(_ subject: Subject, descending: Bool = false) {
            self.subject = subject
            self.descending = descending
        }
    }

    /// Nil is every cell.
    package var condition: Condition?
    /// The first counts most. Cells without the figure come last either way.
    package var order: [Order] = []
    /// The cells that are nearest to it come first, before `order` counts.
    package var near: Allocation?
    package var limit: Int?

    package init() {}

    /// `condition` may be empty; `order` is names with commas between, each with `-` in front for descending.
    package init(where condition: String = "", order: String? = nil) throws(QueryError) {
        self.condition = try QueryParser.condition(condition)
        if let order { self.order = try QueryParser.order(order) }
    }
}

extension MatrixQuery.Subject {
    /// As people write it.
    package var name: String {
        switch self {
        case .axis(let resource): resource.rawValue
        case .metric(let metric): metric.rawValue
        case .lower(let metric): metric.rawValue + ".lower"
        case .upper(let metric): metric.rawValue + ".upper"
        case .state: "state"
        case .campaign: "campaign"
        case .service: "service"
        case .tier: "tier"
        case .domain: "domain"
        }
    }

    package static let all: [MatrixQuery.Subject] =
        Resource.allCases.map { .axis($0) } + Metric.allCases.map { .metric($0) }
        + [.state, .campaign, .service, .tier, .domain]
        + Metric.allCases.map { .lower($0) } + Metric.allCases.map { .upper($0) }

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    package init?(_ name: String) {
        guard let subject = Self.byName[name] else { return nil }
        self = subject
    }

    /// Of the cell, not of its campaign.
    package var isOfCell: Bool {
        switch self {
        case .axis, .metric, .lower, .upper, .state: true
        case .campaign, .service, .tier, .domain: false
        }
    }

    /// A value with its unit.
    package func format(_ setting: Setting) -> String {
        switch (self, setting) {
        case (.axis(let resource), let setting): resource.format(setting)
        case (.metric(let metric), .number(let number)), (.lower(let metric), .number(let number)),
            (.upper(let metric), .number(let number)):
            metric.format(number)
        case (_, .name(let name)): name
        case (_, .number(let number)): "\(number)"
        }
    }

    /// The same of a limit: in as many digits as it has.
    func formatLimit(_ limit: Setting) -> String {
        switch (self, limit) {
        case (.metric(let metric), .number(let number)), (.lower(let metric), .number(let number)),
            (.upper(let metric), .number(let number)):
            metric.formatLimit(number)
        default: format(limit)
        }
    }

    /// Reads a value to compare with.
    func parse(_ text: String) throws(UnitError) -> Setting {
        switch self {
        case .axis(let resource):
            if resource.isNumeric, text == Setting.unlimited.name { return .unlimited }
            return try resource.parse(text)
        case .metric(let metric), .lower(let metric), .upper(let metric): return .number(try metric.parse(text))
        case .state:
            guard Cell.states.contains(text) else {
                let near = Nearest.hint(text, in: Cell.states)
                throw UnitError(found: text, expected: "one of \(Cell.states.joined(separator: ", "))\(near)")
            }
            return .name(text)
        case .campaign, .service, .tier, .domain: return .name(text)
        }
    }
}

extension Cell {
    /// All that `state` may be.
    package static let states = ["measured", "checked", "interpolated", "invalid", "blank"]
}
