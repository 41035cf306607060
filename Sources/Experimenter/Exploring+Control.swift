import Exploration
import Model

/// How far the sandbox is from the on-line domain, and what becomes of cells when it is too far.
extension Exploring {
    private static let controlRepetitions = 2

    /// The clone at the on-line allocation. When that allocation is a cell, the control is its measurement too.
    ///
    /// A control that is out of line is repeated: a stall of the machine in the one or the other domain must not be taken
    /// for the sandbox's error. That it was repeated is part of the result.
    ///
    /// Where experiments have others beside them, so has the control, as many as fit: what they take from each other is in it.
    func control(_ record: inout CampaignRecord) throws {
        var earlier = record.control
        var isServedOut = false
        let companions = companions(record)
        for bench in benches.dropFirst() { try bench.kept.end() }
        for repeated in 0...Self.controlRepetitions {
            campaign.report(
                .experiment(
                    record.onLine, why: "how far is the sandbox from the on-line domain?", isControl: true))
            let cell = try measureControl(record.onLine, companions)
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

    private func companions(_ record: CampaignRecord) -> Int {
        // What the domain uses is not known before the first.
        let onLine = record.control?.measurement.onLineCPUUsed ?? capacity.cores(record.onLine)
        var running = [record.onLine]
        while running.count < benches.count, capacity.admits(record.onLine, beside: running, onLine: onLine) {
            running.append(record.onLine)
        }
        return running.count - 1
    }

    /// With so many others beside it, of which nothing is asked than that they are there. Nothing that could be measured on their clones
    /// would count: they began before it was known what differs between any two replies.
    private func measureControl(_ onLine: Allocation, _ companions: Int) throws -> Cell {
        let thread = try ExperimentThread(benches[0], onLine, isControl: true, ended: ended)
        var others: [ExperimentThread] = []
        var result: Cell?
        var failure: (any Error)?
        do {
            for bench in benches.dropFirst().prefix(companions) {
                others.append(try ExperimentThread(bench, onLine, isControl: false, ended: ended))
            }
            waitForEnd(of: [thread])
            result = try cell(thread, onLine, isControl: true)
        } catch {
            failure = error
            for other in others + [thread] { other.abandon() }
            _ = try? thread.outcome()
        }
        // All of them, whatever becomes of any: nobody else may touch their benches before.
        var beside = 0
        for other in others {
            do {
                let outcome = try other.outcome()
                if outcome.measurement != nil { beside += 1 }
            } catch  where error is CleanUpError || error is Interrupted {
                failure = failure ?? error
            } catch {}
        }
        if let failure { throw failure }
        for bench in benches.dropFirst().prefix(companions) { try bench.kept.end() }
        guard var result else { throw Abandoned() }
        if beside > 0, case .measured(var measurement) = result.content {
            measurement.beside = [Allocation](repeating: onLine, count: beside)
            result.content = .measured(measurement)
        }
        return result
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
