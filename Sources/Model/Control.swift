/// How much the control clone may differ from the on-line domain before the sandbox is not trusted.
package struct ControlLimits: Hashable, Codable, Sendable {
    package var mean = 0.15
    package var throughput = 0.02
    /// How much the on-line domain's rate may change against the control's window until cells cannot be compared.
    package var load = 0.5
    /// After how many experiments the control is measured again.
    package var every = 8
    /// Whether it is measured again behind the last experiment, where there is time.
    package var closes = true
    /// Whether response times are corrected by what it finds.
    package var corrects = true
    /// Whether the mean's limit is scaled by what a queue makes of an error, and chance is not held against the control. Records
    /// of earlier versions were judged by the bare limit, and stay so.
    package var scales = true

    package init() {}

    /// Records of earlier versions did not say everything.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        mean = try fields.decode(Double.self, forKey: .mean)
        throughput = try fields.decode(Double.self, forKey: .throughput)
        load = try fields.decodeIfPresent(Double.self, forKey: .load) ?? load
        every = try fields.decodeIfPresent(Int.self, forKey: .every) ?? every
        closes = try fields.decodeIfPresent(Bool.self, forKey: .closes) ?? false
        corrects = try fields.decodeIfPresent(Bool.self, forKey: .corrects) ?? false
        scales = try fields.decodeIfPresent(Bool.self, forKey: .scales) ?? false
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

    /// Why what was measured in another window cannot be compared with this one's; nil when it can.
    package func loadMoved(_ other: Measurement) -> String? {
        let (before, now) = (measurement.onLine.throughput, other.onLine.throughput)
        guard abs(now / before - 1) > limits.load else { return nil }
        return
            "the on-line load moved: \(Format.significant(now))/s, and \(Format.significant(before))/s in the control's "
            + "window (limit ±\(Format.percent(limits.load)))"
    }

    /// What of the mean's deviation may be chance: the side of its 95 % interval on which no deviation is, as a fraction of the on-line
    /// mean.
    package var meanDoubt: Double {
        guard let ratio = measurement.ratio(.mean) else { return 0 }
        return ratio.value > 1 ? ratio.value - ratio.lower : ratio.upper - ratio.value
    }

    /// Up to this utilisation the limit for the mean is what it says.
    private static let easy = 0.5

    /// How many times as much as a domain that is half used this one deviates by the same error of the sandbox: that makes every
    /// request take longer by a share, and those that queue by more (`Drift.amplification`). A domain without a quota is taken not to
    /// queue.
    package var amplification: Double {
        guard limits.scales, let quota = allocation[.cpu]?.number, quota > 0 else { return 1 }
        // A clone that needs less for the same requests, or more, is not what the on-line domain is: it must not excuse itself.
        let used = min(measurement.cpuUsed, measurement.onLineCPUUsed) / quota
        return max(1, Drift.amplification(used, onLine: Self.easy))
    }

    /// By how much the mean may be above the on-line one, chance aside.
    package var meanLimit: Double { limits.mean * amplification }
    /// By how much below: of an error that makes it three times as long, the opposite makes it a third.
    package var lowerMeanLimit: Double { max(limits.mean, 1 - 1 / (1 + meanLimit)) }

    /// Whether the mean's deviation is within its limits by itself.
    package var isMeanWithinLimits: Bool { meanDeviation <= meanLimit && meanDeviation >= -lowerMeanLimit }

    /// A deviation is out of line that is beyond its limit by more than chance. What may be chance is in the interval of every cell that
    /// is corrected by it, so that little is claimed of a sandbox of which little is known; and no more chance than the limit, or than
    /// half of what is left below it, is believed.
    package var isWithinLimits: Bool {
        let forgives = limits.corrects && limits.scales
        let above = forgives ? min(meanDoubt, meanLimit) : 0
        let below = forgives ? min(meanDoubt, lowerMeanLimit, (1 - lowerMeanLimit) / 2) : 0
        return meanDeviation <= meanLimit + above && meanDeviation >= -lowerMeanLimit - below
            && abs(throughputDeviation) <= limits.throughput
    }

    /// For people: -42.9% to +75.0%.
    package var meanLimits: String { "\(Format.signedPercent(-lowerMeanLimit)) to \(Format.signedPercent(meanLimit))" }
}
