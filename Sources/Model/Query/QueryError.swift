/// A condition or order that cannot be understood or met: where, and what is known.
package struct QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was written.
    package let text: String
    /// Where it goes wrong, in characters from 1 on.
    package let place: Int
    package let reason: String

    package init(_ text: String, at place: Int, _ reason: String) {
        self.text = text
        self.place = place
        self.reason = reason
    }

    package var description: String { "in '\(text)', at character \(place): \(reason)" }
}
