import Glibc

/// How far off predictions are, in units of what they say of themselves: a scaled Student's t, learnt from measurements that
/// were predicted without themselves.
///
/// Scale and degrees of freedom are averaged over a grid under a prior, so that few residuals move little and many decide:
/// a surface that keeps surprising gets wide intervals and, where the surprises are few and great, heavy tails.
struct Calibration: Hashable, Sendable {
    private struct Component: Hashable, Sendable {
        let scale: Double
        let degrees: Int
        let weight: Double
    }

    private let components: [Component]

    private static let scales = stride(from: -0.6, through: 1.41, by: 0.1).map { exp($0) }
    /// Even, for which the distribution has a closed form, with their prior weights.
    private static let degrees: [(count: Int, weight: Double)] = [(2, 0.15), (4, 0.3), (8, 0.3), (30, 0.25)]

    /// `residuals`: (measured − predicted) / predicted deviation, of measurements left out of their own prediction.
    /// `checks`: the same of cells that were predicted before they were measured at all.
    /// `priorScale`: what predictions of this kind are off by.
    init(residuals: [Double], checks: [Double] = [], priorScale: Double = 1) {
        var logs: [Double] = []
        var components: [(scale: Double, degrees: Int)] = []
        for scale in Self.scales {
            for (degrees, weight) in Self.degrees {
                let z = (log(scale) - log(priorScale)) / 0.3
                var sum = log(weight) - 0.5 * z * z
                for residual in residuals { sum += Self.logDensity(residual / scale, degrees) - log(scale) }
                // Nothing was tuned to these.
                for check in checks { sum += 2 * (Self.logDensity(check / scale, degrees) - log(scale)) }
                logs.append(sum)
                components.append((scale, degrees))
            }
        }
        self.components = zip(components, PopulationMonteCarlo.normalized(logs)).compactMap {
            $1 > 1e-4 ? Component(scale: $0.scale, degrees: $0.degrees, weight: $1) : nil
        }
    }

    /// The probability that a standardized residual is below `z`.
    func below(_ z: Double) -> Double {
        var sum = 0.0
        var total = 0.0
        for component in components {
            sum += component.weight * StudentT.below(z / component.scale, degrees: component.degrees)
            total += component.weight
        }
        return sum / total
    }

    /// The standardized residual that is not exceeded, in either direction, with probability `confidence`.
    func halfWidth(_ confidence: Double) -> Double {
        var (low, high) = (0.0, 100.0)
        for _ in 0..<50 {
            let middle = (low + high) / 2
            if 2 * below(middle) - 1 < confidence { low = middle } else { high = middle }
        }
        return high
    }

    private static func logDensity(_ z: Double, _ degrees: Int) -> Double {
        let n = Double(degrees)
        return lgamma((n + 1) / 2) - lgamma(n / 2) - 0.5 * log(n * .pi) - (n + 1) / 2 * log1p(z * z / n)
    }
}

/// Student's t distribution with an even number of degrees of freedom.
enum StudentT {
    /// Abramowitz and Stegun, 26.7.4.
    static func below(_ t: Double, degrees: Int) -> Double {
        precondition(degrees > 0 && degrees % 2 == 0)
        let n = Double(degrees)
        let cosine2 = n / (n + t * t)
        var term = 1.0
        var sum = 1.0
        for k in stride(from: 2, to: degrees, by: 2) {
            term *= Double(k - 1) / Double(k) * cosine2
            sum += term
        }
        return 0.5 + 0.5 * t / (n + t * t).squareRoot() * sum
    }
}
