import Glibc
import Model

/// The fit of a `CovarianceModel` to measured cells, its hyper-parameters averaged by importance sampling.
///
/// Measurements are taken to be about the surface by a normal error whose variance differs from cell to cell, so that it is
/// Student's t over all cells: one odd measurement moves its surroundings little. Each cell's inflation of the variance is
/// its expectation, taken between rounds of sampling (Lange, Little and Taylor, JASA 84, 1989).
struct GaussianProcess {
    /// How much work a fit is. Few measurements leave most open and cost least: they get the most draws.
    enum Effort: Hashable, Sendable {
        /// For a matrix that people read.
        case careful
        /// For one decision of many.
        case quick

        func draws(measurements: Int) -> Int {
            switch self {
            case .careful: min(max(32_000 / max(measurements, 1), 240), 800)
            case .quick: min(max(12_000 / max(measurements, 1), 80), 240)
            }
        }

        var rounds: Int { self == .careful ? 10 : 7 }
        /// How many draws, the heaviest, are kept for predictions.
        var kept: Int { self == .careful ? 160 : 96 }
    }

    /// Degrees of freedom of the errors: a few in a hundred measurements of real surfaces are far off the rest.
    static let degreesOfFreedom = 2.5
    /// Added to every variance, so that cells with the same levels do not make the matrix singular.
    private static let jitter = 1e-8

    private let model: CovarianceModel
    private var cells: [Int]
    /// Measured values on the modelled scale, less their mean.
    private var values: [Double]
    private let centre: Double
    /// Known variances of the values.
    private var known: [Double]
    private var inflation: [Double]
    private var draws: [PopulationMonteCarlo.Draw] = []

    /// `values`: on the modelled scale, one per entry of `cells`; a cell may come more than once.
    /// `known`: the variance of each that is known from its own run.
    init(_ model: CovarianceModel, cells: [Int], values: [Double], known: [Double], effort: Effort, seed: UInt64) {
        precondition(!cells.isEmpty && cells.count == values.count && known.count == values.count)
        self.model = model
        self.cells = cells
        centre = values.reduce(0, +) / Double(values.count)
        self.values = values.map { [centre] in $0 - centre }
        self.known = known
        inflation = values.map { _ in 1 }
        var sampler = PopulationMonteCarlo(
            mean: model.priorMean, deviation: model.priorDeviation, drawCount: effort.draws(measurements: cells.count),
            randomness: SplitMix64(seed: seed))
        let levels = model.levels(of: cells)
        var gathered: [PopulationMonteCarlo.Draw] = []
        for round in 1...effort.rounds {
            sampler.advance { Fit(self, $0, levels: levels)?.logLikelihood ?? -.infinity }
            if round >= effort.rounds - 1 {
                gathered += sampler.draws
            } else if round >= 2 {
                draws = Self.heaviest(sampler.draws, 12)
                inflation = expectedInflation(levels)
            }
        }
        draws = Self.heaviest(gathered, effort.kept)
    }

    /// The fit to measurements of a metric.
    ///
    /// Cells in `pending` count as measured at what is expected of them, which takes away their uncertainty and nothing else
    /// (the kriging believer: Ginsbourger, Le Riche and Carraro, 2010).
    init(
        _ geometry: CellGeometry, _ observations: [Observation], pending: [Int], _ scale: MetricScale, better: Better?,
        effort: Effort, seed: UInt64
    ) {
        self.init(
            CovarianceModel(geometry, better: scale == .logarithmic ? better : nil), cells: observations.map(\.cell),
            values: observations.map { scale.modelled($0.value) }, known: observations.map(scale.modelledVariance),
            effort: effort, seed: seed)
        if pending.isEmpty { return }
        let posterior = posterior(of: pending)
        cells += pending
        values += pending.indices.map { posterior.mean($0) - centre }
        known += pending.map { _ in 0 }
        inflation += pending.map { _ in 1 }
    }

    private static func heaviest(_ draws: [PopulationMonteCarlo.Draw], _ count: Int) -> [PopulationMonteCarlo.Draw] {
        let order = draws.indices.sorted { (draws[$0].logWeight, $1) > (draws[$1].logWeight, $0) }
        return order.prefix(count).map { draws[$0] }
    }

    private var weights: [Double] { PopulationMonteCarlo.normalized(draws.map(\.logWeight)) }

    /// One value of the hyper-parameters with the factor of its covariance.
    private struct Fit {
        let tables: CovarianceTables
        let factor: CholeskyFactor
        let trend: (Int) -> Double
        /// What the trend leaves of the values.
        let rest: [Double]
        /// L⁻¹·rest.
        let white: [Double]
        let errors: [Double]

