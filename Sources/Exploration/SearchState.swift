package import Model

/// What became of one experiment.
package struct Trial: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// The metric that is asked about; where they are known its standard error and the end of its interval that is worse;
        /// and what the cell cost where that is only known now.
        case measured(Double, error: Double? = nil, end: Double? = nil, cost: Double? = nil)
        /// The configuration could not serve: an error, an invalid measurement, a time-out. Not a number.
        case failed
        /// It came to nothing by no fault of the configuration: nothing is known of it, and it is not tried again in this search.
        case spoilt
    }

    package var cell: Int
    package var outcome: Outcome
    package var duration: Duration

    package init(cell: Int, _ outcome: Outcome, duration: Duration = .zero) {
        self.cell = cell
        self.outcome = outcome
        self.duration = duration
    }
}

/// What a campaign is for.
package enum SearchGoal: Hashable, Sendable {
    /// The least cost that keeps the metric on the right side of `limit`.
    case cheapest(limit: Double)
    /// The best value of the metric, at no more than `budget` of cost; without costs the budget is not asked.
    case best(budget: Double?)
    /// A matrix one can trust: where least is known comes first.
    case fill(width: Double)
    /// Every cell.
    case exhaustive
    /// JustRunIt's own way (section 2.4): corners, then midpoints along the dimension that gains most, until the gain falls
    /// below the threshold (a fraction).
    case justRunIt(threshold: Double)
    /// These cells, in this order.
    case measure([Int])
}

/// Everything that a decision rests on.
package struct SearchState: Sendable {
    package var trials: [Trial]
    /// Cells whose experiments are under way.
    package var pending: [Int]
    /// How many experiments can be started now.
    package var free: Int
    package var timeLeft: Duration
    /// What an experiment takes when none has been seen yet.
    package var expectedDuration: Duration

    package init(
        trials: [Trial] = [], pending: [Int] = [], free: Int = 1, timeLeft: Duration = .seconds(1 << 40),
        expectedDuration: Duration = .zero
    ) {
        self.trials = trials
        self.pending = pending
        self.free = free
        self.timeLeft = timeLeft
        self.expectedDuration = expectedDuration
    }
}

/// One experiment to do, and why in a sentence.
package struct Suggestion: Hashable, Sendable {
    package let cell: Int
    package let why: String
}

/// How a search ended: the cell that answers the question, when there is one.
package struct SearchEnd: Hashable, Sendable {
    package let answer: Int?
    package let conclusion: Conclusion

    package init(answer: Int?, confidence: Double, why: String) {
        self.answer = answer
        conclusion = Conclusion(confidence: confidence, why: why)
    }

    package var confidence: Double { conclusion.confidence }
    package var why: String { conclusion.why }
}

package enum SearchStep: Hashable, Sendable {
    /// At least one, at most as many as were free.
    case measure([Suggestion])
    /// Nothing to start until an experiment that is under way has ended.
    case wait
    case finish(SearchEnd)
}
