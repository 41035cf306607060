import Glibc
import Model

/// The probability that a configuration can be measured at all, from which ones failed. Failures are not numbers: they say
/// nothing of the metric.
struct Feasibility: Sendable {
    private let geometry: CellGeometry
    private let dominated: Set<Int>
    private let outcomes: [(cell: Int, succeeded: Bool)]

    /// Of a cell that has no more of anything than one that failed.
    private static let below = 0.02
    private static let prior = 0.95
    /// How far an outcome reaches, in parts of the axes' ranges.
    private static let reach = 0.3

    init(_ search: Search, _ book: TrialBook) {
        geometry = search.geometry
        outcomes = book.measured.map { ($0.cell, true) } + book.failed.map { ($0, false) }
        dominated = Set(
            search.space.configurations.indices.filter { cell in
                book.failed.contains { $0 != cell && search.space.dominates($0, cell) }
                    && !book.measured.contains { search.space.dominates(cell, $0.cell) }
            })
    }

    func probability(_ cell: Int) -> Double {
        if outcomes.allSatisfy(\.succeeded) { return 1 }
        if dominated.contains(cell) { return Self.below }
        var (good, all) = (Self.prior, 1.0)
        for outcome in outcomes {
            let distance = geometry.distance(cell, outcome.cell) / Self.reach
            let weight = exp(-distance * distance)
            all += weight
            if outcome.succeeded { good += weight }
        }
        return good / all
    }
}
