import Glibc

/// A mixture of normal distributions per cell, on the modelled scale: one component per kept draw.
struct Posterior: Sendable {
    var weights: [Double]
    /// By component, then by cell.
    var means: [[Double]]
    /// Of the surface itself, without a measurement's noise.
    var variances: [[Double]]
    /// The square of the scale of a measurement's noise, by component.
    var noises: [Double]
    /// By component, then by measurement: what the others say of it, of the surface itself.
    var leftOut: [[(mean: Double, variance: Double)]]

    func mean(_ cell: Int) -> Double {
        var sum = 0.0
        for index in weights.indices { sum += weights[index] * means[index][cell] }
        return sum
    }

    /// Of a measurement of the cell about its mean: how far nine in ten are, in a normal distribution's deviations.
    func deviation(_ cell: Int) -> Double {
        let centre = mean(cell)
        return Self.deviation(
            weights.indices.lazy.map { index in
                (weights[index], means[index][cell] - centre, variances[index][cell] + noises[index])
            })
    }

    /// The probability that a measurement of the cell is below `level`.
    func probability(_ cell: Int, below level: Double) -> Double {
        var sum = 0.0
        for index in weights.indices {
            let deviation = (variances[index][cell] + noises[index]).squareRoot()
            sum += weights[index] * Normal.below((level - means[index][cell]) / deviation)
        }
        return sum
    }

    /// The deviation of the normal distribution about zero whose interval of `Interpolation.confidence` holds as much of the
    /// mixture. Its second moment would be that of its widest components, which few measurements do not rule out: what
    /// holds nine in ten is narrower.
    private static func deviation(_ components: some Sequence<(weight: Double, offset: Double, variance: Double)>)
        -> Double
    {
        let kept = components.filter { $0.weight > 1e-5 }.map { ($0.weight, $0.offset, $0.variance.squareRoot()) }
        let total = kept.reduce(0) { $0 + $1.0 }
        let moment = (kept.reduce(0) { $0 + $1.0 * ($1.1 * $1.1 + $1.2 * $1.2) } / total).squareRoot()
        // What is not within it is at most a tenth (Chebyshev).
        var (low, high) = (0.0, moment / (1 - Interpolation.confidence).squareRoot())
        var reach = halfWidth * moment
        // Newton's method, and halving where it would leave what is known.
        for _ in 0..<30 {
            var (held, density) = (0.0, 0.0)
            for (weight, offset, deviation) in kept {
                let (from, to) = ((-reach - offset) / deviation, (reach - offset) / deviation)
                held += weight * (Normal.below(to) - Normal.below(from))
                density += weight * (Normal.density(to) + Normal.density(from)) / deviation
            }
            let excess = held / total - Interpolation.confidence
            if excess < 0 { low = reach } else { high = reach }
            let next = reach - excess * total / density
            let step = (next > low && next < high ? next : (low + high) / 2) - reach
            reach += step
            if abs(step) < 1e-4 * reach { break }
        }
        return reach / halfWidth
    }

    private static let halfWidth = Normal.halfWidth(Interpolation.confidence)

    /// What the other measurements say of one; the deviation is that of a measurement whose own run tells the variance `known`.
    ///
    /// The hyper-parameters were weighed by all measurements, so each component is divided by what it says of this one
    /// (importance sampling leave-one-out: Gelfand, Dey and Chang, 1992), bounded so that no component takes all.
    func leftOut(_ measurement: Int, measured: Double, known: Double) -> (mean: Double, deviation: Double) {
        let logs = weights.indices.map { index in
            let (mean, own) = leftOut[index][measurement]
            let variance = own + noises[index] + known
            let square = (measured - mean) * (measured - mean) / variance
            return log(weights[index])
                + min(0.5 * (log(variance) + square), Self.largestCorrection + 0.5 * log(variance))
        }
        let shares = PopulationMonteCarlo.normalized(logs)
        var centre = 0.0
        for index in shares.indices { centre += shares[index] * leftOut[index][measurement].mean }
        let deviation = Self.deviation(
            shares.indices.lazy.map { index in
                let (mean, own) = leftOut[index][measurement]
                return (shares[index], mean - centre, own + noises[index] + known)
            })
        return (centre, deviation)
    }

    private static let largestCorrection = 4.0
}
