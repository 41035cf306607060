/// How far a recorded answer may be from what a clone asks. The raw value is the name in service files; each includes those
/// before it.
package enum AnswerMatch: String, Hashable, Sendable, CaseIterable, Comparable {
    /// The same question with the same values.
    case exact
    /// The same question with other values.
    case template
    /// Another question of the same kind, which had its place in the session.
    case nearest

    private var width: Int {
        switch self {
        case .exact: 0
        case .template: 1
        case .nearest: 2
        }
    }

    package static func < (a: AnswerMatch, b: AnswerMatch) -> Bool { a.width < b.width }
}

/// What a clone's questions to the tiers behind it are answered with, as people write it:
/// `{ match: exact, unmatched: forward, delay: none }`.
package struct AnswerSpecification: Hashable, Sendable {
    /// What becomes of a question that nothing recorded answers.
    package enum Unmatched: Hashable, Sendable {
        case error
        /// An error, unless the answer is recorded within this time.
        case wait(Duration)
        /// A clone of the next tier is asked.
        case forward
    }

    package var match = AnswerMatch.nearest
    package var unmatched = Unmatched.error
    /// Whether a recorded answer takes as long as it did on-line.
    package var keepsDelay = true

    package init() {}
}
