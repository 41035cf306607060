import Model

/// JustRunIt's own driver (section 2.4): the corners first; then, again and again, the midpoint of the widest gap along the
/// dimension that gains most, until the gain falls below the threshold.
struct MidpointSearch {
    private let search: Search
    private let book: TrialBook

    init(_ search: Search, _ book: TrialBook) {
        self.search = search
        self.book = book
    }

    /// `threshold`: of the change between neighbours, relative to the smaller.
    func decide(threshold: Double) -> Search.Choice {
        if let corner = search.geometry.corners().first(where: { !book.isTaken($0) }) {
            return .try(corner, "a corner")
        }
        var (choice, most) = (-1, 0.0)
        for (a, b) in neighbours() {
            guard let middle = middle(a.cell, b.cell) else { continue }
            let smaller = min(abs(a.value), abs(b.value))
            let gain = smaller > 0 ? abs(a.value - b.value) / smaller : .infinity
            if gain > most { (choice, most) = (middle, gain) }
        }
        let best = search.bestMeasured(book)
        if choice < 0 { return .stop(SearchEnd(answer: best, confidence: 0, why: "there is no midpoint left")) }
        if most < threshold {
            return .stop(
                SearchEnd(
                    answer: best, confidence: 0, why: "no dimension gains \(Format.percent(threshold)) any more"))
        }
        return .try(choice, "the middle of a gain of \(Format.percent(min(most, 100)))")
    }

    /// Measured cells that differ along one ordered axis only, with none measured between them.
    private func neighbours() -> [(TrialBook.Measured, TrialBook.Measured)] {
        var result: [(TrialBook.Measured, TrialBook.Measured)] = []
        for axis in search.geometry.axes where axis.isOrdered {
            var lines: [[Int]: [TrialBook.Measured]] = [:]
            for measured in book.measured {
                let rest = search.geometry.axes.map { other in
                    other.levels == axis.levels ? -1 : other.levels[measured.cell]
                }
                lines[rest, default: []].append(measured)
            }
            for line in lines.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }).map(\.value) {
                let sorted = line.sorted { axis.levels[$0.cell] < axis.levels[$1.cell] }
                result += zip(sorted, sorted.dropFirst())
            }
        }
        return result
    }

    /// The untried cell nearest the middle of two that differ along one axis.
    private func middle(_ a: Int, _ b: Int) -> Int? {
        let (first, second) = (search.space.configurations[a].levels, search.space.configurations[b].levels)
        let between = search.space.configurations.indices.filter { cell in
            let levels = search.space.configurations[cell].levels
            return !book.isTaken(cell)
                && levels.indices.allSatisfy { index in
                    first[index] == second[index]
                        ? levels[index] == first[index]
                        : levels[index] > min(first[index], second[index])
                            && levels[index] < max(first[index], second[index])
                }
        }
        let centre = zip(search.geometry.place(a), search.geometry.place(b)).map { ($0 + $1) / 2 }
        let offset = { (cell: Int) in
            zip(search.geometry.place(cell), centre).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        return between.min { offset($0) < offset($1) }
    }
}
