import Glibc

/// What is usual for a series of windows, on the logarithm, and how far off that may be as the deviation of a normal error.
///
/// Windows of one campaign follow each other closely, and their minutes may be as unusual together as one of them alone: campaigns before
/// it say by how much. But something may have changed for good, and what was before that says nothing more of what is usual: how many
/// campaigns back it did, their likelihoods tell, and what is usual is the mean over that (Adams and MacKay 2007, Bayesian Online
/// Changepoint Detection, equations 1 to 3).
struct Usual {
    let level: Double
    let error: Double

    /// One campaign in so many is the first after a change that stays, of about this size on the logarithm: releases, growing tables, new
    /// machines. Neither is measured; both only decide where to stop believing in the past.
    private static let change = (hazard: 0.1, size: 0.3)

    /// Below it no campaigns differ.
    private static let least = 1e-6

    /// By the windows of this campaign, and of those before it in their order.
    init(_ own: [Double], earlier: [[Double]]) {
        let campaigns = earlier.filter { !$0.isEmpty } + [own]
        guard campaigns.count > Drift.fewest else {
            (level, error) = Self.alone(own)
            return
        }
        let levels = campaigns.map(Self.middle)
        let deviation = Self.deviation(of: levels, in: campaigns)
        // As many as there are differences, which the deviation is of.
        let freedom = levels.count - 1
        let runs = Self.runs(levels, deviation: deviation, degreesOfFreedom: freedom)
        let few = RunStatistics.studentT95(degreesOfFreedom: freedom) / Estimate.quantile
        let means = (1...levels.count).map { count in levels.suffix(count).reduce(0, +) / Double(count) }
        let level = zip(runs, means).reduce(0) { $0 + $1.0 * $1.1 }
        let variance = zip(runs, means).enumerated().reduce(0.0) { sum, run in
            let (place, (weight, mean)) = run
            let error = few * deviation
            return sum + weight * (error * error / Double(place + 1) + (mean - level) * (mean - level))
        }
        (self.level, error) = (level, variance.squareRoot())
    }

    /// Without others: what differs from day to day then does not show.
    private static func alone(_ windows: [Double]) -> (level: Double, error: Double) {
        let few = RunStatistics.studentT95(degreesOfFreedom: windows.count - 1) / Estimate.quantile
        let alike = min(1, Autocorrelation.time(windows) / Double(windows.count))
        return (middle(windows), few * Drift.deviation(of: windows) * alike.squareRoot())
    }

    /// How likely it is that the last one, the last two and so on are since the last change.
    private static func runs(_ levels: [Double], deviation: Double, degreesOfFreedom: Int) -> [Double] {
        let (precision, centre) = (1 / (deviation * deviation), levels.sorted()[levels.count / 2])
        let prior = 1 / (change.size * change.size)
        // The level of a run of so many, and by how much the next one may be off it.
        func density(_ place: Int, after count: Int) -> Double {
            let sum = levels[place - count..<place].reduce(0, +)
            let known = prior + Double(count) * precision
            return Self.density(
                levels[place] - (prior * centre + precision * sum) / known,
                deviation: (1 / known + deviation * deviation).squareRoot(), degreesOfFreedom: degreesOfFreedom)
        }
        var runs = [1.0]
        for place in 1..<levels.count {
            let goesOn = runs.enumerated().map { (1 - change.hazard) * $1 * density(place, after: $0 + 1) }
            let begins = change.hazard * density(place, after: 0)
            let all = begins + goesOn.reduce(0, +)
            runs = ([begins] + goesOn).map { $0 / all }
        }
        return runs
    }

    /// By how much campaigns differ: the middle of the steps from each to the next, which few changes do not move (of normal ones 0.6745
    /// deviations, and of a step's √2 of them); no less than what their windows differ by makes of it.
    private static func deviation(of levels: [Double], in campaigns: [[Double]]) -> Double {
        let steps = zip(levels, levels.dropFirst()).map { abs($1 - $0) }.sorted()
        let middle = (steps[(steps.count - 1) / 2] + steps[steps.count / 2]) / 2
        var (squares, freedom) = (0.0, 0)
        for windows in campaigns where windows.count > 1 {
            let own = Drift.deviation(of: windows)
            squares += own * own * Double(windows.count - 1)
            freedom += windows.count - 1
        }
        let counts = Double(campaigns.reduce(0) { $0 + $1.count }) / Double(campaigns.count)
        let within = freedom > 0 ? (squares / Double(freedom) / counts).squareRoot() : 0
        return max(middle / 0.6745 / 2.0.squareRoot(), within, least)
    }

    /// Student's t, but for what is the same for all deviations: Γ((n + 1) / 2) / (Γ(n / 2) √(nπ)).
    private static func density(_ value: Double, deviation: Double, degreesOfFreedom: Int) -> Double {
        let (n, z) = (Double(degreesOfFreedom), value / deviation)
        return pow(1 + z * z / n, -(n + 1) / 2) / deviation
    }

    /// The mean without the largest and the least fifth, at least one of each where there are three: a stall is no usual window.
    private static func middle(_ values: [Double]) -> Double {
        let cut = values.count < 3 ? 0 : max(1, values.count / 5)
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
