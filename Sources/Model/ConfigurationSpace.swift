/// What configurations may be tried: every combination of the dimensions' levels that is not forbidden, with its cost where
/// that is known beforehand, and which of them runs on-line.
package struct ConfigurationSpace: Hashable, Sendable {
    /// One thing that is varied, with the levels it takes.
    package struct Dimension: Hashable, Sendable {
        package enum Levels: Hashable, Sendable {
            /// Ascending values in the unit of the resource.
            case numeric([Double], Scale)
            /// Names with an order but no distances, such as software releases.
            case ordered([String])
            /// Names without an order, such as node types.
            case unordered([String])
        }

        /// How far apart two values of a numeric dimension are taken to be.
        package enum Scale: Hashable, Sendable {
            case linear
            /// By their ratio.
            case logarithmic
            /// Half by each; where all values are above zero.
            case both
        }

        package let name: String
        package let levels: Levels
        /// Whether a higher level is known not to make the metric worse: more of a resource. Noise is allowed for.
        package let moreHelps: Bool

        package init(_ name: String, _ levels: Levels, moreHelps: Bool = false) {
            self.name = name
            self.levels = levels
            self.moreHelps = moreHelps
        }

        package var count: Int {
            switch levels {
            case .numeric(let values, _): values.count
            case .ordered(let names), .unordered(let names): names.count
            }
        }

        package var isOrdered: Bool { if case .unordered = levels { false } else { true } }
    }

    /// The level per dimension, as an index.
    package struct Configuration: Hashable, Sendable {
        package let levels: [Int]

        package init(_ levels: [Int]) { self.levels = levels }
    }

    package let dimensions: [Dimension]
    /// Those that are not forbidden, ascending, the first dimension slowest. Elsewhere a cell is an index into these.
    package let configurations: [Configuration]
    /// Price or resource units per configuration, above zero; nil when it is only known after an experiment.
    package private(set) var costs: [Double]?
    /// The configuration that runs on-line, when it is one of them.
    package private(set) var onLine: Int?

    /// - Throws: `ConfigurationSpaceError` when a dimension or a cost makes no sense, or nothing is left to try.
    package init(
        _ dimensions: [Dimension], isPermitted: (Configuration) -> Bool = { _ in true }
    ) throws(ConfigurationSpaceError) {
        for dimension in dimensions { try Self.check(dimension) }
        var combinations: [[Int]] = [[]]
        for dimension in dimensions {
            combinations = combinations.flatMap { partial in (0..<dimension.count).map { partial + [$0] } }
            guard combinations.count <= Self.largest else { throw .tooMany(limit: Self.largest) }
        }
        self.dimensions = dimensions
        configurations = combinations.map { Configuration($0) }.filter(isPermitted)
        if configurations.isEmpty { throw .nothingPermitted }
    }

    /// More cells than a campaign could ever weigh against each other.
    package static let largest = 100_000

    private static func check(_ dimension: Dimension) throws(ConfigurationSpaceError) {
        if dimension.count == 0 { throw .noLevels(dimension.name) }
        switch dimension.levels {
        case .ordered(let names), .unordered(let names):
            if Set(names).count != names.count { throw .repeated(dimension.name) }
        case .numeric(let values, let scale):
            if !values.allSatisfy(\.isFinite) { throw .notFinite(dimension.name) }
            if zip(values, values.dropFirst()).contains(where: { $0 >= $1 }) { throw .notAscending(dimension.name) }
            if scale != .linear, let first = values.first, first <= 0 { throw .notPositive(dimension.name, first) }
        }
    }

    /// The same space with a cost per configuration.
    package func costing(_ cost: (Configuration) -> Double) throws(ConfigurationSpaceError) -> ConfigurationSpace {
        var result = self
        let values = configurations.map(cost)
        if let wrong = values.firstIndex(where: { !$0.isFinite || $0 <= 0 }) {
            throw .senselessCost(description(wrong), values[wrong])
        }
        result.costs = values
        return result
    }

    /// The same space with what runs on-line; nothing changes when that is none of its configurations.
    package func running(_ configuration: Configuration) -> ConfigurationSpace {
        var result = self
        result.onLine = configurations.firstIndex(of: configuration)
        return result
    }

    /// `cpu 0.4, node c5`.
    package func description(_ cell: Int) -> String {
        zip(dimensions, configurations[cell].levels).map { dimension, level in
            switch dimension.levels {
            case .numeric(let values, _): "\(dimension.name) \(Format.significant(values[level]))"
            case .ordered(let names), .unordered(let names): "\(dimension.name) \(names[level])"
            }
        }.joined(separator: ", ")
    }

    /// Whether `a` has at least as much as `b` of everything that helps, and otherwise is the same.
    package func dominates(_ a: Int, _ b: Int) -> Bool {
        let (more, less) = (configurations[a].levels, configurations[b].levels)
        return dimensions.indices.allSatisfy {
            dimensions[$0].moreHelps ? more[$0] >= less[$0] : more[$0] == less[$0]
        }
    }
}

/// Why there is no such configuration space, and which dimension to mend.
package enum ConfigurationSpaceError: Error, Hashable, CustomStringConvertible {
    case noLevels(String)
    case repeated(String)
    case notFinite(String)
    case notAscending(String)
    case notPositive(String, Double)
    case tooMany(limit: Int)
    case nothingPermitted
    case senselessCost(String, Double)

    package var description: String {
        switch self {
        case .noLevels(let name): "axis '\(name)' has no values; give at least one"
        case .repeated(let name): "axis '\(name)' has a name twice; give each once"
        case .notFinite(let name): "axis '\(name)' has a value that is not a finite number"
        case .notAscending(let name): "axis '\(name)' has values that do not ascend; give each once, the least first"
        case .notPositive(let name, let value):
            "axis '\(name)' has the value \(value), which has no logarithm; use the linear scale"
        case .tooMany(let limit): "the axes have more than \(limit) combinations; give fewer values"
        case .nothingPermitted: "every combination of the axes is forbidden; forbid fewer"
        case .senselessCost(let configuration, let cost):
            "the cost of \(configuration) is \(cost); it has to be a number above zero"
        }
    }
}
