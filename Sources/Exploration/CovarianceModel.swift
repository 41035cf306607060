import Glibc

/// Which values of a metric are better.
package enum Better: Hashable, Sendable {
    case lower
    case higher
}

/// What is believed of a metric before anything is measured, as a Gaussian process over the cells.
///
/// The covariance is a sum: a constant, linear trends along the ordered axes, an effect of each axis by itself, and one of
/// each pair of axes (an additive Gaussian process: Duvenaud, Nickisch and Rasmussen, NIPS 2011). Effects by themselves
/// are what most surfaces are made of, and they are learnt from few cells, as each cell tells of each of its levels. Along
/// an ordered axis an effect is a smooth curve (Matérn 5/2) and a rough one (exponential), which takes up steps; unordered
/// levels are exchangeable.
///
/// Its hyper-parameters are logarithms, each with a normal prior, in units of the metric's own scale (`MetricScale`).
struct CovarianceModel: Sendable {
    /// Where each hyper-parameter stands in a vector of them.
    private struct Layout: Sendable {
        let noise = 0
        let slope = 1
        let pairLength = 2
        /// Ordered axes: amplitude, length, amplitude of the rough curve. Unordered ones: amplitude.
        var axes: [Int] = []
        var pairs: [(first: Int, second: Int, index: Int)] = []
        /// Of the axes that help.
        var elasticities: [(axis: Int, index: Int)] = []
    }

    private let geometry: CellGeometry
    private let layout: Layout
    let priorMean: [Double]
    let priorDeviation: [Double]

    /// The variance of the constant: next to nothing is known of the metric's level.
    private static let constant = 25.0
    private static let roughLength = 0.5
    /// Of the elasticity's logit: from next to nothing to nearly all that there could be.
    private static let elasticityPrior = (mean: 0.0, deviation: 1.2)
    private static let knownSlope = 0.3

    /// The direction in which the axes that help move the metric's logarithm: -1, 1, or 0 where that is not known.
    private let direction: Double

    /// `better`: which values of the metric are, where axes are known to help.
    init(_ geometry: CellGeometry, better: Better? = nil) {
        self.geometry = geometry
        direction =
            switch better {
            case .lower: -1
            case .higher: 1
            case nil: 0
            }
        var layout = Layout()
        var mean = [log(0.02), log(0.6), 0]
        var deviation = [1, 0.7, 0.4]
        for axis in geometry.axes {
            layout.axes.append(mean.count)
            mean.append(log(axis.isOrdered ? 0.2 : 0.12))
            deviation.append(0.9)
            guard axis.isOrdered else { continue }
            mean += [log(0.8), log(0.05)]
            deviation += [0.7, 1]
            if direction != 0, axis.moreHelps {
                layout.elasticities.append((axis: layout.axes.count - 1, index: mean.count))
                mean.append(Self.elasticityPrior.mean)
                deviation.append(Self.elasticityPrior.deviation)
            }
        }
        for first in geometry.axes.indices {
            for second in geometry.axes.indices where second > first {
                layout.pairs.append((first, second, mean.count))
                mean.append(log(0.05))
                deviation.append(1)
            }
        }
        self.layout = layout
        priorMean = mean
        priorDeviation = deviation
    }

    var parameterCount: Int { priorMean.count }

    /// The logarithm of the prior's density, up to a constant.
    func logPrior(_ parameters: [Double]) -> Double {
        var sum = 0.0
        for index in parameters.indices {
            let z = (parameters[index] - priorMean[index]) / priorDeviation[index]
            sum -= 0.5 * z * z
        }
        return sum
    }

    /// What is expected of each cell, but for a constant: more of what helps does, and at most in proportion.
    func trend(_ parameters: [Double]) -> (Int) -> Double {
        let slopes = layout.elasticities.map { elasticity in
            let axis = geometry.axes[elasticity.axis]
            return (axis, direction * axis.span / (1 + exp(-parameters[elasticity.index])))
        }
        return { cell in
            slopes.reduce(0) { $0 + $1.1 * ($1.0.logarithmic[$1.0.levels[cell]] - 0.5) }
        }
    }

    /// The covariance for one value of the hyper-parameters, as tables over pairs of levels.
    func tables(_ parameters: [Double]) -> CovarianceTables {
        var effects: [[Double]] = []
        var links: [[Double]] = []
        let slope = exp(2 * parameters[layout.slope])
        let pairLength = exp(parameters[layout.pairLength])
        for (axis, start) in zip(geometry.axes, layout.axes) {
            let amplitude = exp(2 * parameters[start])
            let n = axis.count
            var effect = [Double](repeating: 0, count: n * n)
            var link = effect
            switch axis.shape {
            case .unordered:
                for level in 0..<n {
                    effect[level * n + level] = amplitude
                    link[level * n + level] = 1
                }
            case .ordered(let coordinates, let features):
                let length = exp(parameters[start + 1])
                let rough = exp(2 * parameters[start + 2])
                let share = rough / (rough + amplitude)
                let slope = direction != 0 && axis.moreHelps ? slope * Self.knownSlope * Self.knownSlope : slope
                for a in 0..<n {
                    for b in 0...a {
                        let distance = abs(coordinates[a] - coordinates[b])
                        let exponential = exp(-distance / Self.roughLength)
                        let trend = zip(features[a], features[b]).reduce(0) { $0 + $1.0 * $1.1 }
                        let both = slope * trend + amplitude * Self.matern(distance / length) + rough * exponential
                        effect[a * n + b] = both
                        effect[b * n + a] = both
                        let pair = (1 - share) * Self.matern(distance / pairLength) + share * exponential
                        link[a * n + b] = pair
                        link[b * n + a] = pair
                    }
                }
            }
            effects.append(effect)
            links.append(link)
        }
        return CovarianceTables(
            constant: Self.constant, effects: effects, links: links,
            pairs: layout.pairs.map { ($0.first, $0.second, exp(2 * parameters[$0.index])) },
            noise: exp(2 * parameters[layout.noise]), geometry: geometry)
    }

    /// Matérn's covariance with ν = 5/2 (Rasmussen and Williams, Gaussian Processes for Machine Learning, eq. 4.17).
    static func matern(_ distance: Double) -> Double {
        let r = 5.0.squareRoot() * distance
        return (1 + r + r * r / 3) * exp(-r)
    }
}
