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
        /// Of the axes that help: elasticity, knee, sharpness.
        var curves: [(axis: Int, index: Int)] = []
    }

    private let geometry: CellGeometry
    private let layout: Layout
    let priorMean: [Double]
    let priorDeviation: [Double]

    /// The variance of the constant: next to nothing is known of the metric's level.
    private static let constant = 25.0
    private static let roughLength = 0.5
    private typealias Prior = (mean: Double, deviation: Double)
    /// Of its logit: from nothing to all that there could be, and these more often than what is between.
    private static let elasticity: Prior = (0, 3)
    /// Where on the axis, in parts of its range, another resource becomes the narrowest; often beyond its end.
    private static let knee: Prior = (1, 0.6)
    /// The logarithm of how sharp the knee is: from a sum of two times (Amdahl) to the larger of them (a roof line).
    private static let sharpness: Prior = (2.3, 1)
    /// What is left of a slope where the curve of an axis that helps is known, as a part of it.
    private static let knownSlope = 0.5

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
        var deviation = [1, 1, 0.4]
        for axis in geometry.axes {
            layout.axes.append(mean.count)
            mean.append(log(0.15))
            deviation.append(axis.isOrdered ? 0.7 : 1)
            guard axis.isOrdered else { continue }
            mean += [log(1.4), log(0.05)]
            deviation += [0.5, 1]
            if direction != 0, axis.moreHelps {
                layout.curves.append((axis: layout.axes.count - 1, index: mean.count))
                for prior in [Self.elasticity, Self.knee, Self.sharpness] {
                    mean.append(prior.mean)
                    deviation.append(prior.deviation)
                }
            }
        }
        for first in geometry.axes.indices {
            for second in geometry.axes.indices where second > first {
                layout.pairs.append((first, second, mean.count))
                mean.append(log(0.02))
                deviation.append(1)
            }
        }
        self.layout = layout
        priorMean = mean
        priorDeviation = deviation
    }

    /// What is expected of each cell, but for a constant: more of what helps does, at most in proportion, and up to where
    /// something else becomes the narrowest.
    func trend(_ parameters: [Double]) -> (Int) -> Double {
        let curves = layout.curves.map { curve in
            let axis = geometry.axes[curve.axis]
            let elasticity = direction / (1 + exp(-parameters[curve.index]))
            let knee = parameters[curve.index + 1]
            let sharpness = exp(parameters[curve.index + 2])
            // -log(x^-p + k^-p) / p: the smaller of x and k, rounded off.
            let values = axis.logarithmic.map { place in
                elasticity * axis.span
                    * (min(place, knee) - log1p(exp(-abs(place - knee) * sharpness)) / sharpness)
            }
            return (levels: axis.levels, values: values)
        }
        return { cell in curves.reduce(0) { $0 + $1.values[$1.levels[cell]] } }
    }

    /// The levels that any of these cells has, by axis.
    func levels(of cells: [Int]) -> [[Int]] {
        geometry.axes.map { axis in Set(cells.map { axis.levels[$0] }).sorted() }
    }

    /// The covariance for one value of the hyper-parameters, as tables over pairs of levels; of these levels only, where some are given
    /// (in order, by axis).
    func tables(_ parameters: [Double], levels: [[Int]]? = nil) -> CovarianceTables {
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
                let wanted = levels?[effects.count] ?? Array(0..<n)
                for (place, a) in wanted.enumerated() {
                    for b in wanted[...place] {
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
