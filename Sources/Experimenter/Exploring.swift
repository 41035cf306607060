import Cloning
import Exploration
import Hypervisor
import Model
import Proxies
import Store

/// The loop of a campaign: an experiment that the driver asks for, its cell kept, the next.
struct Exploring {
    let campaign: Campaign
    let bench: Workbench
    let driver: Driver
    let store: MatrixStore
    let deadline: Timestamp

    /// Used for the predicted duration of the first experiment: boot, priming and removal.
    private static let overhead = Duration.seconds(6)
    private static let controlRepetitions = 2

    private var specification: CampaignSpecification { bench.specification }

    /// Control first, then `first`, then what is asked for until the question is answered or the time is over.
    ///
    /// With cells to check there is no search behind them unless one fails.
    func run(_ record: inout CampaignRecord, first: [Allocation]) throws {
        try control(&record)
        try store.save(record)
        if record.control?.isWithinLimits != true { return }
        var duration = specification.experiment + specification.warmUp + Self.overhead
        var hasFailed = false
        for allocation in first {
            guard deadline - bench.now >= duration else { return }
            hasFailed = try measure(allocation, why: "to be checked", isCheck: true, &record, &duration) || hasFailed
        }
        if !first.isEmpty, !hasFailed { return }
        try search(&record, &duration)
    }

    private func search(_ record: inout CampaignRecord, _ duration: inout Duration) throws {
        record.conclusion = nil
        while true {
            switch try driver.next(record.matrix, timeLeft: deadline - bench.now, duration: duration) {
            case .finish(let conclusion):
                record.conclusion = conclusion
                return
            case .measure(let allocation, let why, let isCheck):
                _ = try measure(allocation, why: why, isCheck: isCheck, &record, &duration)
            }
        }
    }

    /// What the answer rests on, once it has been given; the search goes on when that is not what was interpolated. False
    /// when there was nothing to check.
    func checkAfterwards(_ record: inout CampaignRecord) throws -> Bool {
        var duration = specification.experiment + specification.warmUp + Self.overhead
        var hasChecked = false
        while record.control?.isWithinLimits == true, deadline - bench.now >= duration,
            case .measure(let allocation, let why, _)? = try driver.check(record.matrix)
        {
            hasChecked = true
            if try measure(allocation, why: why, isCheck: true, &record, &duration) {
                try search(&record, &duration)
            }
        }
        return hasChecked
    }

    /// One experiment for a cell of the matrix. True when it was a check and failed.
    private func measure(
        _ allocation: Allocation, why: String, isCheck: Bool, _ record: inout CampaignRecord,
        _ duration: inout Duration
    ) throws -> Bool {
        let prospect = try driver.prediction(allocation, record.matrix)
        let begun = bench.now
        var cell = try experiment(allocation, why: why, isControl: false)
        if case .invalid = cell.content, deadline - begun >= duration + duration {
            // Once more: what made it invalid may have been a stall of the machine.
            campaign.report(.measured(cell, isControl: false))
            cell = try experiment(allocation, why: "again, as it was invalid", isControl: false)
        }
        if let prospect, let measured = cell.estimate(prospect.metric) {
            cell.check = prospect.check(measured.value, isBySearch: !isCheck)
        }
        record.matrix[allocation] = cell
        try store.save(record)
        campaign.report(.measured(cell, isControl: false))
        duration = max(specification.experiment + specification.warmUp, bench.now - begun)
        guard isCheck, let check = cell.check, check.fails(record.sla) else { return false }
        campaign.report(.checkFailed(cell, check))
        for failure in CheckNotice(record, cell.allocation, check).send(specification.search.check) {
            campaign.report(.warning(failure))
        }
        return true
    }

    /// The clone at the on-line allocation. When that allocation is a cell, the control is its measurement too.
    ///
    /// A control that is out of line is repeated: a stall of the machine in the one or the other domain must not be taken
    /// for the sandbox's error. That it was repeated is part of the result.
    private func control(_ record: inout CampaignRecord) throws {
        for repeated in 0...Self.controlRepetitions {
            let cell = try experiment(
                record.onLine, why: "how far is the sandbox from the on-line domain?", isControl: true)
            guard case .measured(let measurement) = cell.content else {
                // What made it invalid may have been a stall of the machine, too.
                campaign.report(.measured(cell, isControl: true))
                if repeated < Self.controlRepetitions { continue }
                if case .invalid(_, let reasons) = cell.content { throw CampaignError.controlFailed(reasons) }
                throw CampaignError.controlFailed(["nothing was measured"])
            }
            let control = ControlResult(
                allocation: record.onLine, measurement: measurement, limits: specification.control, repeated: repeated)
            record.control = control
            campaign.report(.measured(cell, isControl: true))
            campaign.report(.control(control))
            if control.isWithinLimits {
                if let known = record.matrix[record.onLine], !known.isTried { record.matrix[record.onLine] = cell }
                return
            }
        }
    }

    /// One experiment as a cell.
    private func experiment(_ allocation: Allocation, why: String, isControl: Bool) throws -> Cell {
        campaign.report(.experiment(allocation, why: why, isControl: isControl))
        let experiment = Experiment(bench: bench, allocation: allocation, isControl: isControl) { phase, progress in
            campaign.report(.phase(phase.rawValue, sent: progress?.sent ?? 0, answered: progress?.answered ?? 0))
        }
        let result: Experiment.Result
        do {
            result = try experiment.run()
        } catch let error where !isControl && Self.isOfAllocation(error) {
            return Cell(allocation, .invalid(nil, reasons: ["\(error)"]))
        }
        guard result.invalidity.isEmpty, let measurement = result.measurement else {
            return Cell(allocation, .invalid(result.measurement, reasons: result.invalidity))
        }
        return Cell(allocation, .measured(measurement))
    }

    /// Whether another allocation may do: a clone that cannot live with this one is no reason to end the campaign.
    private static func isOfAllocation(_ error: any Error) -> Bool {
        switch error {
        case CloneError.doesNotBoot, CloneError.notPrepared: true
        case let error as AllocationError: error.isOfValue
        default: false
        }
    }
}
