import Model

/// Questions of a command line: what was read is sorted as it has to be, and what is told of it means the same.
enum QuestionEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let text = String(decoding: bytes, as: UTF8.self)
        let question: MatrixQuestion
        do throws(QueryError) { question = try QueryParser.question(text) } catch { return try check(error, text) }
        try sorted(question)
        let subjects = question.axes.map { MatrixQuery.Subject.axis($0) } + question.metrics.map { .metric($0) }
        for subject in subjects { try check(question.error(subject, "it is not there"), text) }
        if let limits = question.limits { try told(limits) }
    }

    /// It says something, of a place in what was written.
    private static func check(_ error: QueryError, _ text: String) throws(BrokenInvariant) {
        try BrokenInvariant.unless(!error.reason.isEmpty, "an error says nothing")
        try BrokenInvariant.unless(text.hasPrefix(error.text), "an error is of another text: \(error)")
        try BrokenInvariant.unless(
            (1...error.text.count + 1).contains(error.place), "an error is outside of the text: \(error)")
    }

    private static func sorted(_ question: MatrixQuestion) throws(BrokenInvariant) {
        let (selection, limits) = (leaves(question.selection), leaves(question.limits))
        try BrokenInvariant.unless(
            selection.allSatisfy { if case .axis = $0.subject { true } else { false } }, "cells are chosen by no axis")
        try BrokenInvariant.unless(
            limits.allSatisfy { if case .metric = $0.subject { true } else { false } }, "no metric has a limit")
        try BrokenInvariant.unless(
            limits.allSatisfy { ![.equal, .unequal].contains($0.comparison) }, "a metric has to be exactly a value")
        let fixed = Set(question.at.values.keys.map { MatrixQuery.Subject.axis($0) })
        try BrokenInvariant.unless(
            selection.allSatisfy { !fixed.contains($0.subject) }, "an axis is chosen and fixed")
        switch question.wish {
        case .cheapest(let axes):
            try BrokenInvariant.unless(
                Set(axes).count == axes.count && axes.allSatisfy { question.at[$0] == nil && !$0.isDemand },
                "what is looked for comes twice, is fixed or costs nothing")
        case .best: break
        case .value:
            try BrokenInvariant.unless(selection.isEmpty && limits.isEmpty, "a figure is asked for with a condition")
        case .holds:
            try BrokenInvariant.unless(selection.isEmpty && !limits.isEmpty, "nothing is asked to hold")
        }
    }

    /// What people are told of a condition is read as the same condition again.
    private static func told(_ condition: MatrixQuery.Condition) throws(BrokenInvariant) {
        let asked = leaves(condition)
        // Others are shown with an exponent, or rounded to nothing; nobody means them.
        let isMeant = { (leaf: Leaf) in (1e-9...1e9).contains(abs(leaf.limit)) }
        guard asked.allSatisfy(isMeant) else { return }
        let again: MatrixQuery.Condition?
        do throws(QueryError) { again = try QueryParser.condition(condition.text) } catch {
            throw BrokenInvariant("what is told cannot be read: \(error)")
        }
        let read = leaves(again)
        try BrokenInvariant.unless(
            asked.count == read.count
                && zip(asked, read).allSatisfy {
                    $0.subject == $1.subject && $0.comparison == $1.comparison
                        && abs($0.limit - $1.limit) <= 1e-6 * abs($0.limit) + 1e-9
                }, "'\(condition.text)' is told of other limits")
        // Parts hold and do not, in turn and together: a parenthesis that is missing shows.
        for one in asked.indices {
            for holding in [Set([one]), Set(asked.indices).subtracting([one])] {
                try BrokenInvariant.unless(
                    holds(condition, holding) == again.map { holds($0, holding) },
                    "'\(condition.text)' is told of another condition")
            }
        }
    }

    private struct Leaf {
        let subject: MatrixQuery.Subject
        let comparison: MatrixQuery.Comparison
        let limit: Double
    }

    private static func leaves(_ condition: MatrixQuery.Condition?) -> [Leaf] {
        switch condition {
        case nil: []
        case .comparison(let subject, let comparison, let limit):
            [Leaf(subject: subject, comparison: comparison, limit: limit.number ?? 0)]
        case .all(let parts), .any(let parts): parts.flatMap { leaves($0) }
        }
    }

    /// Whether it does where of its comparisons these do, by their places.
    private static func holds(_ condition: MatrixQuery.Condition, _ holding: Set<Int>) -> Bool {
        var place = 0
        func value(_ part: MatrixQuery.Condition) -> Bool {
            switch part {
            case .comparison:
                defer { place += 1 }
                return holding.contains(place)
            // All of them are counted.
            case .all(let parts): return !parts.map(value).contains(false)
            case .any(let parts): return parts.map(value).contains(true)
            }
        }
        return value(condition)
    }
}
