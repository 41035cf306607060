/// What is wanted of a figure: less of it, or more.
package struct Objective: Hashable, Sendable {
    package let subject: MatrixQuery.Subject
    package let moreIsBetter: Bool

    package init(_ subject: MatrixQuery.Subject, moreIsBetter: Bool? = nil) {
        self.subject = subject
        // Of resources, times and energy less is better.
        self.moreIsBetter = moreIsBetter ?? (subject == .metric(.throughput))
    }

    /// `p95, cpu, most throughput`: two or more, `least` or `most` in front where it is not the usual one.
    package static func parse(_ text: String) throws(QueryError) -> [Objective] {
        var place = 0
        var objectives: [Objective] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: " ").map(String.init)
            let wish = words.count == 2 ? ["least": false, "most": true][words[0]] : nil
            guard words.count < 2 || wish != nil, words.count < 3 else {
                throw QueryError(text, at: place + 1, "expected a name, or 'least' or 'most' and a name")
            }
            guard let subject = try QueryParser.order(words.last ?? "").first?.subject else { continue }
            if case .axis(let resource) = subject, !resource.isNumeric {
                throw QueryError(
                    text, at: place + 1, "'\(resource.rawValue)' has names, of which none is more than another")
            }
            guard subject.isOfCell, subject != .state else {
                throw QueryError(
                    text, at: place + 1, "'\(subject.name)' is no figure of a cell; write axes and metrics")
            }
            objectives.append(Objective(subject, moreIsBetter: wish))
            place += part.count + 1
        }
        guard objectives.count >= 2 else {
            throw QueryError(
                text, at: 1, "one figure has a best cell, no choice; write two or more, such as 'p95, cpu'")
        }
        return objectives
    }
}

/// The cells of which no other is as good in everything and better in something (Pareto's).
package enum ParetoSet {
    /// In ascending order of the first objective, its best first. Cells that lack one of the figures are none; of cells that
    /// are alike in all, each is one.
    package static func of(_ cells: [FoundCell], _ objectives: [Objective]) -> [FoundCell] {
        let points = cells.compactMap { cell -> (cell: FoundCell, costs: [Double])? in
            let costs = objectives.compactMap { objective in
                cell[objective.subject]?.number.map { objective.moreIsBetter ? -$0 : $0 }
            }
            return costs.count == objectives.count ? (cell, costs) : nil
        }
        // Whatever is better than another stands before it, and whatever is worse than one of the set is worse than one
        // that was already taken.
        let sorted = points.sorted { $0.costs.lexicographicallyPrecedes($1.costs) }
        var set: [(cell: FoundCell, costs: [Double])] = []
        for point in sorted {
            let isDominated = set.contains { other in
                other.costs != point.costs && zip(other.costs, point.costs).allSatisfy { $0 <= $1 }
            }
            if !isDominated { set.append(point) }
        }
        return set.map(\.cell)
    }
}
