import Glibc
import Model

/// Where the cells of a space lie to each other, as far as the models need to know.
struct CellGeometry: Sendable {
    /// A dimension with at least two levels; others cannot explain anything.
    struct Axis: Sendable {
        enum Shape: Sendable {
            /// A coordinate in 0…1 per level, and the features in which a trend along it is linear.
            case ordered(coordinates: [Double], features: [[Double]])
            case unordered
        }

        let count: Int
        let shape: Shape
        /// The level of each cell.
        let levels: [Int]
        let moreHelps: Bool
        /// The levels as coordinates for straight lines, by value and by its logarithm (where it has one). Empty when
        /// unordered.
        let linear: [Double]
        let logarithmic: [Double]
        /// The logarithm of the last value over the first; 1 where there are no ratios.
        let span: Double

        var isOrdered: Bool { if case .ordered = shape { true } else { false } }
    }

    let axes: [Axis]
    let cellCount: Int

    init(_ space: ConfigurationSpace) {
        cellCount = space.configurations.count
        axes = space.dimensions.indices.compactMap { index in
            let dimension = space.dimensions[index]
            guard dimension.count > 1 else { return nil }
            let levels = space.configurations.map { $0.levels[index] }
            switch dimension.levels {
            case .unordered:
                return Axis(
                    count: dimension.count, shape: .unordered, levels: levels, moreHelps: false, linear: [],
                    logarithmic: [], span: 1)
            case .ordered(let names):
                let places = Self.normalized(names.indices.map(Double.init))
                return Axis(
                    count: names.count,
                    shape: .ordered(coordinates: places, features: places.map { [2 * ($0 - 0.5)] }),
                    levels: levels, moreHelps: dimension.moreHelps, linear: places, logarithmic: places, span: 1)
            case .numeric(let values, let scale):
                let linear = Self.normalized(values)
                let logarithmic = values[0] > 0 ? Self.normalized(values.map { log($0) }) : linear
                // Along it a trend's slope is an elasticity, which is about one at most whatever the axis.
                let span = values[0] > 0 ? log(values[values.count - 1] / values[0]) : 1
                let coordinates: [Double]
                let features: [[Double]]
                switch scale {
                case .linear:
                    coordinates = linear
                    features = linear.map { [2 * ($0 - 0.5)] }
                case .logarithmic:
                    coordinates = logarithmic
                    features = logarithmic.map { [span * ($0 - 0.5)] }
                case .both:
                    coordinates = zip(linear, logarithmic).map { ($0 + $1) / 2 }
                    features = zip(linear, logarithmic).map { [span * ($1 - 0.5), span / 2 * ($0 - 0.5)] }
                }
                return Axis(
                    count: values.count, shape: .ordered(coordinates: coordinates, features: features),
                    levels: levels, moreHelps: dimension.moreHelps, linear: linear,
                    logarithmic: scale == .linear ? linear : logarithmic, span: span)
            }
        }
    }

    private static func normalized(_ values: [Double]) -> [Double] {
        guard let first = values.first, let last = values.last, last > first else { return values.map { _ in 0 } }
        return values.map { ($0 - first) / (last - first) }
    }
}
