import Foundation
import Model
import TestSupport
import Testing

@testable import Exploration

@Suite struct InterpolationTests {
    private typealias Dimension = ConfigurationSpace.Dimension

    private static func space(helps: Bool = true) throws -> ConfigurationSpace {
        try ConfigurationSpace([
            Dimension("cpu", .numeric((1...10).map { Double($0) / 10 }, .both), moreHelps: helps),
            Dimension("memory", .numeric([128, 256, 512, 1024], .both), moreHelps: helps),
            Dimension("node", .unordered(["a", "b"])),
        ])
    }

    /// A response time that saturates, with a step in memory and a slower node.
    private static func time(_ space: ConfigurationSpace, _ cell: Int) -> Double {
        let levels = space.configurations[cell].levels
        let cpu = Double(levels[0] + 1) / 10
        return max(0.02, 0.015 / cpu) * (levels[1] == 0 ? 1.4 : 1) * (levels[2] == 1 ? 1.2 : 1)
    }

    private static func observations(
        _ space: ConfigurationSpace, share: Double, noise: Double = 0.01, seed: UInt64
    ) -> [Observation] {
        var random = SeededGenerator(seed)
        return space.configurations.indices.shuffled(using: &random).prefix(
            Int(share * Double(space.configurations.count))
        ).map { cell in
            Observation(cell: cell, value: time(space, cell) * (1 + Double.random(in: -noise...noise, using: &random)))
        }
    }

    @Test(arguments: Interpolation.Method.allCases)
    func theSameSeedSaysTheSame(_ method: Interpolation.Method) throws {
        let space = try Self.space()
        let observations = Self.observations(space, share: 0.3, seed: 1)
        let (a, b) = try (
            Interpolation(space, observations, method: method, seed: 5),
            Interpolation(space, observations, method: method, seed: 5)
        )
        #expect(space.configurations.indices.allSatisfy { a.estimate($0) == b.estimate($0) })
    }

    /// Nine in ten intervals hold what is measured there, over many splits; 0.83 to 0.99 is what their number allows.
    @Test func intervalsHoldWhatTheySay() throws {
        let space = try Self.space()
        var random = SeededGenerator(6)
        var (held, all) = (0, 0)
        for seed in 0..<6 {
            let observations = Self.observations(space, share: 0.3, seed: UInt64(seed))
            let measured = Set(observations.map(\.cell))
            let filled = try Interpolation(space, observations, better: .lower, seed: UInt64(seed))
            for cell in space.configurations.indices where !measured.contains(cell) {
                let estimate = try #require(filled.estimate(cell))
                let value = Self.time(space, cell) * (1 + Double.random(in: -0.01...0.01, using: &random))
                all += 1
                if estimate.lower <= value, value <= estimate.upper { held += 1 }
            }
        }
        #expect((0.83...0.99).contains(Double(held) / Double(all)), "\(held) of \(all)")
    }

    @Test func itIsNearerThanStraightLinesWhereStepsAndNodesAre() throws {
        let space = try Self.space()
        func worst(_ method: Interpolation.Method) throws -> Double {
            let filled = try Interpolation(space, Self.observations(space, share: 0.25, seed: 3), method: method)
            return space.configurations.indices.map { cell in
                filled.estimate(cell).map { abs(log($0.value / Self.time(space, cell))) } ?? 1
            }.sorted()[space.configurations.count * 9 / 10]
        }
        #expect(try worst(.gaussianProcess) < 0.6 * worst(.linear))
        #expect(try worst(.gaussianProcess) < 0.6 * worst(.logLinear))
    }

