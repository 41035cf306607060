import Glibc

/// A mixture of normal distributions per cell, on the modelled scale: one component per kept draw.
struct Posterior: Sendable {
    var weights: [Double]
    /// By component, then by cell.
    var means: [[Double]]
    /// Of the surface itself, without a measurement's noise.
    var variances: [[Double]]
    /// The variance of a measurement's noise, by component.
    var noises: [Double]
    /// By component, then by measurement: what the others say of it, of the surface itself.
    var leftOut: [[(mean: Double, variance: Double)]]

    func mean(_ cell: Int) -> Double {
        var sum = 0.0
        for index in weights.indices { sum += weights[index] * means[index][cell] }
        return sum
    }

    /// The variance of a measurement of the cell, over all components.
    func variance(_ cell: Int) -> Double {
        let centre = mean(cell)
        var sum = 0.0
        for index in weights.indices {
            let difference = means[index][cell] - centre
            sum += weights[index] * (variances[index][cell] + noises[index] + difference * difference)
        }
        return sum
    }

    /// What the other measurements say of one; the variance is that of a measurement.
    ///
    /// The hyper-parameters were weighed by all measurements, so each component is divided by what it says of this one
    /// (importance sampling leave-one-out: Gelfand, Dey and Chang, 1992), bounded so that no component takes all.
    func leftOut(_ measurement: Int, measured: Double) -> (mean: Double, variance: Double) {
        let logs = weights.indices.map { index in
            let (mean, own) = leftOut[index][measurement]
            let variance = own + noises[index]
            let square = (measured - mean) * (measured - mean) / variance
            return log(weights[index])
                + min(0.5 * (log(variance) + square), Self.largestCorrection + 0.5 * log(variance))
        }
        let shares = PopulationMonteCarlo.normalized(logs)
        var centre = 0.0
        for index in shares.indices { centre += shares[index] * leftOut[index][measurement].mean }
        var variance = 0.0
        for index in shares.indices {
            let (mean, own) = leftOut[index][measurement]
            variance += shares[index] * (own + noises[index] + (mean - centre) * (mean - centre))
        }
        return (centre, variance)
    }

    private static let largestCorrection = 4.0
}
