import Model

/// The nearest surface that more of what helps does not make worse (the projection of a Gaussian process: Lin and Dunson,
/// Biometrika 101, 2014), taken as far as there is doubt.
///
/// Few cells, by the luck of which they are, can make it look as if more memory were slower. Where a cell is known well, a
/// surface that is not monotone is believed: hyper-threads, caches and collectors of garbage do make some.
struct MonotoneProjection {
    /// Per axis that helps, its lines of cells, each in ascending order.
    private let lines: [[[Int]]]
    private let sign: Double

    /// By how much more of what helps makes worse, where it does; a logarithm.
    private static let exception = 0.05
    /// Of Dykstra's algorithm over the axes.
    private static let rounds = 8

    init(_ geometry: CellGeometry, _ better: Better) {
        sign = better == .lower ? -1 : 1
        lines = geometry.axes.indices.filter { geometry.axes[$0].moreHelps }.map { index in
            let others = geometry.axes.indices.filter { $0 != index }.map { geometry.axes[$0].levels }
            let groups = Dictionary(grouping: 0..<geometry.cellCount) { cell in others.map { $0[cell] } }
            return groups.values.filter { $0.count > 1 }.map { cells in
                cells.sorted { geometry.axes[index].levels[$0] < geometry.axes[index].levels[$1] }
            }
        }
    }

    /// `means` and `variances` by cell.
    func projected(_ means: [Double], _ variances: [Double]) -> [Double] {
        let weights = variances.map { 1 / max($0, 1e-12) }
        var nearest = means
        var steps = lines.map { _ in means.map { _ in 0.0 } }
        for _ in 0..<(lines.count > 1 ? Self.rounds : 1) {
            for (axis, lines) in lines.enumerated() {
                for line in lines {
                    let before = line.map { nearest[$0] + steps[axis][$0] }
                    let after = ascending(before, line.map { weights[$0] })
                    for (place, cell) in line.enumerated() {
                        steps[axis][cell] = before[place] - after[place]
                        nearest[cell] = after[place]
                    }
                }
            }
        }
        let exception = Self.exception * Self.exception
        return means.indices.map { cell in
            means[cell] + variances[cell] / (variances[cell] + exception) * (nearest[cell] - means[cell])
        }
    }

    /// The nearest values that do not get worse, by weighted squares (pool adjacent violators).
    private func ascending(_ values: [Double], _ weights: [Double]) -> [Double] {
        var pools: [(mean: Double, weight: Double, count: Int)] = []
        for (value, weight) in zip(values, weights) {
            var pool = (mean: value, weight: weight, count: 1)
            while let last = pools.last, sign * last.mean > sign * pool.mean {
                let sum = last.weight + pool.weight
                pool = (
                    (last.mean * last.weight + pool.mean * pool.weight) / sum, sum, last.count + pool.count
                )
                pools.removeLast()
            }
            pools.append(pool)
        }
        return pools.flatMap { Array(repeating: $0.mean, count: $0.count) }
    }
}
