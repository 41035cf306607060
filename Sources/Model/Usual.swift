import Glibc

/// What is usual for a series of windows, on the logarithm, and how far off that may be as the deviation of a normal error.
///
/// Windows of one campaign follow each other closely, and their minutes may be as unusual together as one of them alone: campaigns before
/// it say by how much. Where it is out of line with these something has changed for good, or its minutes were such: which, their
/// likelihoods tell, and what is usual is the mean of both with these for weights.
struct Usual {
    let level: Double
    let error: Double

    /// One campaign in so many begins after a change that stays, by as much as this on the logarithm: what people tell of releases,
    /// growing tables, new machines. Neither is measured; both only decide where to stop believing in the past.
    private static let changed = (share: 0.1, size: 0.3)

    init(_ own: [Double], earlier: [Double]) {
        let whole = earlier + own
        let alone = (level: Self.middle(own), error: Self.error(of: own.count, in: whole))
        // As many windows together as these, of those before.
        let groups = (0..<earlier.count / own.count).map { place in
            let end = earlier.count - place * own.count
            return Self.middle(Array(earlier[end - own.count..<end]))
        }
        guard groups.count >= Drift.fewest else {
            (level, error) = alone
            return
        }
        let past = Self.middle(earlier)
        let difference = alone.level - past
        let spread = Drift.deviation(of: groups)
        // Of one more group about the mean of those.
        let further = spread * (1 + 1 / Double(groups.count)).squareRoot()
        let asBefore = Self.density(difference, deviation: further, degreesOfFreedom: groups.count - 1)
        let asChanged = Self.density(
            difference, deviation: (further * further + Self.changed.size * Self.changed.size).squareRoot(),
            degreesOfFreedom: groups.count - 1)
        let whether =
            Self.changed.share * asChanged / (Self.changed.share * asChanged + (1 - Self.changed.share) * asBefore)
        let together = (level: Self.middle(whole), error: Self.error(of: whole.count, in: whole))
        // Minutes have their ways after a change, too.
        let afterwards = RunStatistics.studentT95(degreesOfFreedom: groups.count - 1) / Estimate.quantile * spread
        level = together.level + whether * (alone.level - together.level)
        let apart = alone.level - together.level
        error =
            ((1 - whether) * together.error * together.error + whether * afterwards * afterwards
            + whether * (1 - whether) * apart * apart).squareRoot()
    }

    /// Of the mean of so many of these windows. What differs from day to day does so for all windows of a campaign: then those are worth
    /// fewer.
    private static func error(of count: Int, in windows: [Double]) -> Double {
        let few = RunStatistics.studentT95(degreesOfFreedom: windows.count - 1) / Estimate.quantile
        let alike = min(1, Autocorrelation.time(windows) / Double(count))
        return few * Drift.deviation(of: windows) * alike.squareRoot()
    }

    /// Student's t, but for what is the same for all deviations: Γ((n + 1) / 2) / (Γ(n / 2) √(nπ)).
    private static func density(_ value: Double, deviation: Double, degreesOfFreedom: Int) -> Double {
        let (n, z) = (Double(degreesOfFreedom), value / max(deviation, .leastNormalMagnitude))
        return pow(1 + z * z / n, -(n + 1) / 2) / max(deviation, .leastNormalMagnitude)
    }

    /// The mean without the largest and the least fifth, at least one of each: a stall is no usual window.
    private static func middle(_ values: [Double]) -> Double {
        let cut = max(1, values.count / 5)
        let kept = values.sorted()[cut..<values.count - cut]
        return kept.reduce(0, +) / Double(kept.count)
    }
}

extension Drift {
    /// By how much windows differ on the logarithm, all told: by what each does not know and by what drifts.
    static func spread(_ figures: [Double]) -> Double { deviation(of: figures.map { log($0) }) }

    static func deviation(of logarithms: [Double]) -> Double {
        let count = Double(logarithms.count)
        let mean = logarithms.reduce(0, +) / count
        let squares = logarithms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return count > 1 ? (squares / (count - 1)).squareRoot() : 0
    }
}
