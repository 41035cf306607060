/// Something that failed, and whose clones could not be removed whole either.
package struct CleanUpError: Error, Sendable, CustomStringConvertible {
    package let cause: any Error
    let left: any Error

    package init(cause: any Error, left: any Error) {
        self.cause = cause
        self.left = left
    }

    package var description: String { "\(cause); and then: \(left)" }
}
