/// The campaign's question.
package enum Goal: String, Hashable, Codable, CaseIterable, Sendable {
    /// The cheapest allocation that meets the SLA.
    case cheapest
    /// The best value of a metric within a budget.
    case best
    /// Every cell measured, or interpolated with an interval that is narrow enough.
    case fill
    /// Every cell measured.
    case exhaustive
    /// JustRunIt's own way (section 2.4): corners, then midpoints where most is gained; the rest interpolated.
    case justRunIt = "justrunit"
    /// The cells that are named; the rest interpolated.
    case measure
}

/// How a search ended.
package struct Conclusion: Hashable, Codable, Sendable {
    /// The probability that nothing that was left unmeasured is a better answer, as far as the measurements tell.
    package var confidence: Double
    package var why: String

    package init(confidence: Double, why: String) {
        self.confidence = confidence
        self.why = why
    }
}

/// How a campaign ended.
package enum Verdict: Hashable, Codable, Sendable {
    /// The cheapest allocation that meets the SLA.
    case cheapest(Allocation)
    /// The allocation with the best value of the metric that was asked about.
    case best(Allocation)
    /// No allocation meets the SLA.
    case nothingMeets
    /// No trustworthy answer, and why.
    case undecided(String)
}

/// A verdict with the sentences that support it.
package struct Answer: Hashable, Codable, Sendable {
    package var verdict: Verdict
    package var reasons: [String]
    /// The probability that it is right, as far as the measurements tell; nil in records of earlier versions.
    package var confidence: Double?

    package init(_ verdict: Verdict, reasons: [String], confidence: Double? = nil) {
        self.verdict = verdict
        self.reasons = reasons
        self.confidence = confidence
    }

    /// In a word, where there is an allocation to take.
    package var word: String? {
        switch verdict {
        case .cheapest: "cheapest"
        case .best: "best"
        case .nothingMeets, .undecided: nil
        }
    }

    /// What it says to take.
    package var allocation: Allocation? {
        switch verdict {
        case .cheapest(let allocation), .best(let allocation): allocation
        case .nothingMeets, .undecided: nil
        }
    }
}

/// What is kept of a campaign: the question, the on-line point, the matrix and the answer.
package struct CampaignRecord: Hashable, Codable, Sendable {
    package enum State: String, Hashable, Codable, Sendable { case running, done, failed, interrupted }

    package var id: String
    package var service: String
    package var tier: String
    /// Tiers that were cloned along and joined with it; nil when there were none.
    package var with: [String]?
    /// Tiers whose clones were asked what was not recorded; nil when there were none.
    package var forward: [String]?
    /// What clones began with; nil in records of earlier versions, which knew disks only.
    package var clone: CloneSource?
    /// The recorded requests that were played; nil when they were the live ones.
    package var trace: String?
    /// The program that measured last, by the sum that its linker gave it; nil in records of earlier versions.
    package var version: String?
    /// What names of the file stood for, as sums; nil in records of earlier versions.
    package var meanings: [String: String]?
    /// How its cells are measured, by the file's words; nil in records of earlier versions.
    package var manner: [String: String]?
    package var domain: String
    package var connect: String
    package var node: String?
    package var started: Timestamp
    package var finished: Timestamp?
    package var state: State
    package var sla: SLA
    package var goal: Goal
    /// Nil in records of earlier versions.
    package var search: SearchSpecification?
    package var onLine: Allocation
    package var matrix: ResultMatrix
    /// The latest.
    package var control: ControlResult?
    /// Those before it, the first first; nil when there was one only.
    package var earlierControls: [ControlResult]?
    /// The on-line domain under the same allocation in earlier campaigns' windows, the latest first; nil when there were none.
    package var earlierWindows: [ResponseTimes]?
    /// How many of these each of those campaigns had, the latest first; nil in records of earlier versions.
    package var earlierCounts: [Int]?
    /// Clones that had served before were out of line where fresh ones were not, so that each cell has fresh ones; nil when not.
    package var isFresh: Bool?
    /// How the search ended; nil as long as it has not.
    package var conclusion: Conclusion?
    package var answer: Answer?

    package init(
        id: String, service: String, tier: String, with: [String]? = nil, forward: [String]? = nil,
        clone: CloneSource? = nil, domain: String, connect: String, node: String?, started: Timestamp, sla: SLA,
        goal: Goal, search: SearchSpecification? = nil, onLine: Allocation, matrix: ResultMatrix
    ) {
        self.id = id
        self.service = service
        self.tier = tier
        self.with = with
        self.forward = forward
        self.clone = clone
        self.domain = domain
        self.connect = connect
        self.node = node
        self.started = started
        self.state = .running
        self.sla = sla
        self.goal = goal
        self.search = search
        self.onLine = onLine
        self.matrix = matrix
    }

    /// All that were kept, the first first.
    package var controls: [ControlResult] { (earlierControls ?? []) + [control].compactMap(\.self) }

    /// What was tried, for a reader: the domain, and what was cloned along with it.
    package var subject: String { with.map { "\(domain) with \($0.joined(separator: ", "))" } ?? domain }
}
