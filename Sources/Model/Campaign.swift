/// The campaign's question.
package enum Goal: String, Hashable, Codable, CaseIterable, Sendable {
    /// The least allocation that meets the SLA.
    case cheapest
    /// Every cell measured.
    case exhaustive
}

/// How a campaign ended.
package enum Verdict: Hashable, Codable, Sendable {
    /// The least allocation of the axis that meets the SLA, measured or checked by experiment.
    case cheapest(Allocation)
    /// Even the largest allocation does not meet the SLA.
    case nothingMeets
    /// No trustworthy answer, and why.
    case undecided(String)
}

/// A verdict with the sentences that support it.
package struct Answer: Hashable, Codable, Sendable {
    package var verdict: Verdict
    package var reasons: [String]

    package init(_ verdict: Verdict, reasons: [String]) {
        self.verdict = verdict
        self.reasons = reasons
    }
}

/// How far the sandbox is from the on-line system: the clone at the on-line allocation, in the same window.
package struct ControlResult: Hashable, Codable, Sendable {
    package var allocation: Allocation
    package var measurement: Measurement
    package var limits: ControlLimits
    /// How often the control was measured before and was out of line.
    package var repeated: Int

    package init(allocation: Allocation, measurement: Measurement, limits: ControlLimits, repeated: Int = 0) {
        self.allocation = allocation
        self.measurement = measurement
        self.limits = limits
        self.repeated = repeated
    }

    /// Relative deviation of the clone's mean response time from the on-line one.
    package var meanDeviation: Double { measurement.clone.mean.value / measurement.onLine.mean.value - 1 }
    package var throughputDeviation: Double { measurement.clone.throughput / measurement.onLine.throughput - 1 }

    package var isWithinLimits: Bool {
        abs(meanDeviation) <= limits.mean && abs(throughputDeviation) <= limits.throughput
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
    package var domain: String
    package var connect: String
    package var node: String?
    package var started: Timestamp
    package var finished: Timestamp?
    package var state: State
    package var sla: SLA
    package var goal: Goal
    package var onLine: Allocation
    package var matrix: ResultMatrix
    package var control: ControlResult?
    package var answer: Answer?

    package init(
        id: String, service: String, tier: String, with: [String]? = nil, forward: [String]? = nil,
        clone: CloneSource? = nil, domain: String, connect: String, node: String?, started: Timestamp, sla: SLA,
        goal: Goal, onLine: Allocation, matrix: ResultMatrix
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
        self.onLine = onLine
        self.matrix = matrix
    }

    /// What was tried, for a reader: the domain, and what was cloned along with it.
    package var subject: String { with.map { "\(domain) with \($0.joined(separator: ", "))" } ?? domain }
}
