package import Model
package import Wire

/// What the next tier answered on-line, and which of it answers the clone.
///
/// A question that comes again gets the recorded answers one after the other, in the order of the recording, so that a
/// value that changes on-line changes for the clone too.
package struct Recording: Sendable {
    package enum Match: Sendable, Hashable { case exact, template }

    private struct Entry: Sendable {
        var round: PostgreSQLRound
        var used: Bool
    }

    /// Rounds kept at most, and how long one stays available behind the clone's present.
    package static let limit = 200_000
    package static let reach = Duration.seconds(60)

    private var exact: [[PostgreSQLCall]: [Entry]] = [:]
    private var templates: [[String]: [PostgreSQLRound]] = [:]
    private var count = 0
    /// When to prune next: a quarter of the limit above what was left, so that pruning stays rare.
    private var pruneAt = Recording.limit

    package init() {}

    /// Adds a round as it was seen. `history` marks those from before the clone's present: they answer only what nothing
    /// newer does.
    package mutating func add(_ round: PostgreSQLRound, history: Bool = false) {
        // A statement prepared before the capture has no text to be found by, and a failed capture has no outcome.
        guard !round.calls.contains(where: { $0.sql == nil }), !round.outcomes.isEmpty else { return }
        exact[round.calls, default: []].append(Entry(round: round, used: history))
        let template = Self.template(round.calls)
        templates[template, default: []].append(round)
        if (templates[template]?.count ?? 0) > 64 { templates[template]?.removeFirst(32) }
        count += 1
        if count > pruneAt { prune(before: round.asked - Self.reach) }
    }

    private static func template(_ calls: [PostgreSQLCall]) -> [String] {
        // With values apart from the text, the text is the template.
        calls.map { call in call.values == nil ? SQLTemplate.of(call.sql ?? "") : call.sql ?? "" }
    }

    /// The recorded round for these calls; `present` is the on-line time the clone is living in.
    package mutating func answer(_ calls: [PostgreSQLCall], present: Timestamp) -> (PostgreSQLRound, Match)? {
        if var entries = exact[calls], !entries.isEmpty {
            let oldest = present - Self.reach
            let place =
                entries.firstIndex { !$0.used && $0.round.asked >= oldest }
                ?? entries.indices.min { a, b in
                    distance(entries[a].round, present) < distance(entries[b].round, present)
                } ?? 0
            entries[place].used = true
            let round = entries[place].round
            // Used entries before this one can only be asked for again when nothing newer is there.
            if place > 64 { entries.removeFirst(place - 32) }
            exact[calls] = entries
            return (round, .exact)
        }
        guard let candidates = templates[Self.template(calls)],
            let nearest = candidates.min(by: { distance($0, present) < distance($1, present) })
        else { return nil }
        return (nearest, .template)
    }

    private func distance(_ round: PostgreSQLRound, _ present: Timestamp) -> Int64 {
        abs(round.asked.nanoseconds - present.nanoseconds)
    }

    private mutating func prune(before time: Timestamp) {
        count = 0
        for (key, entries) in exact {
            // The last one stays, so that rare questions keep an answer.
            let kept = entries.filter { $0.round.asked >= time }
            exact[key] = kept.isEmpty ? entries.suffix(1) : kept
            count += max(1, kept.count)
        }
        pruneAt = max(Self.limit, count + Self.limit / 4)
    }
}
