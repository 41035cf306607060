import Exploration
import Model

/// How far the sandbox is from the on-line domain, and what becomes of cells when it is too far.
extension Exploring {
    private static let controlRepetitions = 2

    /// The clone at the on-line allocation. When that allocation is a cell, the control is its measurement too.
    ///
    /// A control that is out of line is repeated: a stall of the machine in the one or the other domain must not be taken
    /// for the sandbox's error. That it was repeated is part of the result.
    func control(_ record: inout CampaignRecord) throws {
        var earlier = record.control
        var isServedOut = false
        for bench in benches.dropFirst() { try bench.kept.end() }
        for repeated in 0...Self.controlRepetitions {
            campaign.report(
                .experiment(
                    record.onLine, why: "how far is the sandbox from the on-line domain?", isControl: true))
            let thread = try ExperimentThread(benches[0], record.onLine, isControl: true, ended: ended)
            waitForEnd(of: [thread])
            guard let cell = try cell(thread, record.onLine, isControl: true) else { throw Abandoned() }
            guard case .measured(let measurement) = cell.content else {
                // What made it invalid may have been a stall of the machine, too.
                campaign.report(.measured(cell, isControl: true))
                if case .invalid(let measurement?, _) = cell.content, measurement.served != nil { isServedOut = true }
                if repeated < Self.controlRepetitions { continue }
                if case .invalid(_, let reasons) = cell.content { throw CampaignError.controlFailed(reasons) }
                throw CampaignError.controlFailed(["nothing was measured"])
            }
            let control = ControlResult(
                allocation: record.onLine, measurement: measurement, limits: specification.control, repeated: repeated)
            // Once, whichever attempt is the first that could be measured.
            if let last = earlier.take() { record.earlierControls = (record.earlierControls ?? []) + [last] }
            record.control = control
            campaign.report(.measured(cell, isControl: true))
            campaign.report(.control(control))
            if control.isWithinLimits {
                if let known = record.matrix[record.onLine], !known.isTried { record.matrix[record.onLine] = cell }
                if isServedOut, measurement.served == nil { try distrust(&record) }
                record.correctCells()
                uncontrolled = []
                return
            }
            // A stall, or what these clones have become? The last attempt is with others.
            isServedOut = isServedOut || measurement.served != nil
            if repeated == Self.controlRepetitions - 1 { try benches[0].kept.end() }
        }
        // What the sandbox was when these were measured, nobody knows.
        for allocation in uncontrolled {
            guard let measurement = record.matrix[allocation]?.measurement else { continue }
            record.matrix[allocation] = Cell(
                allocation, spoilt: measurement, reasons: ["the control behind it was out of line"])
        }
    }

    /// Clones that had served before were out of line, and fresh ones are not: what was measured on them is open again.
    private func distrust(_ record: inout CampaignRecord) throws {
        record.isFresh = true
        for bench in benches { try bench.kept.close() }
        for allocation in uncontrolled where record.matrix[allocation]?.measurement?.served != nil {
            record.matrix[allocation] = Cell(allocation)
        }
        campaign.report(
            .warning(
                "clones that had served before were out of line, and fresh ones are not; what was measured on them since the "
                    + "control before is measured again, on fresh ones"))
    }
}
