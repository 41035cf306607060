import Glibc

/// How much further off predictions are in one place than elsewhere, by how far off those of measurements nearby were
/// without themselves.
///
/// One noise for a whole surface is not what is found: a service that waits for another resource on some of its cells is
/// unsteady there. The scale is shrunk towards one, and about one on the whole: how far off predictions are everywhere is the
/// calibration's.
struct Surroundings {
    private let geometry: CellGeometry
    private let cells: [Int]
    /// Squares of residuals over their mean; about one each where all of them are small.
    private let squares: [Double]

    /// How many measurements at the very place the belief that it is like the rest is worth.
    private static let belief = 1.0
    /// Along an ordered axis, in parts of its range.
    private static let reach = 0.12
    /// How alike two levels of an unordered axis are.
    private static let otherLevel = 0.3
    /// In deviations; what is further off says no more.
    private static let furthest = 3.0
    /// Squares as small as this are alike.
    private static let least = 0.01

    /// `residuals`: of each of the measurements in `cells`, in deviations of what the others said of it.
    init(_ geometry: CellGeometry, cells: [Int], residuals: [Double]) {
        self.geometry = geometry
        self.cells = cells
        let squares = residuals.map { min($0 * $0, Self.furthest * Self.furthest) }
        let mean = squares.reduce(0, +) / Double(max(squares.count, 1))
        self.squares = squares.map { ($0 + Self.least) / (mean + Self.least) }
    }

    /// Of the predicted deviation at a cell. `without`: a measurement that is to say nothing of it.
    func scale(_ cell: Int, without: Int? = nil) -> Double {
        var (sum, total) = (Self.belief, Self.belief)
        for index in cells.indices where index != without {
            let weight = likeness(cell, cells[index])
            sum += weight * squares[index]
            total += weight
        }
        return (sum / total).squareRoot()
    }

    private func likeness(_ a: Int, _ b: Int) -> Double {
        var (distance, product) = (0.0, 1.0)
        for axis in geometry.axes {
            switch axis.shape {
            case .ordered(let coordinates, _):
                distance += abs(coordinates[axis.levels[a]] - coordinates[axis.levels[b]])
            case .unordered: if axis.levels[a] != axis.levels[b] { product *= Self.otherLevel }
            }
        }
        return product * exp(-distance / Self.reach)
    }
}
