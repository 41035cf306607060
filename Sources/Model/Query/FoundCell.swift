/// A cell with where it stands.
package struct FoundCell: Hashable, Sendable {
    package let campaign: String
    package let service: String
    package let tier: String
    package let domain: String
    /// Within its matrix, from 0 on.
    package let number: Int
    package let cell: Cell

    package init(campaign: String, service: String, tier: String, domain: String, number: Int, cell: Cell) {
        self.campaign = campaign
        self.service = service
        self.tier = tier
        self.domain = domain
        self.number = number
        self.cell = cell
    }

    package init(_ record: CampaignRecord, _ number: Int) {
        self.init(
            campaign: record.id, service: record.service, tier: record.tier, domain: record.domain, number: number,
            cell: record.matrix.cells[number])
    }

    package subscript(subject: MatrixQuery.Subject) -> Setting? {
        switch subject {
        case .axis(let resource): cell.allocation[resource]
        case .metric(let metric): (cell.estimate(metric)?.value).map { .number($0) }
        case .lower(let metric): (cell.estimate(metric)?.lower).map { .number($0) }
        case .upper(let metric): (cell.estimate(metric)?.upper).map { .number($0) }
        case .state: .name(cell.state)
        case .campaign: .name(campaign)
        case .service: .name(service)
        case .tier: .name(tier)
        case .domain: .name(domain)
        }
    }

    /// How far its allocation is from another: per resource of that one the difference as a part of the greater of the two
    /// values, 1 for another name or none.
    package func distance(to wanted: Allocation) -> Double {
        wanted.values.sorted { $0.key < $1.key }.reduce(0) { sum, wish in
            switch (cell.allocation[wish.key], wish.value) {
            case (.number(let a), .number(let b)): sum + (a == b ? 0 : abs(a - b) / max(a, b))
            case (let a, let b): sum + (a == b ? 0 : 1)
            }
        }
    }
}

extension MatrixQuery.Comparison {
    /// How far apart two numbers may be that are equal: what is lost where they are written in percent.
    package static func tolerance(_ limit: Double) -> Double { 1e-9 * max(1, abs(limit)) }

    /// A name is more than any number: `unlimited` is.
    func holds(_ value: Setting, _ limit: Setting) -> Bool {
        switch (value, limit) {
        case (.number(let value), .number(let limit)):
            let isEqual = abs(value - limit) <= Self.tolerance(limit)
            return switch self {
            case .atMost: value <= limit
            case .atLeast: value >= limit
            case .unequal: !isEqual
            case .less: value < limit
            case .greater: value > limit
            case .equal: isEqual
            }
        case (.name, .number): return [.unequal, .greater, .atLeast].contains(self)
        case (.number, .name): return self == .unequal
        case (.name(let a), .name(let b)): return (a == b) == (self == .equal)
        }
    }
}

extension MatrixQuery.Condition {
    package func holds(for cell: FoundCell) -> Bool {
        switch self {
        case .comparison(let subject, let comparison, let limit):
            cell[subject].map { comparison.holds($0, limit) } ?? false
        case .all(let parts): parts.allSatisfy { $0.holds(for: cell) }
        case .any(let parts): parts.contains { $0.holds(for: cell) }
        }
    }
}
