package import Model

/// Validates by experiment the interpolated cells that a plan uses, before or after it is acted on. Pure.
package struct Checker: Hashable, Sendable {
    /// What is said of a plan.
    package enum Verdict: Hashable, Sendable {
        /// Every cell that it uses is measured, checked, or sure enough.
        case sound
        /// These have to be measured first, worst first.
        case toCheck([Int])
        /// The plan rests on a cell that was off by more than the threshold, or breaks the SLA: the campaign is open again.
        case failed([CheckResult])
        /// Nothing is known of these cells.
        case noData([Int])
    }

    /// The relative error that still passes.
    package let threshold: Double
    /// The probability of a larger error, or of breaking the SLA, below which a cell passes without an experiment; 0 checks
    /// every interpolated cell.
    package let doubt: Double

    package init(threshold: Double = 0.1, doubt: Double = 0) {
        self.threshold = threshold
        self.doubt = doubt
    }

    /// Which of `cells` have to be measured: those that may break the limit first, then those that may be far off.
    ///
    /// `measured`: cells that need no check.
    /// `results`: of the checks that were made.
    package func verdict(
        _ cells: [Int], _ model: Interpolation, measured: Set<Int>, results: [CheckResult] = [],
        limit: Double? = nil, better: Better = .lower
    ) -> Verdict {
        let failed = results.filter { cells.contains($0.cell) && (!$0.passed(threshold) || $0.breaks(limit, better)) }
        if !failed.isEmpty { return .failed(failed) }
        let open = cells.uniqued().filter { cell in
            !measured.contains(cell) && !results.contains { $0.cell == cell }
        }
        let unknown = open.filter { model.estimate($0) == nil }
        if !unknown.isEmpty { return .noData(unknown) }
        let doubts = open.map { cell in
            (
                cell: cell, breaking: probabilityOfBreaking(cell, model, limit, better),
                error: model.probabilityOfError(cell, beyond: threshold) ?? 1
            )
        }.filter { doubt <= 0 || max($0.breaking, $0.error) > doubt }
        if doubts.isEmpty { return .sound }
        return .toCheck(
            doubts.sorted { ($0.breaking, $0.error, $1.cell) > ($1.breaking, $1.error, $0.cell) }.map(\.cell))
    }

    private func probabilityOfBreaking(_ cell: Int, _ model: Interpolation, _ limit: Double?, _ better: Better)
        -> Double
    {
        guard let limit, let below = model.probability(cell, below: limit) else { return 0 }
        return better == .lower ? 1 - below : below
    }
}

/// A cell that was interpolated, and then measured.
package struct CheckResult: Hashable, Sendable {
    package let cell: Int
    package let predicted: Estimate
    package let measured: Double
    /// What it says of the intervals of later interpolations.
    package let recalibration: PredictedCheck

    /// Nil when nothing was predicted of the cell.
    ///
    /// `model`: from before the cell was measured.
    package init?(_ cell: Int, measured: Double, against model: Interpolation) {
        guard let predicted = model.estimate(cell), let check = model.check(cell, measured: measured) else {
            return nil
        }
        self.cell = cell
        self.predicted = predicted
        self.measured = measured
        recalibration = check
    }

    /// |predicted − measured| against measured.
    package func passed(_ threshold: Double) -> Bool {
        measured == 0 ? predicted.value == 0 : abs(predicted.value - measured) <= threshold * abs(measured)
    }

    package func breaks(_ limit: Double?, _ better: Better) -> Bool {
        guard let limit else { return false }
        return better == .lower ? measured > limit : measured < limit
    }
}
