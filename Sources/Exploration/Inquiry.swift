package import Model

/// A question to a campaign's matrix: how it stands, and which experiment would tell most. Pure and deterministic, as the
/// campaign's own `Driver` is, whose search it shares.
///
/// An allocation is good enough when its limits hold there with the probability that is asked for; of a measured one, when
/// the whole interval of that probability is inside. What is interpolated counts with its own probability, and what was
/// measured near a limit is said with its own.
package struct Inquiry: Sendable {
    package let question: MatrixQuestion
    /// How probable each part of an answer has to be.
    package let confidence: Double
    /// What was taken to be meant.
    package let assumptions: [String]
    /// What has to hold: the question's, or the campaign's SLA; nil when nothing has to.
    package let condition: MatrixQuery.Condition?
    /// The cells that it is about.
    package let cells: [Int]

    /// In standard errors, half of an interval of the confidence.
    var reach: Double { Normal.halfWidth(confidence) }

    let limits: Limits?
    /// With what is good for the limits, and what is good for the figure that is looked for.
    let limited, figured: ConfigurationSpace
    /// For metrics that more of what helps betters, and for others.
    let helped, unhelped: ConfigurationSpace
    let metric: Metric?
    let better: Better
    let specification: SearchSpecification

    /// All metrics that an answer tells.
    let metrics: [Metric]

    /// - Throws: `QueryError` for what the campaign has not, `ConfigurationSpaceError` for axes of which no space can be made.
    package init(_ question: MatrixQuestion, _ record: CampaignRecord, confidence: Double = 0.95) throws {
        self.question = question
        self.confidence = confidence
        try Self.requireRecorded(question, record)
        let scope = try Scope(question, record)
        cells = scope.cells
        specification = record.search ?? SearchSpecification()
        var (condition, assumptions) = (question.limits, scope.assumptions)
        if condition == nil, case .cheapest = question.wish {
            let limit = Setting.number(record.sla.limit.seconds)
            condition = .comparison(.metric(Metric(record.sla.statistic)), .less, limit)
            assumptions.append("\(record.sla), the campaign's SLA")
        }
        self.condition = condition
        limits = condition.map { Limits($0) }
        switch question.wish {
        case .best(let metric, let most):
            (self.metric, better) = (metric, most ? .higher : .lower)
        case .value(let metric): (self.metric, better) = (metric, metric.better ?? .lower)
        case .cheapest, .holds: (metric, better) = (nil, .lower)
        }
        let matrix = record.matrix
        let order = Self.order(question, matrix, specification.prices)
        if order != nil, case .cheapest(let sought) = question.wish,
            sought != matrix.axes.map(\.resource).filter(sought.contains)
        {
            let names = sought.map(\.rawValue).joined(separator: ", then ")
            assumptions.append("nobody said what things cost: the least \(names)")
        }
        self.assumptions = assumptions
        helped = try Self.space(matrix, specification.prices, order, moreHelps: true)
        unhelped = try Self.space(matrix, specification.prices, order, moreHelps: false)
        limited = limits?.isHelped == false ? unhelped : helped
        figured = metric.map { [better] in $0.better == better } == false ? unhelped : helped
        let limiting = question.limits == nil && condition != nil ? [Metric(record.sla.statistic)] : []
        metrics = (question.metrics + limiting).uniqued()
    }

    /// Where nobody said what things cost, the axis that is named first counts most.
    private static func order(_ question: MatrixQuestion, _ matrix: ResultMatrix, _ prices: Prices) -> [Resource]? {
        guard prices.isEmpty, case .cheapest(let sought) = question.wish, !sought.isEmpty else { return nil }
        return (sought + matrix.axes.map(\.resource)).uniqued()
    }

    private static func space(
        _ matrix: ResultMatrix, _ prices: Prices, _ order: [Resource]?, moreHelps: Bool
    ) throws(ConfigurationSpaceError) -> ConfigurationSpace {
        let space = try ConfigurationSpace(matrix, prices, moreHelps: moreHelps)
        guard let order else { return space }
        let places = order.compactMap { resource in matrix.axes.firstIndex { $0.resource == resource } }
        let sorted = space.configurations.sorted { a, b in
            places.map { a.levels[$0] }.lexicographicallyPrecedes(places.map { b.levels[$0] })
        }
        let ranks = Dictionary(sorted.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let costs = space.costs ?? []
        return try space.costing { costs[ranks[$0] ?? 0] }
    }

    private static func requireRecorded(_ question: MatrixQuestion, _ record: CampaignRecord) throws(QueryError) {
        let measurements = record.matrix.cells.compactMap(\.measurement)
        if measurements.isEmpty { return }
        let recorded = Metric.allCases.filter { metric in measurements.contains { $0.estimate(metric) != nil } }
        for metric in question.metrics where !recorded.contains(metric) {
            let remedy = metric == .energy ? "; 'energy: { core: 10 W }' in the service file has it recorded" : ""
            throw question.error(
                .metric(metric),
                "campaign \(record.id) did not record '\(metric.rawValue)'; it has "
                    + recorded.map(\.rawValue).joined(separator: ", ") + remedy)
        }
    }

    /// What a cell costs; nil where nobody said.
    package func cost(_ cell: Int) -> Double? { specification.prices.isEmpty ? nil : limited.costs?[cell] }

    /// Whether it is cheaper than another, also where nobody said what things cost.
    package func isCheaper(_ cell: Int, than other: Int) -> Bool {
        guard let costs = limited.costs else { return false }
        return costs[cell] < costs[other]
    }
}

extension Inquiry {
    /// The next experiment of a campaign that goes on for this question; `timeLeft` against `duration`, the time that one is
    /// expected to take.
    package func next(
        _ matrix: ResultMatrix, pending: [Allocation] = [], timeLeft: Duration, duration: Duration
    ) throws -> Driver.Step {
        var knowledge = Knowledge(self, matrix)
        knowledge.pending = matrix.cells.indices.filter { pending.contains(matrix.cells[$0].allocation) }
        let standing = try Standing(self, knowledge)
        let end = Conclusion(confidence: standing.nothingBetter ?? standing.certainty, why: "the question is answered")
        if standing.isSure { return pending.isEmpty ? .finish(end) : .wait }
        guard let (cell, why) = try standing.choice() else {
            return pending.isEmpty
                ? .finish(Conclusion(confidence: end.confidence, why: "no experiment is left that would tell more"))
                : .wait
        }
        guard timeLeft >= duration else {
            return pending.isEmpty
                ? .finish(Conclusion(confidence: end.confidence, why: "the time bound is reached")) : .wait
        }
        return .measure(matrix.cells[cell].allocation, why: why, isCheck: false)
    }

    /// Whether what comes out of an experiment that is under way can still change the answer.
    package func canMatter(_ matrix: ResultMatrix) throws -> Bool {
        try !Standing(self, Knowledge(self, matrix)).isSure
    }

    /// What would be measured, in order, if each came out as is expected of it; and whether that makes it sure.
    ///
    /// At most `most`, and fewer where each takes long to find.
    package func plan(_ matrix: ResultMatrix, most: Int = 12) throws -> (cells: [Int], isWhole: Bool) {
        var knowledge = Knowledge(self, matrix)
        knowledge.reopen()
        let most = max(1, min(most, Self.work / max(1, knowledge.count)))
        var plan: [Int] = []
        while true {
            let standing = try Standing(self, knowledge)
            if standing.isSure { return (plan, true) }
            guard let (cell, _) = try standing.choice() else { return (plan, false) }
            if plan.count == most { return (plan, false) }
            plan.append(cell)
            // Of the first ones nothing is expected yet: what is chosen then depends on what they come to.
            guard standing.believe(cell, &knowledge) else { return (plan, false) }
        }
    }

    /// Measured cells times experiments that are planned ahead.
    private static let work = 600
}
