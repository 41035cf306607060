import Glibc

/// The standard normal distribution.
enum Normal {
    static func below(_ z: Double) -> Double { 0.5 * erfc(-z * 0.5.squareRoot()) }
    static func density(_ z: Double) -> Double { exp(-0.5 * z * z) / (2 * .pi).squareRoot() }

    /// The value that is not exceeded, in either direction, with this probability.
    static func halfWidth(_ probability: Double) -> Double {
        var (low, high) = (0.0, 40.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if erf(middle * 0.5.squareRoot()) < probability { low = middle } else { high = middle }
        }
        return high
    }
}
