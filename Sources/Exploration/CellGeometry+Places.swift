extension CellGeometry {
    /// Where a cell stands on the ordered axes, each 0…1.
    func place(_ cell: Int) -> [Double] {
        axes.compactMap { axis in
            if case .ordered(let coordinates, _) = axis.shape { coordinates[axis.levels[cell]] } else { nil }
        }
    }

    /// In parts of the axes' ranges; half of one for each unordered axis that differs.
    func distance(_ a: Int, _ b: Int) -> Double {
        var squares = zip(place(a), place(b)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        for axis in axes where !axis.isOrdered && axis.levels[a] != axis.levels[b] { squares += 0.25 }
        return squares.squareRoot()
    }

    /// The cell nearest to a place on the ordered axes; the first of several.
    func nearest(_ target: [Double]) -> Int {
        var (best, least) = (0, Double.infinity)
        for cell in 0..<cellCount {
            let distance = zip(place(cell), target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            if distance < least { (best, least) = (cell, distance) }
        }
        return best
    }

    func centre() -> Int { nearest(axes.filter(\.isOrdered).map { _ in 0.5 }) }

    /// All of up to three ordered axes, else the two extreme ones.
    func corners() -> [Int] {
        let count = axes.count(where: \.isOrdered)
        if count == 0 { return [] }
        if count > 3 {
            return [[Double](repeating: 1, count: count), [Double](repeating: 0, count: count)].map(nearest)
        }
        return (0..<1 << count).reversed().map { corner in
            nearest((0..<count).map { Double(corner >> $0 & 1) })
        }
    }
}
