/// The vertices and weights with which a point is interpolated linearly in the Delaunay triangulation of others, in any
/// number of dimensions.
///
/// The triangulation is not built: on the paraboloid |x|² its simplices are the faces of the lower hull, so that the simplex
/// around a point is the solution of a linear program with one row more than dimensions (Fukuda, Polyhedral computation
/// FAQ, 3.8). Ties between points on one sphere are broken by their order.
enum Simplex {
    struct Vertex: Hashable, Sendable {
        let index: Int
        let weight: Double
    }

    private static let tolerance = 1e-9

    /// Nil outside the hull of `points`. All have as many coordinates as `target`.
    static func around(_ target: [Double], among points: [[Double]]) -> [Vertex]? {
        let rows = target.count + 1
        let columns = points.count
        guard columns > 0 else { return nil }
        // Moved so that the target is the origin: distances stay, and so does the triangulation.
        let shifted = points.map { point in zip(point, target).map { $0 - $1 } }
        let costs = shifted.map { $0.reduce(0) { $0 + $1 * $1 } }
        // minimise Σ λ·cost, Σ λ·x = 0, Σ λ = 1, λ ≥ 0; one artificial variable a row.
        let width = columns + rows + 1
        var tableau = (0..<rows).map { row in
            var line = [Double](repeating: 0, count: width)
            for column in 0..<columns { line[column] = row < target.count ? shifted[column][row] : 1 }
            line[columns + row] = 1
            line[width - 1] = row < target.count ? 0 : 1
            return line
        }
        var basis = (0..<rows).map { columns + $0 }
        let artificial = (0..<columns + rows).map { $0 < columns ? 0.0 : 1.0 }
        minimize(artificial, &tableau, &basis, allowed: columns + rows)
        let infeasibility = zip(basis, tableau).reduce(0) { $0 + ($1.0 >= columns ? $1.1[width - 1] : 0) }
        if infeasibility > 1e-7 { return nil }
        // What is artificial and still there stands at nought; a column of a point takes its place where one can.
        for row in 0..<rows where basis[row] >= columns {
            if let column = (0..<columns).first(where: { abs(tableau[row][$0]) > tolerance }) {
                pivot(row, column, &tableau, &basis)
            }
        }
        minimize(costs + [Double](repeating: 0, count: rows), &tableau, &basis, allowed: columns)
        return zip(basis, tableau).compactMap { column, line in
            column < columns && line[width - 1] > tolerance ? Vertex(index: column, weight: line[width - 1]) : nil
        }
    }

    /// The simplex algorithm with Bland's rule, which does not cycle.
    private static func minimize(
        _ costs: [Double], _ tableau: inout [[Double]], _ basis: inout [Int], allowed: Int
    ) {
        let last = (tableau.first?.count ?? 1) - 1
        while true {
            let entering = (0..<allowed).first { column in
                var reduced = costs[column]
                for row in tableau.indices { reduced -= costs[basis[row]] * tableau[row][column] }
                return reduced < -tolerance
            }
            guard let entering else { return }
            var leaving: Int?
            var least = Double.infinity
            for row in tableau.indices where tableau[row][entering] > tolerance {
                let ratio = tableau[row][last] / tableau[row][entering]
                if let current = leaving, ratio > least - 1e-12, !(ratio < least + 1e-12 && basis[row] < basis[current])
                {
                    continue
                }
                least = min(least, ratio)
                leaving = row
            }
            guard let leaving else { return }
            pivot(leaving, entering, &tableau, &basis)
        }
    }

    private static func pivot(_ row: Int, _ column: Int, _ tableau: inout [[Double]], _ basis: inout [Int]) {
        let scale = tableau[row][column]
        for index in tableau[row].indices { tableau[row][index] /= scale }
        for other in tableau.indices where other != row {
            let factor = tableau[other][column]
            if factor == 0 { continue }
            for index in tableau[other].indices { tableau[other][index] -= factor * tableau[row][index] }
        }
        basis[row] = column
    }
}
