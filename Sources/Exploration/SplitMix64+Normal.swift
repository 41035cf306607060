import Glibc
package import Model

extension SplitMix64 {
    /// Standard normal (Box and Muller, 1958); the second of each pair is given up, so that there is no hidden state.
    package mutating func normal() -> Double {
        (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit())
    }
}
