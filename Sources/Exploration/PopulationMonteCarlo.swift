import Glibc
import Model

/// Draws of hyper-parameters with importance weights, each round nearer to where the posterior is (population Monte Carlo:
/// Cappé, Guillin, Marin and Robert, J. Comput. Graph. Stat. 13, 2004). No gradients, and a fixed number of evaluations.
struct PopulationMonteCarlo {
    struct Draw {
        var parameters: [Double]
        var logWeight: Double
    }

    let mean: [Double]
    let deviation: [Double]
    let drawCount: Int
    var randomness: SplitMix64
    /// The draws of the last round.
    private(set) var draws: [Draw] = []
    /// Those of the rounds before it, the latest first, from which proposals are made, too.
    private var older: [Draw] = []

    private static let priorShare = 0.1
    /// The proposal is wider than what it is made from, so that weights stay bounded.
    private static let widening = 1.2
    /// From how many rounds, the last one included, a proposal is made (in the manner of adaptive multiple importance sampling:
    /// Cornuet, Marin, Mira and Robert, Scand. J. Stat. 39, 2012): a covariance of many parameters takes many draws.
    private static let remembered = 3

    init(mean: [Double], deviation: [Double], drawCount: Int, randomness: SplitMix64) {
        self.mean = mean
        self.deviation = deviation
        self.drawCount = drawCount
        self.randomness = randomness
    }

    /// One more round; the first draws from the prior. `logLikelihood` is -infinity where there is none.
    mutating func advance(_ logLikelihood: ([Double]) -> Double) {
        if draws.isEmpty {
            for index in 0..<drawCount {
                let parameters = index == 0 ? mean : priorDraw()
                draws.append(Draw(parameters: parameters, logWeight: logLikelihood(parameters)))
            }
            return
        }
        let (centre, factor) = proposal()
        let logShares = (log(Self.priorShare), log(1 - Self.priorShare))
        var next: [Draw] = []
        for _ in 0..<drawCount {
            var parameters: [Double]
            if randomness.unit() < Self.priorShare {
                parameters = priorDraw()
            } else {
                let step = factor.applied(to: centre.map { _ in randomness.normal() })
                parameters = zip(centre, step).map { $0 + $1 }
            }
            let prior = logPrior(parameters)
            let white = factor.whitened(zip(parameters, centre).map { $0 - $1 })
            let proposed = -0.5 * white.reduce(0) { $0 + $1 * $1 } - factor.halfLogDeterminant
            let density = logSum(logShares.0 + prior, logShares.1 + proposed)
            next.append(Draw(parameters: parameters, logWeight: logLikelihood(parameters) + prior - density))
        }
        older = Array((draws + older).prefix((Self.remembered - 1) * drawCount))
        draws = next
    }

    private mutating func priorDraw() -> [Double] {
        mean.indices.map { mean[$0] + deviation[$0] * randomness.normal() }
    }

    private func logPrior(_ parameters: [Double]) -> Double {
        var sum = 0.0
        for index in parameters.indices {
            let z = (parameters[index] - mean[index]) / deviation[index]
            sum -= 0.5 * z * z + log(deviation[index])
        }
        return sum
    }

    /// A normal distribution about the weighted draws, their weights tempered until enough of them count.
    private func proposal() -> (centre: [Double], factor: CholeskyFactor) {
        let count = mean.count
        let draws = draws + older
        var weights: [Double] = []
        for temper in [1, 0.7, 0.5, 0.35, 0.25, 0.12, 0.06, 0.03] {
            weights = Self.normalized(draws.map { temper * $0.logWeight })
            if 1 / weights.reduce(0, { $0 + $1 * $1 }) >= Double(count) { break }
        }
        var centre = [Double](repeating: 0, count: count)
        for (draw, weight) in zip(draws, weights) {
            for index in 0..<count { centre[index] += weight * draw.parameters[index] }
        }
        var spread = [Double](repeating: 0, count: count * count)
        for (draw, weight) in zip(draws, weights) where weight > 0 {
            for row in 0..<count {
                let difference = weight * (draw.parameters[row] - centre[row])
                for column in 0...row {
                    spread[row * count + column] += difference * (draw.parameters[column] - centre[column])
                }
            }
        }
        for row in 0..<count {
            for column in 0..<row { spread[row * count + column] *= 0.7 * Self.widening }
            let least = 0.15 * deviation[row]
            spread[row * count + row] = Self.widening * (spread[row * count + row] + least * least)
        }
        guard let factor = CholeskyFactor(spread, order: count) else {
            preconditionFailure("what is shrunk towards its diagonal is positive definite")
        }
        return (centre, factor)
    }

    /// Weights that sum to one from their logarithms.
    static func normalized(_ logarithms: [Double]) -> [Double] {
        let largest = logarithms.max() ?? 0
        guard largest.isFinite else { return logarithms.map { _ in 1 / Double(logarithms.count) } }
        let weights = logarithms.map { exp($0 - largest) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    private func logSum(_ a: Double, _ b: Double) -> Double {
        let larger = max(a, b)
        return larger + log(exp(a - larger) + exp(b - larger))
    }
}
