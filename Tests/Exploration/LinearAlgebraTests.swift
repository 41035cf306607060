import Testing

@testable import Exploration

@Suite struct LinearAlgebraTests {
    private func near(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-10) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }

    @Test func theFactorIsThatOfScipy() throws {
        let factor = try #require(CholeskyFactor(Oracles.matrix, order: 6))
        #expect(near(factor.whitened(Oracles.vector), Oracles.whitened))
        #expect(near(factor.solved(Oracles.vector), Oracles.solved))
        #expect(near(factor.inverseDiagonal(), Oracles.inverseDiagonal))
        #expect(abs(factor.halfLogDeterminant - Oracles.halfLogDeterminant) < 1e-10)
    }

    /// L·L⁻¹·b is b, row by row as well as one at a time.
    @Test func whiteningIsUndoneByTheFactor() throws {
        let factor = try #require(CholeskyFactor(Oracles.matrix, order: 6))
        #expect(near(factor.applied(to: factor.whitened(Oracles.vector)), Oracles.vector))
        var rows = Oracles.vector + Oracles.solved
        factor.whiten(rows: &rows)
        #expect(near(rows, factor.whitened(Oracles.vector) + factor.whitened(Oracles.solved)))
    }

    @Test func whatIsNotPositiveDefiniteHasNoFactor() {
        #expect(CholeskyFactor([1, 2, 2, 1], order: 2) == nil)
        #expect(CholeskyFactor([.nan, 0, 0, 1], order: 2) == nil)
    }

    @Test func distributionsAndCovariancesAreThoseOfScipyAndScikitLearn() {
        #expect(near(Oracles.points.map(Normal.below), Oracles.normalBelow))
        for (degrees, values) in [
            (2, Oracles.studentBelow2), (4, Oracles.studentBelow4), (8, Oracles.studentBelow8),
            (30, Oracles.studentBelow30),
        ] {
            #expect(near(Oracles.points.map { StudentT.below($0, degrees: degrees) }, values))
        }
        #expect(near(Oracles.distances.map(CovarianceModel.matern), Oracles.matern))
    }

    @Test(arguments: [2, 3])
    func simplicesAreThoseOfScipysDelaunay(_ dimensions: Int) {
        let (sites, values, targets, outside, expected) =
            dimensions == 2
            ? (Oracles.sites2, Oracles.values2, Oracles.targets2, Oracles.outside2, Oracles.interpolated2)
            : (Oracles.sites3, Oracles.values3, Oracles.targets3, Oracles.outside3, Oracles.interpolated3)
        for (index, target) in targets.enumerated() {
            let vertices = Simplex.around(target, among: sites)
            #expect((vertices == nil) == (outside[index] == 1))
            guard let vertices else { continue }
            let value = vertices.reduce(0) { $0 + $1.weight * values[$1.index] }
            #expect(abs(value - expected[index]) < 1e-9)
        }
    }
}
