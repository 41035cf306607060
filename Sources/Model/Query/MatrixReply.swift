/// What a campaign's matrix answers to a question, how sure that is, and what would make it sure.
package struct MatrixReply: Hashable, Sendable {
    package enum Outcome: String, Hashable, Codable, Sendable {
        /// An allocation, by `cheapest` or `best`.
        case found
        /// No allocation that is asked about does.
        case nothing
        case yes, no
        /// What a metric is at one allocation.
        case figure
        /// None of these is as sure as was asked for.
        case unsure
    }

    /// An allocation with what is known of it.
    package struct Place: Hashable, Sendable {
        package let allocation: Allocation
        /// By `Cell.states`.
        package let state: String
        /// The metrics that are asked about, with intervals of `confidence`.
        package let figures: [Metric: Estimate]
        /// Nil where nobody said what things cost.
        package let cost: Double?
        /// The probability that the limits hold there; nil where there are none, or nothing is known.
        package let holds: Double?

        package init(
            _ allocation: Allocation, state: String, figures: [Metric: Estimate], cost: Double?, holds: Double?
        ) {
            self.allocation = allocation
            self.state = state
            self.figures = figures
            self.cost = cost
            self.holds = holds
        }
    }

    package let question: MatrixQuestion
    package let campaign: String
    package let domain: String
    package let outcome: Outcome
    /// What the answer names; where it is not sure, what is most probably meant.
    package let place: Place?
    /// Whether what is asked for holds at the place as surely as it has to.
    package let isGoodEnough: Bool
    /// The probability that nothing that is cheaper, or better, does; without a place that is good enough, that nothing does
    /// at all. Nil where that is not asked.
    package let nothingBetter: Double?
    /// How sure each of these probabilities has to be.
    package let confidence: Double
    /// What has to hold, in words; nil when nothing has to.
    package let limits: String?
    /// What was not said and taken to be.
    package let assumptions: [String]
    package let reasons: [String]
    /// What to measure, in order. They make it sure if they come out as expected, and `isPlanWhole`.
    package let experiments: [Place]
    package let isPlanWhole: Bool
    /// Whether nothing can be sure before a control clone was measured that is in line.
    package let lacksControl: Bool
    /// What they take, control clones included; nil when nothing is known of that.
    package let time: Duration?

    package init(
        _ question: MatrixQuestion, _ record: CampaignRecord, _ outcome: Outcome, _ place: Place?,
        isGoodEnough: Bool, nothingBetter: Double?, confidence: Double, limits: String?, assumptions: [String],
        reasons: [String], experiments: [Place],
        isPlanWhole: Bool, lacksControl: Bool, time: Duration?
    ) {
        self.question = question
        campaign = record.id
        domain = record.domain
        self.outcome = outcome
        self.place = place
        self.isGoodEnough = isGoodEnough
        self.nothingBetter = nothingBetter
        self.confidence = confidence
        self.limits = limits
        self.assumptions = assumptions
        self.reasons = reasons
        self.experiments = experiments
        self.isPlanWhole = isPlanWhole
        self.lacksControl = lacksControl
        self.time = time
    }

    /// Whether there is anything to measure for it.
    package var canBeRun: Bool { !experiments.isEmpty || lacksControl }
}