        /// `levels`: those of the measured cells, where nothing else is asked about.
        init?(_ process: GaussianProcess, _ parameters: [Double], levels: [[Int]]? = nil) {
            tables = process.model.tables(parameters, levels: levels)
            let count = process.cells.count
            var matrix = tables.covariance(process.cells, process.cells, isTriangular: true)
            let noise = tables.noise
            errors = zip(process.inflation, process.known).map { $0 * noise + $1 + GaussianProcess.jitter }
            for index in 0..<count { matrix[index * count + index] += errors[index] }
            guard let factor = CholeskyFactor(matrix, order: count) else { return nil }
            self.factor = factor
            let trend = process.model.trend(parameters)
            self.trend = trend
            rest = zip(process.values, process.cells).map { $0 - trend($1) }
            white = factor.whitened(rest)
        }

        var logLikelihood: Double { -0.5 * white.reduce(0) { $0 + $1 * $1 } - factor.halfLogDeterminant }
    }

    /// E[(ν + r²/σ²) / (ν + 1)] per measurement, r what its distance from the surface has beside what its own run explains, about a
    /// median of one.
    private func expectedInflation(_ levels: [[Int]]) -> [Double] {
        var result = [Double](repeating: 0, count: cells.count)
        for (draw, weight) in zip(draws, weights) where weight > 1e-6 {
            guard let fit = Fit(self, draw.parameters, levels: levels) else { continue }
            let solved = fit.factor.solved(fit.rest)
            let inverse = fit.factor.inverseDiagonal()
            for index in cells.indices {
                let error = inflation[index] * fit.tables.noise
                let residual = error * solved[index]
                let variance = max(0, error - error * error * inverse[index])
                result[index] +=
                    weight * (Self.degreesOfFreedom + (residual * residual + variance) / fit.tables.noise)
                    / (Self.degreesOfFreedom + 1)
            }
        }
        let median = result.sorted()[result.count / 2]
        return result.map { min(max($0 / max(median, 1e-12), 0.5), 50) }
    }

    /// What is believed of `targets`, each of the kept draws by itself; of large matrices the heaviest of them.
    func posterior(of targets: [Int]) -> Posterior {
        var result = Posterior(weights: [], means: [], variances: [], noises: [], leftOut: [])
        let work = max(1, targets.count * cells.count * cells.count)
        for (draw, weight) in zip(draws, weights).prefix(max(Self.fewest, Self.most / work)) {
            guard let fit = Fit(self, draw.parameters) else { continue }
            var rows = fit.tables.covariance(targets, cells)
            fit.factor.whiten(rows: &rows)
            var variances = fit.tables.variances(targets)
            var means = targets.map { centre + fit.trend($0) }
            let count = cells.count
            for target in targets.indices {
                var mean = 0.0
                var explained = 0.0
                for index in 0..<count {
                    let value = rows[target * count + index]
                    mean += value * fit.white[index]
                    explained += value * value
                }
                means[target] += mean
                variances[target] = max(variances[target] - explained, 1e-10)
            }
            result.weights.append(weight)
            result.means.append(means)
            result.variances.append(variances)
            result.noises.append(fit.tables.noise)
            // Rasmussen and Williams, eqs. 5.10 to 5.12.
            let solved = fit.factor.solved(fit.rest)
            let inverse = fit.factor.inverseDiagonal()
            result.leftOut.append(
                cells.indices.map { index in
                    let variance = max(1 / inverse[index] - fit.errors[index], 1e-10)
                    return (centre + values[index] - solved[index] / inverse[index], variance)
                })
        }
        let sum = result.weights.reduce(0, +)
        result.weights = result.weights.map { $0 / sum }
        return result
    }

    /// One that may be: what it is, and what its draw of the hyper-parameters expects.
    struct Surface {
        let weight: Double
        let means: [Double]
        let values: [Double]
        /// The square of the scale of a measurement's noise about it.
        let noise: Double
    }

    /// Whole surfaces over `targets` as they may be, `count` of each of the kept draws, with the weight of each.
    func surfaces(over targets: [Int], count: Int, randomness: inout SplitMix64) -> [Surface] {
        var result: [Surface] = []
        let size = targets.count
        for (draw, weight) in zip(draws, weights) {
            guard let fit = Fit(self, draw.parameters) else { continue }
            var rows = fit.tables.covariance(targets, cells)
            fit.factor.whiten(rows: &rows)
            var joint = fit.tables.covariance(targets, targets, isTriangular: true)
            LinearAlgebra.subtractOuterProduct(of: rows, rows: size, from: &joint)
            for index in 0..<size { joint[index * size + index] += Self.sampleJitter }
            guard let factor = CholeskyFactor(joint, order: size) else { continue }
            var means = targets.map { centre + fit.trend($0) }
            for target in 0..<size {
                for index in cells.indices { means[target] += rows[target * cells.count + index] * fit.white[index] }
            }
            var steps = randomness.normals(count * size)
            factor.apply(toRows: &steps)
            for index in 0..<count {
                result.append(
                    Surface(
                        weight: weight / Double(count), means: means,
                        values: zip(means, steps[index * size..<(index + 1) * size]).map { $0 + $1 },
                        noise: fit.tables.noise))
            }
        }
        return result
    }

    private static let sampleJitter = 1e-6
    /// Cells times measurements squared times draws that are predicted from at once, unless these are the fewest.
    private static let most = 4_000_000_000
    private static let fewest = 48
}
