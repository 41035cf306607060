/// A covariance between cells, summed from tables over pairs of levels: cells lie on a grid, so that an exponential is
/// taken once per pair of levels and not once per pair of cells.
struct CovarianceTables: Sendable {
    let constant: Double
    /// Per axis, what two levels have in common by themselves.
    let effects: [[Double]]
    /// Per axis, how alike two levels are in how they change what another axis does.
    let links: [[Double]]
    let pairs: [(first: Int, second: Int, weight: Double)]
    /// The square of the scale of a measurement's error about the surface.
    let noise: Double
    let geometry: CellGeometry

    /// Rows × columns, row-major. With `isTriangular` (the same cells twice) only up to the diagonal.
    func covariance(_ rows: [Int], _ columns: [Int], isTriangular: Bool = false) -> [Double] {
        let (height, width) = (rows.count, columns.count)
        var result = [Double](repeating: constant, count: height * width)
        var alike: [[Double]] = []
        let isLinked = !pairs.isEmpty
        for (axis, effect) in zip(geometry.axes, effects) {
            let link = links[alike.count]
            var product = isLinked ? [Double](repeating: 0, count: height * width) : []
            let columnLevels = columns.map { axis.levels[$0] }
            for row in 0..<height {
                let start = axis.levels[rows[row]] * axis.count
                let place = row * width
                for column in 0..<(isTriangular ? row + 1 : width) {
                    result[place + column] += effect[start + columnLevels[column]]
                    if isLinked { product[place + column] = link[start + columnLevels[column]] }
                }
            }
            alike.append(product)
        }
        for pair in pairs {
            let (weight, first, second) = (pair.weight, alike[pair.first], alike[pair.second])
            for row in 0..<height {
                for index in row * width..<row * width + (isTriangular ? row + 1 : width) {
                    result[index] += weight * first[index] * second[index]
                }
            }
        }
        return result
    }

    /// The variance of each cell before anything is measured.
    func variances(_ cells: [Int]) -> [Double] {
        cells.map { cell in
            var sum = constant
            for (axis, effect) in zip(geometry.axes, effects) {
                sum += effect[axis.levels[cell] * axis.count + axis.levels[cell]]
            }
            // Every level is wholly alike to itself.
            for pair in pairs { sum += pair.weight }
            return sum
        }
    }
}
