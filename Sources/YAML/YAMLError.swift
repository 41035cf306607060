/// A file that cannot be read as what it should be: where, what was found, what was expected.
package struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let column: Int
    package let reason: String

    package var description: String { "\(file):\(line):\(column): \(reason)" }
}
