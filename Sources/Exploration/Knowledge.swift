import Model

/// What a matrix tells of a question: the measured figures that it asks about.
struct Knowledge: Sendable {
    /// How far each measured cell is from the limits, as `Limits` has it.
    var ratios: [Observation] = []
    /// What was predicted of cells before they were measured.
    private(set) var ratioChecks: [PredictedCheck] = []
    /// Of the metric that is looked for.
    var figures: [Observation] = []
    private(set) var figureChecks: [PredictedCheck] = []
    private(set) var failed: [Int] = []
    /// Where the metric that is looked for is a share, and is none: nothing has less.
    private(set) var flawless: Set<Int> = []
    /// Of which nothing is known, though they were tried.
    private(set) var spoilt: [Int] = []
    var pending: [Int] = []

    init(_ inquiry: Inquiry, _ matrix: ResultMatrix) {
        for (index, cell) in matrix.cells.enumerated() {
            if case .invalid = cell.content {
                if cell.isSpoilt { spoilt.append(index) } else { failed.append(index) }
            }
            guard let measurement = cell.measurement else { continue }
            if let ratio = inquiry.limits?.ratio(measurement) {
                ratios.append(Observation(cell: index, value: ratio.value, error: ratio.error))
            }
            if let metric = inquiry.metric, let estimate = measurement.estimate(metric) {
                figures.append(Observation(cell: index, metric, estimate))
                if metric.isShare, estimate.value == 0 { flawless.insert(index) }
            }
            // Measured, and not what is asked about: that will be so again.
            if !isTried(index) { spoilt.append(index) }
            guard let check = cell.check, let standardized = check.standardized else { continue }
            // Of the ratio to one limit it is the same.
            if check.metric == inquiry.limits?.metric { ratioChecks.append(PredictedCheck(standardized: standardized)) }
            if check.metric == inquiry.metric { figureChecks.append(PredictedCheck(standardized: standardized)) }
        }
        if inquiry.limited.dimensions.contains(where: \.moreHelps) {
            widenContradicted(inquiry.limited, reach: inquiry.reach)
        }
    }

    /// What was spoilt once may be tried in another run.
    mutating func reopen() { spoilt = [] }

    var count: Int { max(ratios.count, figures.count) }

    func isTried(_ cell: Int) -> Bool {
        failed.contains(cell) || ratios.contains { $0.cell == cell } || figures.contains { $0.cell == cell }
    }

    /// Where less of what helps keeps a limit and more of it does not, runs differ by half of what lies between the two, at
    /// least: `Evidence.standardError` says the same of the SLA.
    private mutating func widenContradicted(_ space: ConfigurationSpace, reach: Double) {
        let measured = ratios
        let isInside = { (ratio: Observation) in ratio.value + reach * (ratio.error ?? 0) < 1 }
        let outside = measured.filter { !isInside($0) }
        for index in measured.indices where isInside(measured[index]) {
            let own = measured[index]
            let apart = outside.filter { space.dominates($0.cell, own.cell) }.map { ($0.value - own.value) / 2 }.max()
            ratios[index].error = max(own.error ?? 0, apart ?? 0)
        }
    }

    /// What a search takes: each figure with its error.
    static func trials(_ observations: [Observation], failed: [Int], lasting duration: Duration = .zero) -> [Trial] {
        observations.map { Trial(cell: $0.cell, .measured($0.value, error: $0.error), duration: duration) }
            + failed.map { Trial(cell: $0, .failed, duration: duration) }
    }
}
