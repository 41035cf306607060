extension MatrixQuery {
    /// The cells of a matrix that answers, as it would be without its campaign.
    package func select(from matrix: ResultMatrix) -> [Cell] {
        let cells = matrix.cells.enumerated().map {
            FoundCell(campaign: "", service: "", tier: "", domain: "", number: $0, cell: $1)
        }
        return select(from: cells, axes: matrix.axes).map(\.cell)
    }

    /// Those of `cells` that answer. Names are ordered by their place on the axis, others as texts; cells that are alike
    /// stay in the order in which they were given.
    package func select(from cells: [FoundCell], axes: [Axis]) -> [FoundCell] {
        let found = cells.filter { condition?.holds(for: $0) ?? true }
        let keys = found.map { cell in
            (near.map { [Key.number(cell.distance(to: $0))] } ?? []) + order.map { Self.key($0, cell, axes) }
        }
        let sorted = found.indices.sorted { a, b in
            for (x, y) in zip(keys[a], keys[b]) where x != y { return x < y }
            return a < b
        }
        return sorted.prefix(limit ?? .max).map { found[$0] }
    }

    /// What cells are sorted by; those without the figure come last, however the others are sorted.
    private enum Key: Comparable {
        case number(Double)
        case text(String)
        case textDescending(String)
        case none

        static func < (a: Key, b: Key) -> Bool {
            switch (a, b) {
            case (.number(let a), .number(let b)): a < b
            case (.text(let a), .text(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
            case (.textDescending(let a), .textDescending(let b)): b.utf8.lexicographicallyPrecedes(a.utf8)
            case (.none, _): false
            case (_, .none): true
            case (.number, _): true
            default: false
            }
        }
    }

    private static func key(_ order: Order, _ cell: FoundCell, _ axes: [Axis]) -> Key {
        switch (cell[order.subject], order.subject) {
        case (nil, _): return .none
        case (.number(let number), _): return .number(order.descending ? -number : number)
        case (.name(let name), .axis(let resource)):
            // More than any number, as in comparisons.
            if resource.isNumeric { return .number(order.descending ? -.infinity : .infinity) }
            let axis = axes.first { $0.resource == resource }
            guard let place = axis?.values.firstIndex(of: .name(name)) else { return .none }
            return .number(order.descending ? -Double(place) : Double(place))
        case (.name(let name), _): return order.descending ? .textDescending(name) : .text(name)
        }
    }
}