    @Test func oneOddMeasurementMovesItsSurroundingsLittle() throws {
        let space = try Self.space()
        var observations = Self.observations(space, share: 0.6, noise: 0.002, seed: 4)
        let clean = try Interpolation(space, observations, better: .lower)
        observations[7].value *= 1.5
        let hit = try Interpolation(space, observations, better: .lower)
        let measured = Set(observations.map(\.cell))
        let shifts = try space.configurations.indices.filter { !measured.contains($0) }.map { cell in
            abs(log(try #require(hit.estimate(cell)).value / #require(clean.estimate(cell)).value))
        }
        #expect(shifts.reduce(0, +) / Double(shifts.count) < 0.03)
    }

    /// How far repetitions of a cell are apart is how far measurements are off, elsewhere as well.
    @Test func repetitionsTellTheNoise() throws {
        let space = try Self.space()
        let once = Self.observations(space, share: 0.2, noise: 0.01, seed: 8)
        func width(_ spread: Double) throws -> Double {
            let again = once.prefix(6).map { Observation(cell: $0.cell, value: $0.value * (1 + spread)) }
            let filled = try Interpolation(space, once + again, better: .lower, method: .gaussianProcess)
            let measured = Set(once.map(\.cell))
            let widths = space.configurations.indices.filter { !measured.contains($0) }
                .compactMap(filled.relativeWidth).sorted()
            return widths[widths.count / 2]
        }
        #expect(try width(0.3) > 1.5 * width(0.01))
    }

    /// Repetitions of a cell agree on it: many near one value outweigh one that is far off.
    @Test func repetitionsOutweighOneThatIsOff() throws {
        let space = try Self.space()
        var observations = Self.observations(space, share: 0.3, noise: 0.002, seed: 9)
        let cell = observations[3].cell
        let truth = Self.time(space, cell)
        observations[3].value = truth * 1.5
        observations += [0.998, 1.002, 1.001, 0.999].map { Observation(cell: cell, value: truth * $0) }
        let filled = try Interpolation(space, observations, better: .lower)
        #expect(abs(log(try #require(filled.estimate(cell)).value / truth)) < 0.05)
    }

    /// What looks as if more memory were slower is levelled where that is doubtful, and believed where it is known.
    @Test func whatHelpsDoesNotMakeWorse() throws {
        let space = try Self.space()
        let projection = MonotoneProjection(CellGeometry(space), .lower)
        let times = space.configurations.indices.map { log(Self.time(space, $0)) }
        let doubtful = times.map { _ in 0.1 }
        #expect(projection.projected(times, doubtful) == times)
        var odd = times
        for (cell, configuration) in space.configurations.enumerated() {
            odd[cell] += 0.1 * Double(configuration.levels[1]) + (configuration.levels[0] == 6 ? 0.2 : 0)
        }
        let levelled = projection.projected(odd, doubtful)
        for cell in space.configurations.indices {
            for other in space.configurations.indices where space.dominates(other, cell) {
                #expect(levelled[other] < levelled[cell] + 0.02)
            }
        }
        let known = projection.projected(odd, times.map { _ in 1e-6 })
        #expect(zip(known, odd).allSatisfy { abs($0 - $1) < 1e-3 })
    }

    /// Straight lines are straight: on a plane, in the metric or its logarithm, every cell inside is exact.
    @Test func linesAreExactOnPlanes() throws {
        let space = try ConfigurationSpace([
            Dimension("a", .numeric([1, 2, 3, 4, 5], .linear)), Dimension("b", .numeric([10, 20, 30], .linear)),
        ])
        let plane = { (cell: Int) in
            Double(3 + 2 * space.configurations[cell].levels[0] + 5 * space.configurations[cell].levels[1])
        }
        let grid = space.configurations.indices.filter {
            [0, 4].contains(space.configurations[$0].levels[0]) && [0, 2].contains(space.configurations[$0].levels[1])
        }
        for cells in [grid, grid + [7]] {
            let filled = try Interpolation(
                space, cells.map { Observation(cell: $0, value: plane($0)) }, method: .linear)
            for cell in space.configurations.indices {
                #expect(abs(try #require(filled.estimate(cell)).value - plane(cell)) < 1e-9)
            }
        }
    }

    struct Degenerate: CustomTestStringConvertible {
        var testDescription: String
        var values: [Double]
    }

    /// Whatever the metric, intervals are finite and in order.
    @Test(arguments: [
        Degenerate(testDescription: "one cell", values: [0.05]),
        Degenerate(testDescription: "two cells", values: [0.05, 0.04]),
        Degenerate(testDescription: "constant", values: Array(repeating: 0.05, count: 12)),
        Degenerate(testDescription: "noughts", values: Array(repeating: 0, count: 9)),
        Degenerate(testDescription: "an error rate", values: [0, 0, 0.01, 0.2, 0, 0, 0.05, 0, 0]),
        Degenerate(testDescription: "below nought", values: [-3, -2, 5, 1, 0, -1, 2, 2]),
        Degenerate(testDescription: "far apart", values: [1e-9, 1e9, 1, 1e3, 1e-3]),
    ])
    func degenerateMetricsHaveIntervals(_ given: Degenerate) throws {
        let space = try Self.space()
        for method in Interpolation.Method.allCases {
            let filled = try Interpolation(
                space, given.values.enumerated().map { Observation(cell: $0 * 5, value: $1) }, method: method)
            for cell in space.configurations.indices {
                guard let estimate = filled.estimate(cell) else { continue }
                #expect(estimate.value.isFinite && estimate.lower.isFinite && estimate.upper.isFinite)
                #expect(estimate.lower <= estimate.value && estimate.value <= estimate.upper)
            }
        }
    }

    @Test func whatIsNoNumberIsRefusedByName() throws {
        let space = try Self.space()
        #expect(throws: ObservationError.notFinite(cell: "cpu 0.10, memory 128, node b", value: .infinity)) {
            _ = try Interpolation(space, [Observation(cell: 1, value: .infinity)])
        }
        #expect(throws: ObservationError.self) { _ = try Interpolation(space, [Observation(cell: 1, value: .nan)]) }
        #expect(throws: ObservationError.outside(cell: 80, cells: 80)) {
            _ = try Interpolation(space, [Observation(cell: 80, value: 1)])
        }
        for error in [-1, .infinity] {
            let said = ObservationError.notAnError(cell: "cpu 0.10, memory 128, node b", error: error)
            #expect(throws: said) { _ = try Interpolation(space, [Observation(cell: 1, value: 1, error: error)]) }
            #expect("\(said)".contains("cpu 0.10, memory 128, node b"))
        }
    }

