import Glibc
package import Model

extension SplitMix64 {
    /// Standard normal (Box and Muller, 1958); the second of each pair is given up, so that there is no hidden state.
    package mutating func normal() -> Double {
        (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit())
    }

    /// As many of them, two at a time (the polar method: Marsaglia and Bray, SIAM Review 6, 1964).
    package mutating func normals(_ count: Int) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(count + 1)
        while result.count < count {
            let (x, y) = (2 * unit() - 1, 2 * unit() - 1)
            let square = x * x + y * y
            guard square < 1, square > 0 else { continue }
            let factor = (-2 * log(square) / square).squareRoot()
            result.append(factor * x)
            result.append(factor * y)
        }
        result.removeLast(result.count - count)
        return result
    }

    /// Student's t (the polar method: Bailey, Math. Comp. 62, 1994).
    package mutating func student(degrees: Double) -> Double {
        (degrees * (pow(1 - unit(), -2 / degrees) - 1)).squareRoot() * cos(2 * .pi * unit())
    }
}
