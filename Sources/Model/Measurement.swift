/// What became of every request that was captured for an experiment (invariant: each one is accounted for).
package struct RequestAccount: Hashable, Codable, Sendable {
    /// Requests seen complete on the wire within the measured window.
    package var captured = 0
    /// Requests that could not be duplicated whole: packets dropped by the kernel, or gaps in the TCP sequence.
    package var lost = 0
    package var sent = 0
    package var answered = 0
    /// Answered with a status of 500 or above where the on-line system answered below 500, or cut off by the clone.
    package var failed = 0
    /// Sent, and still without a reply when the experiment ended; their wait counts as their response time.
    package var unanswered = 0
    /// Answered with another status than on-line.
    package var mismatched = 0
    /// Due while the reply before it on its connection was still out, and therefore sent on a further connection.
    package var moved = 0
    /// Due then as well, and held back until that reply had come: their response time counts from when they were due.
    package var waited = 0
    /// Not sent: more waited for the clone than memory is given to.
    package var dropped = 0
    /// Left more than 20 ms after they were due.
    package var late = 0
    /// How much later than due the latest request left, in seconds.
    package var latest = 0.0
    /// What the capture did not see while the window was recorded: the reason of most that is lost.
    package var unseen = Unseen()

    package init() {}

    /// Records of earlier versions did not say everything.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        captured = try fields.decode(Int.self, forKey: .captured)
        lost = try fields.decode(Int.self, forKey: .lost)
        sent = try fields.decode(Int.self, forKey: .sent)
        answered = try fields.decode(Int.self, forKey: .answered)
        failed = try fields.decode(Int.self, forKey: .failed)
        unanswered = try fields.decode(Int.self, forKey: .unanswered)
        mismatched = try fields.decode(Int.self, forKey: .mismatched)
        moved = try fields.decode(Int.self, forKey: .moved)
        waited = try fields.decodeIfPresent(Int.self, forKey: .waited) ?? 0
        dropped = try fields.decodeIfPresent(Int.self, forKey: .dropped) ?? 0
        late = try fields.decode(Int.self, forKey: .late)
        latest = try fields.decode(Double.self, forKey: .latest)
        unseen = try fields.decodeIfPresent(Unseen.self, forKey: .unseen) ?? Unseen()
    }
}

/// How the out-proxy found its answers.
package struct AnswerAccount: Hashable, Codable, Sendable {
    /// Same question, same values.
    package var exact = 0
    /// Same question, other values.
    package var template = 0
    /// Another question of the same kind, which had its place in the session.
    package var nearest = 0
    /// Nothing recorded: a clone of the next tier was asked.
    package var forwarded = 0
    /// Nothing recorded, and nobody else to ask: the clone got an error instead of an answer.
    package var unmatched = 0
    /// Of all these, questions that waited for the recording.
    package var waited = 0
    /// Connections that were closed because the clone did not read its answers.
    package var overrun = 0

    package init() {}

    /// Records of earlier versions knew three ways only.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        exact = try fields.decode(Int.self, forKey: .exact)
        template = try fields.decode(Int.self, forKey: .template)
        nearest = try fields.decodeIfPresent(Int.self, forKey: .nearest) ?? 0
        forwarded = try fields.decodeIfPresent(Int.self, forKey: .forwarded) ?? 0
        unmatched = try fields.decode(Int.self, forKey: .unmatched)
        waited = try fields.decodeIfPresent(Int.self, forKey: .waited) ?? 0
        overrun = try fields.decodeIfPresent(Int.self, forKey: .overrun) ?? 0
    }

    package var total: Int { exact + template + nearest + forwarded + unmatched }
}

/// Response times of one window, each figure in seconds with its 95 % interval.
package struct ResponseTimes: Hashable, Codable, Sendable {
    package var count: Int
    /// Requests answered per second.
    package var throughput: Double
    /// Half of its interval, by what sections of the window differ by; nil in records of earlier versions.
    package var throughputHalf: Double?
    package var mean: Estimate
    package var p50: Estimate
    package var p95: Estimate
    package var p99: Estimate

    /// Nil when there are too few samples to say anything with an interval.
    package init?(_ samples: [ResponseSample], answered: Int, window: Duration) {
        guard window > .zero,
            let statistics = RunStatistics(samples)
        else { return nil }
        count = samples.count
        throughput = Double(answered) / window.seconds
        throughputHalf = RunStatistics.rateHalf(of: samples, window: window)
        mean = statistics.estimate(.mean)
        p50 = statistics.estimate(.p50)
        p95 = statistics.estimate(.p95)
        p99 = statistics.estimate(.p99)
    }

    package var throughputEstimate: Estimate {
        let half = throughputHalf ?? 0
        return Estimate(throughput, lower: max(0, throughput - half), upper: throughput + half)
    }

    package subscript(statistic: ResponseStatistic) -> Estimate {
        switch statistic {
        case .mean: mean
        case .p50: p50
        case .p95: p95
        case .p99: p99
        }
    }
}

