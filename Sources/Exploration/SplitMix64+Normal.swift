import Glibc
package import Model

extension SplitMix64 {
    /// Standard normal (Box and Muller, 1958); the second of each pair is given up, so that there is no hidden state.
    package mutating func normal() -> Double {
        (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit())
    }

    /// Student's t (the polar method: Bailey, Math. Comp. 62, 1994).
    package mutating func student(degrees: Double) -> Double {
        (degrees * (pow(1 - unit(), -2 / degrees) - 1)).squareRoot() * cos(2 * .pi * unit())
    }
}
