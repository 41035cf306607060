/// What one method says of every cell, and of each measurement without itself; on the modelled scale.
struct Prediction: Sendable {
    struct Point: Hashable, Sendable {
        let mean: Double
        /// Of a measurement of the cell about the mean, before calibration.
        let deviation: Double
    }

    struct LeftOut: Hashable, Sendable {
        let measured: Double
        let point: Point

        var standardized: Double { (measured - point.mean) / point.deviation }
        var error: Double { abs(measured - point.mean) }
    }

    let points: [Point?]
    /// By measurement; nil where the others say nothing of it.
    let leftOut: [LeftOut?]

    /// Nothing measured, nothing said.
    init(cellCount: Int) {
        points = [Point?](repeating: nil, count: cellCount)
        leftOut = []
    }

    init(
        process geometry: CellGeometry, _ observations: [Observation], pending: [Int], _ scale: MetricScale,
        better: Better?,
        effort: GaussianProcess.Effort, seed: UInt64
    ) {
        let values = observations.map { scale.modelled($0.value) }
        let known = observations.map(scale.modelledVariance)
        let process = GaussianProcess(
            geometry, observations, pending: pending, scale, better: better, effort: effort, seed: seed)
        let posterior = process.posterior(of: Array(0..<geometry.cellCount))
        var means = (0..<geometry.cellCount).map(posterior.mean)
        let deviations = (0..<geometry.cellCount).map(posterior.deviation)
        if scale == .logarithmic, let better {
            means = MonotoneProjection(geometry, better).projected(means, deviations.map { $0 * $0 })
        }
        let left = values.indices.map { index in
            let (mean, deviation) = posterior.leftOut(index, measured: values[index], known: known[index])
            return LeftOut(measured: values[index], point: Point(mean: mean, deviation: deviation))
        }
        let surroundings = Surroundings(geometry, cells: observations.map(\.cell), residuals: left.map(\.standardized))
        points = means.indices.map {
            Point(mean: means[$0], deviation: surroundings.scale($0) * deviations[$0])
        }
        leftOut = left.indices.map { index in
            let scale = surroundings.scale(observations[index].cell, without: index)
            return LeftOut(
                measured: left[index].measured,
                point: Point(mean: left[index].point.mean, deviation: scale * left[index].point.deviation))
        }
    }

    init(lines geometry: CellGeometry, _ observations: [Observation], _ scale: MetricScale, isLog: Bool) {
        let cells = observations.map(\.cell)
        let onLines = { (value: Double) in isLog ? scale.modelled(value) : value }
        let offLines = { (value: Double) in isLog ? value : scale.modelled(value) }
        let values = observations.map { onLines($0.value) }
        let without = values.indices.map { index in
            StraightLines(
                geometry, cells: cells.indices.filter { cells[$0] != cells[index] }.map { cells[$0] },
                values: cells.indices.filter { cells[$0] != cells[index] }.map { values[$0] }, usesLogarithms: isLog
            ).point(cells[index])
        }
        let residuals = zip(values, without).compactMap { value, point in
            point.map { abs(offLines(value) - offLines($0.value)) }
        }.sorted()
        // A line's error grows with the way to the next measurement; its unit is the median of what was seen.
        let distances = without.compactMap { $0?.distance }.sorted()
        let typicalError = residuals.isEmpty ? 0.2 : max(residuals[residuals.count / 2] / 0.6745, 1e-4)
        let typicalDistance = distances.isEmpty ? 0.5 : max(distances[distances.count / 2], 1e-6)
        let point = { (point: StraightLines.Point) in
            Point(
                mean: offLines(point.value),
                deviation: typicalError * (0.25 + 0.75 * point.distance / typicalDistance))
        }
        let lines = StraightLines(geometry, cells: cells, values: values, usesLogarithms: isLog)
        points = (0..<geometry.cellCount).map { lines.point($0).map(point) }
        leftOut = zip(values, without).map { value, left in
            left.map { LeftOut(measured: offLines(value), point: point($0)) }
        }
    }

    /// Better by more than the luck of few measurements: half the error, or a fifth less where there are many, and something
    /// to say of as many cells.
    func isClearlyBetter(than other: Prediction) -> Bool {
        if points.count(where: { $0 == nil }) > other.points.count(where: { $0 == nil }) { return false }
        var (ours, theirs) = ([Double](), [Double]())
        for (mine, its) in zip(leftOut, other.leftOut) {
            guard let mine, let its else { return false }
            ours.append(mine.error)
            theirs.append(its.error)
        }
        guard ours.count >= 8 else { return false }
        let margin = 0.8 - 2 / Double(ours.count)
        return Self.typical(ours) < margin * Self.typical(theirs)
    }

    /// The root of the mean of squares, of the best nine in ten.
    private static func typical(_ errors: [Double]) -> Double {
        let kept = errors.sorted().prefix(errors.count * 9 / 10)
        return (kept.reduce(0) { $0 + $1 * $1 } / Double(max(kept.count, 1))).squareRoot()
    }
}
