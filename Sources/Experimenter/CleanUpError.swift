/// An experiment that failed, and whose clone could not be removed whole either.
package struct CleanUpError: Error, Sendable, CustomStringConvertible {
    package let cause: any Error
    let left: any Error

    package var description: String { "\(cause); and then: \(left)" }
}
