import Glibc

/// The standard normal distribution.
enum Normal {
    static func below(_ z: Double) -> Double { 0.5 * erfc(-z * 0.5.squareRoot()) }
    static func density(_ z: Double) -> Double { exp(-0.5 * z * z) / (2 * .pi).squareRoot() }
}