    @Test func ofNothingMeasuredNothingIsSaid() throws {
        let filled = try Interpolation(Self.space(), [])
        #expect(filled.estimate(0) == nil && filled.probability(0, below: 1) == nil)
    }

    /// Checks that were far off make intervals wider, and checks that were near do not.
    @Test func checksRecalibrate() throws {
        let space = try Self.space()
        let observations = Self.observations(space, share: 0.3, seed: 2)
        let measured = Set(observations.map(\.cell))
        let cell = try #require(space.configurations.indices.first { !measured.contains($0) })
        func width(_ checks: [Double]) throws -> Double {
            let filled = try Interpolation(space, observations, checks: checks.map { PredictedCheck(standardized: $0) })
            return try #require(filled.relativeWidth(cell))
        }
        #expect(try width([6, -5, 7]) > 1.2 * width([]))
        #expect(try width([0.1, -0.2, 0.1]) <= width([]))
    }
}

@Suite struct ConfigurationSpaceTests {
    private typealias Dimension = ConfigurationSpace.Dimension

    @Test func forbiddenCombinationsAreNotThere() throws {
        let space = try ConfigurationSpace([
            Dimension("cpu", .numeric([1, 2], .linear)), Dimension("node", .unordered(["a", "b"])),
        ]) { $0.levels != [1, 1] }
        #expect(space.configurations.map(\.levels) == [[0, 0], [0, 1], [1, 0]])
        #expect(space.running(.init([1, 0])).onLine == 2)
        #expect(space.running(.init([1, 1])).onLine == nil)
    }

    @Test func whatMakesNoSenseIsNamed() {
        func error(_ dimensions: [ConfigurationSpace.Dimension]) -> ConfigurationSpaceError? {
            do {
                _ = try ConfigurationSpace(dimensions)
                return nil
            } catch { return error }
        }
        #expect(error([Dimension("cpu", .numeric([], .linear))]) == .noLevels("cpu"))
        #expect(error([Dimension("cpu", .numeric([2, 1], .linear))]) == .notAscending("cpu"))
        #expect(error([Dimension("cpu", .numeric([0, 1], .both))]) == .notPositive("cpu", 0))
        #expect(error([Dimension("cpu", .numeric([.nan], .linear))]) == .notFinite("cpu"))
        #expect(error([Dimension("node", .unordered(["a", "a"]))]) == .repeated("node"))
        let wide = Dimension("x", .numeric((0..<400).map(Double.init), .linear))
        #expect(error([wide, wide]) == .tooMany(limit: 100_000))
        #expect(throws: ConfigurationSpaceError.senselessCost("x 0.00", -1)) {
            _ = try ConfigurationSpace([wide]).costing { _ in -1 }
        }
    }
}
