/// Linear interpolation (JustRunIt, section 2.4) between measured cells that agree in every unordered axis: multilinear
/// where the cells form a complete grid, by Delaunay simplices elsewhere. Beyond the measured cells the nearest counts.
struct StraightLines: Sendable {
    /// A value and how far it is from the nearest measured cell that it may be taken from, in parts of the axes' ranges.
    struct Point: Hashable, Sendable {
        let value: Double
        let distance: Double
    }

    private struct Site: Sendable {
        let position: [Double]
        let value: Double
    }

    private let geometry: CellGeometry
    private let usesLogarithms: Bool
    /// Measured cells by their levels of the unordered axes.
    private let groups: [[Int]: [Site]]

    /// `values`: on the scale in which lines are straight; of a cell that comes more than once, the mean counts.
    init(_ geometry: CellGeometry, cells: [Int], values: [Double], usesLogarithms: Bool) {
        self.geometry = geometry
        self.usesLogarithms = usesLogarithms
        var sums: [Int: (sum: Double, count: Double)] = [:]
        for (cell, value) in zip(cells, values) {
            let old = sums[cell] ?? (0, 0)
            sums[cell] = (old.sum + value, old.count + 1)
        }
        var groups: [[Int]: [Site]] = [:]
        for (cell, total) in sums.sorted(by: { $0.key < $1.key }) {
            groups[Self.group(cell, geometry), default: []].append(
                Site(
                    position: Self.position(cell, geometry, usesLogarithms), value: total.sum / total.count))
        }
        self.groups = groups
    }

    private static func group(_ cell: Int, _ geometry: CellGeometry) -> [Int] {
        geometry.axes.filter { !$0.isOrdered }.map { $0.levels[cell] }
    }

    private static func position(_ cell: Int, _ geometry: CellGeometry, _ usesLogarithms: Bool) -> [Double] {
        geometry.axes.filter(\.isOrdered).map {
            (usesLogarithms ? $0.logarithmic : $0.linear)[$0.levels[cell]]
        }
    }

    /// Nil when no cell of the same unordered levels is measured.
    func point(_ cell: Int) -> Point? {
        guard let sites = groups[Self.group(cell, geometry)] else { return nil }
        let target = Self.position(cell, geometry, usesLogarithms)
        let distances = sites.map { site in
            zip(site.position, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        }
        guard let nearest = distances.indices.min(by: { distances[$0] < distances[$1] }) else { return nil }
        if distances[nearest] == 0 { return Point(value: sites[nearest].value, distance: 0) }
        let value =
            Self.multilinear(target, sites)
            ?? Simplex.around(target, among: sites.map(\.position))?.reduce(0) {
                $0 + $1.weight * sites[$1.index].value
            }
        return Point(value: value ?? sites[nearest].value, distance: distances[nearest])
    }

    /// Nil unless the sites are every combination of their coordinates and the target is between them.
    private static func multilinear(_ target: [Double], _ sites: [Site]) -> Double? {
        let levels = target.indices.map { axis in Set(sites.map { $0.position[axis] }).sorted() }
        guard levels.reduce(1, { $0 * $1.count }) == sites.count else { return nil }
        var corners: [(position: [Double], weight: Double)] = [([], 1)]
        for (axis, value) in target.enumerated() {
            guard let above = levels[axis].first(where: { $0 >= value }),
                let below = levels[axis].last(where: { $0 <= value })
            else { return nil }
            let share = above > below ? (value - below) / (above - below) : 0
            let ends = share == 0 ? [(below, 1.0)] : [(below, 1 - share), (above, share)]
            var next: [(position: [Double], weight: Double)] = []
            for corner in corners {
                for (end, weight) in ends { next.append((corner.position + [end], corner.weight * weight)) }
            }
            corners = next
        }
        let values = Dictionary(uniqueKeysWithValues: sites.map { ($0.position, $0.value) })
        var sum = 0.0
        for corner in corners {
            guard let value = values[corner.position] else { return nil }
            sum += corner.weight * value
        }
        return sum
    }
}
