import Exploration
package import Model

/// From a finished matrix to the answer and its reasons (JustRunIt, section 3.1: the least allocation that satisfies the
/// SLA; here the least cost). Pure.
package enum Decision {
    package static func answer(_ record: CampaignRecord) -> Answer {
        var reasons = controlReasons(record)
        if let control = record.control, !control.isWithinLimits {
            return Answer(.undecided("the control clone is out of line with the on-line domain"), reasons: reasons)
        }
        if record.control == nil {
            return Answer(.undecided("no control clone could be measured"), reasons: reasons)
        }
        let search = record.search ?? SearchSpecification()
        let evidence: Evidence
        do {
            evidence = try Evidence(record.matrix, goal: record.goal, sla: record.sla, search)
        } catch {
            return Answer(.undecided("\(error)"), reasons: reasons)
        }
        reasons += checkReasons(record.matrix)
        let answer = record.goal == .best ? best(record, evidence, search) : cheapest(record, evidence, search)
        return Answer(answer.verdict, reasons: reasons + answer.reasons, confidence: answer.confidence)
    }

    private static func best(
        _ record: CampaignRecord, _ evidence: Evidence, _ search: SearchSpecification
    ) -> Answer {
        guard let index = evidence.candidate(.best, budget: search.budget) else {
            return Answer(.undecided("no cell could be measured"), reasons: [])
        }
        let cell = record.matrix.cells[index]
        var reasons = [describe(cell, evidence.metric)] + costReasons(evidence, index, search)
        let untried = evidence.judged.filter { other in
            !record.matrix.cells[other].isTried && search.budget.map { evidence.cost(other) <= $0 } ?? true
        }
        let confidence = untried.isEmpty ? 1 : record.conclusion?.confidence ?? 0
        reasons += conclusionReasons(record)
        guard confidence >= search.confidence else {
            return Answer(
                .undecided("\(cell.allocation) is the best that was measured, but better ones are not excluded"),
                reasons: reasons, confidence: confidence)
        }
        return Answer(.best(cell.allocation), reasons: reasons, confidence: confidence)
    }

    private static func cheapest(
        _ record: CampaignRecord, _ evidence: Evidence, _ search: SearchSpecification
    ) -> Answer {
        let cells = record.matrix.cells
        let sla = record.sla
        guard let index = evidence.candidate(record.goal, budget: nil) else { return nothing(record, evidence, search) }
        let cell = cells[index]
        var reasons = [describe(cell, sla)] + costReasons(evidence, index, search)
        let cheaper = evidence.judged.filter { evidence.cost($0) < evidence.cost(index) }
        reasons += neighbours(cheaper, evidence, record)
        let untried = cheaper.filter { !cells[$0].isTried }
        if cheaper.isEmpty {
            reasons.append(
                record.matrix.axes.count == 1
                    ? "it is the cheapest of the axis" : "it is the cheapest of all combinations")
        }
        if cell.measurement == nil {
            reasons.append("it was interpolated and has not been checked by experiment")
        }
        reasons += failures(cheaper, record.matrix)
        let confidence =
            untried.isEmpty
            ? 1
            : record.goal == .cheapest
                ? record.conclusion?.confidence ?? 0 : noneMeets(untried, evidence, search)
        reasons += conclusionReasons(record)
        if confidence < search.confidence {
            let list = untried.map { "\(cells[$0].allocation) (\(cells[$0].state))" }
            reasons.append(
                "cheaper allocations are not excluded: " + list.prefix(Self.shown).joined(separator: ", ")
                    + (list.count > Self.shown ? " and \(list.count - Self.shown) more" : ""))
            // Who asked for a matrix has it, and what surely meets the SLA in it; only the search for the cheapest promised more.
            if [.cheapest, .exhaustive].contains(record.goal) {
                return Answer(
                    .undecided("\(cell.allocation) meets \(sla), but cheaper ones were not tried"), reasons: reasons,
                    confidence: confidence)
            }
        }
        return Answer(.cheapest(cell.allocation), reasons: reasons, confidence: confidence)
    }

    private static func nothing(
        _ record: CampaignRecord, _ evidence: Evidence, _ search: SearchSpecification
    ) -> Answer {
        let cells = record.matrix.cells
        let measured = evidence.judged.filter { cells[$0].measurement != nil }
        var reasons = measured.suffix(Self.shown).map { describe(cells[$0], record.sla) }
        reasons += measured.filter(evidence.isContradicted).map {
            "\(cells[$0].allocation) alone would meet it, but more of what helps does not: runs differ by more than they say"
        }
        reasons += conclusionReasons(record)
        let isComplete = evidence.judged.allSatisfy { cells[$0].isTried }
        let untried =
            isComplete
            ? 1
            : record.goal == .cheapest
                ? record.conclusion?.confidence ?? 0
                : noneMeets(evidence.judged.filter { !cells[$0].isTried }, evidence, search)
        // That none surely does is so; that none does is as probable as what was measured near the limit has it.
        let chances = measured.filter { !evidence.isContradicted($0) }.compactMap { cell in
            evidence.probabilityOfMeeting(cell).map { (cell: cell, probability: $0) }
        }
        if !measured.isEmpty, untried >= search.confidence {
            reasons += chances.filter { $0.probability > 1 - search.confidence }.map {
                "\(cells[$0.cell].allocation) may meet it, with \(Format.percent($0.probability)): a longer 'experiment:' would tell"
            }
            return Answer(
                .nothingMeets, reasons: reasons, confidence: chances.reduce(untried) { $0 * (1 - $1.probability) })
        }
        return Answer(
            .undecided("no cell that meets \(record.sla) was measured"), reasons: reasons, confidence: untried)
    }

    /// The probability that none of these meets the SLA; each by itself, so that it is not less than what is said.
    private static func noneMeets(_ cells: [Int], _ evidence: Evidence, _ search: SearchSpecification) -> Double {
        guard
            let model = try? evidence.interpolation(
                Metric(evidence.sla.statistic), method: search.interpolation, seed: search.seed)
        else { return 0 }
        return cells.reduce(1.0) { product, cell in
            product * (1 - (model.probability(cell, below: evidence.sla.limit.seconds) ?? 1))
        }
    }

    /// What could not serve at all.
    private static func failures(_ cells: [Int], _ matrix: ResultMatrix) -> [String] {
        cells.compactMap { index in
            guard case .invalid(_, let reasons) = matrix.cells[index].content else { return nil }
            return "\(matrix.cells[index].allocation) could not be measured: \(reasons.joined(separator: "; "))"
        }
    }

    /// How many cells are told at most.
    private static let shown = 6

    /// The nearest of what is cheaper and was measured, on each side of the limit.
    private static func neighbours(_ cheaper: [Int], _ evidence: Evidence, _ record: CampaignRecord) -> [String] {
        let cells = record.matrix.cells
        let measured = cheaper.filter { cells[$0].measurement != nil }
        let nearest = measured.max { evidence.cost($0) < evidence.cost($1) }
        return (nearest.map { [describe(cells[$0], record.sla)] } ?? [])
            + measured.filter(evidence.isContradicted).map {
                "\(cells[$0].allocation) alone would meet it, but more of what helps does not: runs differ by more than they say"
            }
    }

    private static func costReasons(_ evidence: Evidence, _ index: Int, _ search: SearchSpecification) -> [String] {
        search.prices.isEmpty ? [] : ["it costs \(Format.significant(evidence.cost(index)))"]
    }

    private static func conclusionReasons(_ record: CampaignRecord) -> [String] {
        record.conclusion.map { [$0.why] } ?? []
    }

    /// Why its limit is not the one that was asked for.
    private static func use(_ control: ControlResult) -> String {
        guard control.amplification > 1 else { return "" }
        return " as it queues; ±\(Format.percent(control.limits.mean)) where it is used by half"
    }

    private static func controlReasons(_ record: CampaignRecord) -> [String] {
        guard let control = record.control else { return [] }
        let onLine = control.measurement.onLine[record.sla.statistic]
        var reasons = [
            "control clone at \(control.allocation): mean \(Format.signedPercent(control.meanDeviation)) "
                + "±\(Format.percent(control.meanDoubt)), throughput "
                + "\(Format.signedPercent(control.throughputDeviation)) against on-line (limits "
                + "\(control.meanLimits)\(use(control)), ±\(Format.percent(control.limits.throughput)))",
            "on-line at \(control.allocation): \(record.sla.statistic.rawValue) \(Format.milliseconds(onLine.value)), so "
                + (record.sla.isMet(by: onLine.value)
                    ? "the SLA \(record.sla) is met" : "the SLA \(record.sla) is violated"),
        ]
        if let earlier = record.earlierControls {
            let all = (earlier + [control]).map(\.meanDeviation).map(Format.signedPercent)
            reasons.append(
                "the control was measured \(all.count) times; its mean was off by \(all.joined(separator: ", "))")
        }
        if control.repeated > 0 {
            reasons.append(
                "the control was repeated, as it was out of line or invalid before: \(control.repeated) time(s)")
        }
        reasons += correctionReasons(record, control)
        return reasons
    }

    /// Less between windows is not worth a sentence.
    private static let notable = 0.01

    private static func correctionReasons(_ record: CampaignRecord, _ control: ControlResult) -> [String] {
        var reasons: [String] = []
        let statistic = record.sla.statistic
        let ratios = record.matrix.cells.compactMap { $0.measurement?.correction?.deviations[statistic]?.ratio.value }
        if let least = ratios.min(), let greatest = ratios.max() {
            let show = { Format.signedPercent($0 - 1) }
            reasons.append(
                "\(statistic.rawValue) of measured cells is corrected by the controls: clones are believed to be "
                    + (show(least) == show(greatest) ? show(least) : "\(show(least)) to \(show(greatest))")
                    + " off")
        }
        let levels = record.matrix.cells.compactMap { $0.measurement?.correction?.levels?[statistic]?.factor }
        if let least = levels.min(), let greatest = levels.max() {
            reasons.append(
                "\(statistic.rawValue) of \(levels.count) of them is what it would be in a usual window, by what the on-line domain "
                    + "did beside it: \(Format.signedPercent(least - 1)) to \(Format.signedPercent(greatest - 1))")
        }
        if control.limits.corrects, let drift = record.drift[statistic], drift >= Self.notable {
            let windows = (record.earlierWindows ?? []).count + record.onLineWindows.count
            reasons.append(
                "\(statistic.rawValue) of the on-line domain differs by \(Format.percent(drift)) from window to window (\(windows) "
                    + "were seen), which is in the intervals of those that are not levelled by it")
        }
        if control.limits.closes, record.openCells > 0 {
            reasons.append("there was no time for a control behind the last \(record.openCells) of the cells")
        }
        return reasons
    }

    /// Checks of what an answer rested on, one by one; of what the search measured anyway, how honest its intervals were.
    private static func checkReasons(_ matrix: ResultMatrix) -> [String] {
        let checks = matrix.cells.compactMap { cell in cell.check.map { (cell.allocation, $0) } }
        let bySearch = checks.filter { $0.1.isBySearch == true }
        let held = bySearch.count { $0.1.isInInterval }
        return checks.filter { $0.1.isBySearch != true }.map(checkReason)
            + (bySearch.isEmpty
                ? []
                : [
                    "of \(bySearch.count) cells that were interpolated before they were measured, \(held) lay in their "
                        + "\(Format.percent(Interpolation.confidence)) interval"
                ])
    }

    private static func checkReason(_ allocation: Allocation, _ check: Check) -> String {
        let show = check.metric.format
        let outcome =
            check.passed
            ? "passed"
            : "off by \(Format.signedPercent(check.error)), more than \(Format.percent(check.threshold)), and "
                + (check.isInInterval ? "inside" : "outside") + " its interval; the measurement replaces it"
        return "checked \(allocation): \(check.metric.rawValue) interpolated \(show(check.predicted.value)) "
            + "[\(show(check.predicted.lower)) – \(show(check.predicted.upper))], measured \(show(check.measured)): \(outcome)"
    }

    private static func describe(_ cell: Cell, _ metric: Metric) -> String {
        guard let estimate = cell.estimate(metric) else { return "\(cell.allocation)" }
        return "\(cell.allocation): \(metric.rawValue) \(metric.format(estimate.value)) "
            + "[\(metric.format(estimate.lower)) – \(metric.format(estimate.upper))]"
    }

    private static func describe(_ cell: Cell, _ sla: SLA) -> String {
        guard let estimate = cell.estimate(Metric(sla.statistic)) else { return "\(cell.allocation)" }
        let interval = "[\(Format.milliseconds(estimate.lower)) – \(Format.milliseconds(estimate.upper))]"
        let verdict =
            sla.isSurelyMet(by: estimate) ? "meets" : sla.isMet(by: estimate.lower) ? "may not meet" : "violates"
        return "\(cell.allocation) \(verdict) \(sla): \(Format.milliseconds(estimate.value)) \(interval)"
    }
}
