/// How the replies of a replay compare with the on-line ones, in counts: no payload is in it.
package struct ComparisonAccount: Hashable, Codable, Sendable {
    package var same = 0
    /// What differs is known to differ between any two replies.
    package var sameButForNoise = 0
    package var differing = 0
    /// No on-line reply was known in time.
    package var uncompared = 0
    /// Values of the recording that were replaced by the clone's own in requests.
    package var substitutions = 0
    /// Commands for statements that were prepared before the recording.
    package var unknownStatements = 0
    /// How often replies differed in what: `status`, `header etag`, `json items[].price`, `text`, `body`.
    package var kinds: [String: Int] = [:]

    package init() {}

    package var compared: Int { same + sameButForNoise + differing }

    /// What was added since an earlier reading of the same account.
    package func since(_ earlier: ComparisonAccount) -> ComparisonAccount {
        var difference = self
        difference.same -= earlier.same
        difference.sameButForNoise -= earlier.sameButForNoise
        difference.differing -= earlier.differing
        difference.uncompared -= earlier.uncompared
        difference.substitutions -= earlier.substitutions
        difference.unknownStatements -= earlier.unknownStatements
        difference.kinds = kinds.reduce(into: [:]) { result, kind in
            let count = kind.value - earlier.kinds[kind.key, default: 0]
            if count > 0 { result[kind.key] = count }
        }
        return difference
    }
}
