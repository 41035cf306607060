/// Where a run's figures begin to be those of its steady state. Pure.
package enum SteadyState {
    /// Requests in a batch.
    private static let batch = 5
    /// Fewer batches say nothing.
    private static let least = 8
    /// How many standard errors slower the beginning has to be before it is left out.
    private static let clear = 3.0

    /// The first request that belongs to the steady state: 0 where nothing has to be left out.
    ///
    /// The cut is where the standard error of what is left is least (MSER-5: White, Cobb and Spratt, Winter Simulation
    /// Conference 2000), in the first half of the run. It is made only where what would be cut is clearly slower than the
    /// rest, as caches that fill are: a queue that grows makes the end slower, and is no warm-up.
    package static func beginning(of samples: [ResponseSample]) -> Int {
        let ordered = samples.sorted { $0.due < $1.due }
        let means = stride(from: 0, to: ordered.count - batch + 1, by: batch).map { start in
            ordered[start..<start + batch].reduce(0) { $0 + $1.response.seconds } / Double(batch)
        }
        guard means.count >= least else { return 0 }
        var (sum, squares) = (0.0, 0.0)
        var best = (cut: 0, error: Double.infinity, mean: 0.0, variance: 0.0)
        // From the end, so that each cut adds one batch to what is left.
        for cut in means.indices.reversed() {
            sum += means[cut]
            squares += means[cut] * means[cut]
            let left = Double(means.count - cut)
            guard cut <= means.count / 2 else { continue }
            let mean = sum / left
            let variance = max(squares / left - mean * mean, 0)
            let error = variance / left
            if error <= best.error { best = (cut, error, mean, variance) }
        }
        guard best.cut > 0 else { return 0 }
        let before = means[..<best.cut]
        let slower = before.reduce(0, +) / Double(before.count) - best.mean
        let doubt = (best.variance * (1 / Double(before.count) + 1 / Double(means.count - best.cut))).squareRoot()
        return slower > clear * doubt && slower > 0.05 * best.mean ? best.cut * batch : 0
    }
}
