import Exploration
package import Model

/// From a finished matrix to the answer and its reasons (JustRunIt, section 3.1: the least allocation that satisfies the
/// SLA). Pure.
package enum Decision {
    package static func answer(_ record: CampaignRecord) -> Answer {
        var reasons = controlReasons(record)
        if let control = record.control, !control.isWithinLimits {
            return Answer(.undecided("the control clone is out of line with the on-line domain"), reasons: reasons)
        }
        if record.control == nil {
            return Answer(.undecided("no control clone could be measured"), reasons: reasons)
        }
        let matrix = record.matrix
        let bracket = Bracket(matrix, record.sla)
        reasons += matrix.cells.compactMap(checkReason)
        guard let index = bracket.lowestMeeting else {
            if matrix.isOrdered, let largest = matrix.cells.last, largest.measurement != nil {
                reasons.append(describe(largest, record.sla) + ": the largest allocation of the axis")
                return Answer(.nothingMeets, reasons: reasons)
            }
            if matrix.measuredCount == matrix.cells.count {
                reasons += matrix.cells.map { describe($0, record.sla) }
                return Answer(.nothingMeets, reasons: reasons)
            }
            return Answer(.undecided("no cell that meets \(record.sla) was measured"), reasons: reasons)
        }
        let cell = matrix.cells[index]
        reasons.append(describe(cell, record.sla))
        let below = matrix.cells[..<index]
        if let violating = bracket.highestViolating {
            reasons.append(describe(matrix.cells[violating], record.sla))
        }
        let untested =
            matrix.isOrdered
            ? Array(below.suffix(from: (bracket.highestViolating ?? -1) + 1)) : below.filter { $0.measurement == nil }
        guard untested.isEmpty else {
            let list = untested.map { "\($0.allocation) (\($0.state))" }.joined(separator: ", ")
            reasons.append("cheaper allocations are not excluded: \(list)")
            return Answer(
                .undecided("\(cell.allocation) meets \(record.sla), but cheaper ones were not tried"), reasons: reasons)
        }
        if bracket.highestViolating == nil {
            reasons.append(
                matrix.isOrdered
                    ? "it is the smallest allocation of the axis" : "it is the first in the order of the axes")
        }
        return Answer(.cheapest(cell.allocation), reasons: reasons)
    }

    private static func controlReasons(_ record: CampaignRecord) -> [String] {
        guard let control = record.control else { return [] }
        let onLine = control.measurement.onLine[record.sla.statistic]
        var reasons = [
            "control clone at \(control.allocation): mean \(Format.signedPercent(control.meanDeviation)), throughput "
                + "\(Format.signedPercent(control.throughputDeviation)) against on-line (limits "
                + "±\(Format.percent(control.limits.mean)), ±\(Format.percent(control.limits.throughput)))",
            "on-line at \(control.allocation): \(record.sla.statistic.rawValue) \(Format.milliseconds(onLine.value)), so "
                + (record.sla.isMet(by: onLine.value)
                    ? "the SLA \(record.sla) is met" : "the SLA \(record.sla) is violated"),
        ]
        if control.repeated > 0 {
            reasons.append("the control was out of line \(control.repeated) time(s) before, and repeated")
        }
        return reasons
    }

    private static func checkReason(_ cell: Cell) -> String? {
        guard let check = cell.check else { return nil }
        let show = check.metric.format
        let outcome =
            check.passed
            ? "passed"
            : "off by \(Format.signedPercent(check.error)), more than \(Format.percent(check.threshold)), and "
                + (check.isInInterval ? "inside" : "outside") + " its interval; the measurement replaces it"
        return "checked \(cell.allocation): \(check.metric.rawValue) interpolated \(show(check.predicted.value)) "
            + "[\(show(check.predicted.lower)) – \(show(check.predicted.upper))], measured \(show(check.measured)): \(outcome)"
    }

    private static func describe(_ cell: Cell, _ sla: SLA) -> String {
        guard let estimate = cell.measurement?.clone[sla.statistic] else { return "\(cell.allocation)" }
        let interval = "[\(Format.milliseconds(estimate.lower)) – \(Format.milliseconds(estimate.upper))]"
        let verdict =
            sla.isSurelyMet(by: estimate) ? "meets" : sla.isMet(by: estimate.lower) ? "may not meet" : "violates"
        return "\(cell.allocation) \(verdict) \(sla): \(Format.milliseconds(estimate.value)) \(interval)"
    }
}
