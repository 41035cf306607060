package import Model

extension ResultMatrix {
    /// One axis of numbers: more along it is not worse, so that one measured cell says something of all others.
    package var isOrdered: Bool { axes.count == 1 && axes.first?.numbers != nil }
}

/// Picks the next experiment. Pure and deterministic: the matrix so far and the time left in, a step out.
package struct Driver: Sendable {
    package enum Step: Hashable, Sendable {
        case measure(Allocation, why: String)
        case finish(why: String)
    }

    private let goal: Goal
    private let sla: SLA

    package init(goal: Goal, sla: SLA) {
        self.goal = goal
        self.sla = sla
    }

    /// `timeLeft` against `duration`, the time one experiment is expected to take.
    ///
    /// On one axis of numbers `cheapest` rests on one assumption, that more of the resource does not make the response time
    /// worse. Under it the answer lies between the largest cell that does not surely meet the SLA and the smallest that does, and halving
    /// that stretch finds it with the fewest experiments. Each halving also checks the interpolation at that cell.
    ///
    /// Elsewhere nothing is assumed: cells are measured in the order of their cost, which is the matrix's own, until one
    /// meets the SLA.
    package func next(_ matrix: ResultMatrix, timeLeft: Duration, duration: Duration) -> Step {
        let cells = matrix.cells
        func ifTimeAllows(_ index: Int, _ why: String) -> Step {
            timeLeft >= duration
                ? .measure(cells[index].allocation, why: why) : .finish(why: "the time bound is reached")
        }
        let open = cells.indices.filter { !Self.isSettled(cells[$0]) }
        if goal == .exhaustive {
            guard let first = open.first else { return .finish(why: "every cell is measured") }
            return ifTimeAllows(first, "every cell is wanted")
        }
        guard matrix.isOrdered else {
            if let meeting = Bracket(matrix, sla).lowestMeeting, open.first ?? cells.count > meeting {
                return .finish(why: "every cheaper allocation is measured")
            }
            guard let first = open.first else { return .finish(why: "every cell is measured") }
            return ifTimeAllows(first, "the cheapest of the \(open.count) that are left")
        }
        guard let last = cells.indices.last else { return .finish(why: "there is no cell") }
        let bracket = Bracket(matrix, sla)
        if let failed = bracket.lowestMeeting == nil ? bracket.highestViolating : nil, failed == last {
            return .finish(why: "even the largest allocation does not meet \(sla)")
        }
        guard let meeting = bracket.lowestMeeting else {
            return open.contains(last)
                ? ifTimeAllows(last, "the largest allocation: is \(sla) within reach at all?")
                : .finish(why: "the largest allocation could not be measured")
        }
        let between = open.filter { $0 > bracket.highestViolating ?? -1 && $0 < meeting }
        if !between.isEmpty {
            return ifTimeAllows(
                between[(between.count - 1) / 2], "the middle of the \(between.count) cells that may be the cheapest")
        }
        return lastCheck(Interpolator.fill(matrix), answer: meeting).map {
            ifTimeAllows($0, "no interpolated cell has been checked yet")
        } ?? .finish(why: "the cell below the answer does not surely meet \(sla)")
    }

    /// An interpolated cell to check when the search itself has checked none: the one nearest the answer.
    private func lastCheck(_ matrix: ResultMatrix, answer: Int) -> Int? {
        guard !matrix.cells.contains(where: { $0.check != nil }) else { return nil }
        return matrix.cells.indices.filter { matrix.cells[$0].state == "interpolated" }.min {
            abs($0 - answer) < abs($1 - answer)
        }
    }

    private static func isSettled(_ cell: Cell) -> Bool {
        switch cell.content {
        case .measured, .invalid: true
        case .blank, .interpolated: false
        }
    }
}

/// What the measured cells say about where the cheapest allocation lies. Indices into the matrix's cells.
///
/// A cell meets the SLA when its whole interval does; one whose interval spans the limit is not good enough to act on.
package struct Bracket: Hashable, Sendable {
    package private(set) var highestViolating: Int?
    package private(set) var lowestMeeting: Int?

    package init(_ matrix: ResultMatrix, _ sla: SLA) {
        for (index, cell) in matrix.cells.enumerated() {
            guard let measurement = cell.measurement else { continue }
            if sla.isSurelyMet(by: measurement.clone[sla.statistic]) {
                lowestMeeting = min(lowestMeeting ?? index, index)
            } else {
                highestViolating = max(highestViolating ?? index, index)
            }
        }
        guard matrix.isOrdered else {
            if let meeting = lowestMeeting {
                highestViolating = matrix.cells.indices.last { $0 < meeting && matrix.cells[$0].measurement != nil }
            }
            return
        }
        // Noise can put a violating cell above a meeting one: then only what lies above it is trusted.
        if let violating = highestViolating, let meeting = lowestMeeting, meeting < violating {
            lowestMeeting = matrix.cells.indices.first { index in
                index > violating
                    && matrix.cells[index].measurement.map { sla.isSurelyMet(by: $0.clone[sla.statistic]) } ?? false
            }
        }
    }
}