/// Energy, by the node's counters (RAPL) or by a model where it has none; `model` says which.
package struct EnergyEstimate: Hashable, Codable, Sendable {
    package var joulesPerRequest: Double
    /// The model and its parameters, in words an operator can check.
    package var model: String

    package init(joulesPerRequest: Double, model: String) {
        self.joulesPerRequest = joulesPerRequest
        self.model = model
    }
}

/// One experiment's result: the clone under one allocation, and the on-line domain in the same window.
package struct Measurement: Hashable, Codable, Sendable {
    package var started: Timestamp
    /// Length of the measured window in seconds, warm-up excluded.
    package var window: Double
    /// What was left out of its beginning, in seconds, as it was slower than the rest; nil when nothing was.
    package var settling: Double?
    package var clone: ResponseTimes
    package var onLine: ResponseTimes
    package var requests: RequestAccount
    package var answers: AnswerAccount
    /// How the clone's replies compare with the on-line ones; nil in records of earlier versions.
    package var comparison: ComparisonAccount?
    /// CPU used by the clone over the window, in cores.
    package var cpuUsed: Double
    /// Half of its 95 % interval, by what sections of the window differ by; nil in records of earlier versions.
    package var cpuHalf: Double?
    /// CPU used by the on-line domain over the same stretch of time, in cores.
    package var onLineCPUUsed: Double
    package var energy: EnergyEstimate?
    /// How long the on-line domain stood for the clone's memory, in seconds; nil when it did not.
    package var pause: Double?
    /// In which way its memory was taken, and why so; nil when it was not, and in records of earlier versions.
    package var capture: String?
    /// The share of the processor time wanted on the node that its own host did not give it; nil when all was given.
    package var stolen: Double?
    /// How many experiments its clones had served before; nil when they were fresh.
    package var served: Int?
    /// The clone's figures over the on-line ones, with 95 % intervals; nil in records of earlier versions, but for controls.
    package var ratios: [ResponseStatistic: Estimate]?
    /// Of the on-line allocation: the clone's figures over all windows of the controls; nil when there was one.
    package var pooled: [ResponseStatistic: Estimate]?
    /// What `estimate(_:)` corrects the clone's response times by; nil when they are as they were measured.
    package var correction: Correction?
    /// What was measured in other sandboxes of the node meanwhile; nil when nothing was, and in records of earlier versions.
    package var beside: [Allocation]?
    /// The program that measured it, where that is not the campaign's: another one has gone on with that.
    package var version: String?
    /// How it was measured (`CampaignSpecification.manner`), where that is not the campaign's manner.
    package var manner: [String: String]?

    package init(
        started: Timestamp, window: Double, clone: ResponseTimes, onLine: ResponseTimes, requests: RequestAccount,
        answers: AnswerAccount, comparison: ComparisonAccount? = nil, cpuUsed: Double, onLineCPUUsed: Double,
        energy: EnergyEstimate?, pause: Double? = nil, settling: Double? = nil
    ) {
        self.started = started
        self.window = window
        self.clone = clone
        self.onLine = onLine
        self.requests = requests
        self.answers = answers
        self.comparison = comparison
        self.cpuUsed = cpuUsed
        self.onLineCPUUsed = onLineCPUUsed
        self.energy = energy
        self.pause = pause
        self.settling = settling
    }

    private func cpuEstimate(_ factor: Double) -> Estimate {
        let half = cpuHalf ?? 0
        return Estimate(cpuUsed * factor, lower: max(0, cpuUsed - half) * factor, upper: (cpuUsed + half) * factor)
    }

    /// What the on-line domain would show with the clone's allocation, as far as is known.
    package func estimate(_ metric: Metric) -> Estimate? {
        let corrected = { (statistic: ResponseStatistic) -> Estimate in
            let measured = pooled?[statistic] ?? clone[statistic]
            return correction?.correct(measured, statistic) ?? measured
        }
        return switch metric {
        case .throughput: clone.throughputEstimate
        case .mean: corrected(.mean)
        case .p50: corrected(.p50)
        case .p95: corrected(.p95)
        case .p99: corrected(.p99)
        case .cpuUsed: cpuEstimate(1)
        // By that of the processors, of which both models are; wider than it is, as requests and processors rise together.
        case .energy: energy.flatMap { cpuUsed > 0 ? cpuEstimate($0.joulesPerRequest / cpuUsed) : nil }
        case .errors: Estimate.share(requests.failed, of: requests.sent)
        case .differing: comparison.flatMap { Estimate.share($0.differing, of: $0.compared) }
        }
    }
}
