import Cloning
import Exploration
import Hypervisor
import Model
import OperatingSystem
import Proxies
import Store

/// The loop of a campaign: the experiments that the driver asks for, as many at once as there are benches; their cells
/// kept; the next.
final class Exploring {
    let campaign: Campaign
    let benches: [Workbench]
    private let driver: Driver
    /// What is asked instead of the campaign's own question.
    private let inquiry: Inquiry?
    private let store: MatrixStore
    private let deadline: Timestamp
    let capacity: Capacity
    let ended: WakeUp
    private var underway: [Underway] = []
    /// Whether cells that were spoilt were opened again: once a run, as what spoils them may go on.
    private var hasReopened = false
    /// What was measured since the last control.
    var uncontrolled: [Allocation] = []
    /// What the next experiment is expected to take.
    private var duration: Duration

    /// One experiment that was begun.
    private struct Underway {
        let thread: ExperimentThread
        let bench: Int
        let allocation: Allocation
        let prospect: Prospect?
        let begun: Timestamp
        let isCheck: Bool
        /// The second attempt, as the first was invalid.
        let isRepeated: Bool
        /// What other sandboxes were busy with meanwhile.
        var beside: [Allocation]
    }

    /// Used for the predicted duration of the first experiment: boot, priming and removal.
    private static let overhead = Duration.seconds(6)

    init(
        _ campaign: Campaign, _ benches: [Workbench], _ driver: Driver, _ inquiry: Inquiry?, _ store: MatrixStore,
        deadline: Timestamp, processors: Double
    ) throws {
        (self.campaign, self.benches, self.driver, self.inquiry) = (campaign, benches, driver, inquiry)
        self.store = store
        self.deadline = deadline
        let scope = benches[0].scope
        capacity = Capacity(
            processors: processors, joined: scope.joined.map(\.quota), behind: scope.behind.map(\.quota))
        duration = benches[0].specification.experiment.most + benches[0].specification.warmUp + Self.overhead
        ended = try WakeUp()
    }

    var specification: CampaignSpecification { benches[0].specification }
    private var now: Timestamp { benches[0].now }

    /// What experiments have left behind is removed after `body`, however it ends.
    func withSandboxes(_ body: () throws -> Void) throws {
        do { try body() } catch {
            do { for bench in benches { try bench.kept.end() } } catch let left {
                throw CleanUpError(cause: error, left: left)
            }
            throw error
        }
        for bench in benches { try bench.kept.end() }
    }

    /// Control first, then `first`, then what is asked for until the question is answered or the time is over.
    ///
    /// With cells to check there is no search behind them unless one fails.
    func run(_ record: inout CampaignRecord, first: [Allocation]) throws {
        try control(&record)
        try store.save(record)
        if record.control?.isWithinLimits != true { return }
        var hasFailed = false
        for allocation in first {
            guard deadline - now >= duration else { return }
            hasFailed = try check(allocation, why: "to be checked", &record) || hasFailed
        }
        if first.isEmpty || hasFailed { try searchAndClose(&record) }
    }

    /// Behind a search there is a control again (A/B/A), and a search again behind that if what it corrected calls for it.
    private func searchAndClose(_ record: inout CampaignRecord) throws {
        try search(&record)
        while record.control?.isWithinLimits == true, specification.control.closes, !uncontrolled.isEmpty,
            deadline - now >= duration
        {
            try control(&record)
            try store.save(record)
            if record.control?.isWithinLimits == true { try search(&record) }
        }
    }

    /// What the answer rests on, once it has been given; the search goes on when that is not what was interpolated. False
    /// when there was nothing to check.
    func checkAfterwards(_ record: inout CampaignRecord) throws -> Bool {
        var hasChecked = false
        while record.control?.isWithinLimits == true, deadline - now >= duration,
            case .measure(let allocation, let why, _)? = try driver.check(record.matrix)
        {
            hasChecked = true
            if try check(allocation, why: why, &record) { try search(&record) }
        }
        return hasChecked
    }

    /// True when the check failed.
    private func check(_ allocation: Allocation, why: String, _ record: inout CampaignRecord) throws -> Bool {
        try begin(allocation, why: why, isCheck: true, record)
        var hasFailed = false
        while !underway.isEmpty { hasFailed = try settle(&record) || hasFailed }
        return hasFailed
    }

    private func search(_ record: inout CampaignRecord) throws {
        record.conclusion = nil
        while true {
            if uncontrolled.count >= specification.control.every {
                while !underway.isEmpty { _ = try settle(&record) }
                try control(&record)
                try store.save(record)
                if record.control?.isWithinLimits != true { return }
            }
            try beginWhatFits(&record)
            if underway.isEmpty { return }
            _ = try settle(&record)
            for running in underway
            where try !running.thread.isAbandoned && !canMatter(running.allocation, record.matrix) {
                campaign.report(.abandoned(running.allocation))
                running.thread.abandon()
            }
        }
    }

    /// As many experiments as are asked for and fit beside each other. Sets the conclusion when there is nothing to do.
    private func beginWhatFits(_ record: inout CampaignRecord) throws {
        while underway.count < benches.count {
            let pending = underway.map(\.allocation)
            switch try next(record.matrix, pending) {
            case .wait: return
            case .finish(let conclusion):
                guard underway.isEmpty else { return }
                if conclusion.confidence < specification.search.confidence, reopen(&record) { continue }
                record.conclusion = inquiry == nil ? conclusion : try ownConclusion(record.matrix)
                return
            case .measure(let allocation, let why, let isCheck):
                let onLine = record.control?.measurement.onLineCPUUsed ?? 0
                guard capacity.admits(allocation, beside: pending, onLine: onLine) else { return }
                try begin(allocation, why: why, isCheck: isCheck, record)
            }
        }
    }

    /// What was spoilt may be what the answer lacks. False when there is nothing, or no time.
    private func reopen(_ record: inout CampaignRecord) -> Bool {
        let spoilt = record.matrix.cells.filter(\.isSpoilt)
        guard !hasReopened, !spoilt.isEmpty, deadline - now >= duration else { return false }
        hasReopened = true
        for cell in spoilt { record.matrix[cell.allocation] = Cell(cell.allocation) }
        return true
    }

    private func next(_ matrix: ResultMatrix, _ pending: [Allocation]) throws -> Driver.Step {
        let timeLeft = deadline - now
        if let inquiry {
            return try inquiry.next(matrix, pending: pending, timeLeft: timeLeft, duration: duration)
        }
        return try driver.next(matrix, pending: pending, timeLeft: timeLeft, duration: duration)
    }

    private func canMatter(_ allocation: Allocation, _ matrix: ResultMatrix) throws -> Bool {
        try inquiry?.canMatter(matrix) ?? driver.canMatter(allocation, matrix)
    }

    /// What the campaign's own search has come to, when another question was measured for.
    private func ownConclusion(_ matrix: ResultMatrix) throws -> Conclusion? {
        let step = try driver.next(matrix, timeLeft: .zero, duration: duration)
        return if case .finish(let conclusion) = step { conclusion } else { nil }
    }

    private func begin(
        _ allocation: Allocation, why: String, isCheck: Bool, isRepeated: Bool = false, _ record: CampaignRecord
    ) throws {
        let free = benches.indices.filter { bench in !underway.contains { $0.bench == bench } }
        guard let bench = free.first(where: { benches[$0].kept.serves(allocation) }) ?? free.first else { return }
        // Nobody measures beside clones that are busy for nothing.
        for idle in free where idle != bench { try benches[idle].kept.end() }
        campaign.report(.experiment(allocation, why: why, isControl: false))
        let others = underway.map(\.allocation)
        for index in underway.indices { underway[index].beside.append(allocation) }
        underway.append(
            Underway(
                thread: try ExperimentThread(benches[bench], allocation, isControl: false, ended: ended), bench: bench,
                allocation: allocation, prospect: try driver.prediction(allocation, record.matrix), begun: now,
                isCheck: isCheck, isRepeated: isRepeated, beside: others))
    }

    /// Waits until at least one experiment has ended, and keeps its cell. True when it was a check and failed.
    ///
    /// When one of them cannot be done at all, the others are given up first.
    private func settle(_ record: inout CampaignRecord) throws -> Bool {
        waitForEnd(of: underway.map(\.thread))
        var hasFailed = false
        for running in underway where running.thread.hasEnded {
            underway.removeAll { $0.bench == running.bench }
            do {
                guard let cell = try cell(running.thread, running.allocation, isControl: false) else { continue }
                hasFailed = try take(cell, running, &record) || hasFailed
            } catch {
                for other in underway { other.thread.abandon() }
                for other in underway { _ = try? other.thread.outcome() }
                underway = []
                throw error
            }
        }
        return hasFailed
    }

    func waitForEnd(of threads: [ExperimentThread]) {
        while !threads.contains(where: \.hasEnded) {
            // After an interrupt each experiment removes what it has made.
            if benches[0].interrupt.wait(seconds: 1, or: [ended]) == .interrupted {
                for thread in threads { _ = try? thread.outcome() }
            }
            ended.clear()
            for progress in threads.compactMap(\.progress) {
                campaign.report(.phase(progress.phase.rawValue, sent: progress.sent, answered: progress.answered))
            }
        }
    }

    /// Keeps the cell, or begins once more. True when it was a check and failed.
    private func take(_ measured: Cell, _ running: Underway, _ record: inout CampaignRecord) throws -> Bool {
        var cell = measured
        if !running.beside.isEmpty, case .measured(var measurement) = cell.content {
            measurement.beside = running.beside
            cell.content = .measured(measurement)
        }
        if let measurement = cell.measurement, let reason = record.control?.loadMoved(measurement) {
            cell = Cell(cell.allocation, spoilt: measurement, reasons: [reason])
        }
        if case .invalid = cell.content, !running.isRepeated, deadline - now >= duration {
            // Once more: what made it invalid may have been a stall of the machine.
            campaign.report(.measured(cell, isControl: false))
            try begin(
                running.allocation, why: "again, as it was invalid", isCheck: running.isCheck, isRepeated: true, record)
            return false
        }
        cell = record.corrected(cell)
        if let prospect = running.prospect, let measured = cell.estimate(prospect.metric) {
            cell.check = prospect.check(measured.value, isBySearch: !running.isCheck)
        }
        record.matrix[running.allocation] = cell
        // What is usual is known better by one more window.
        record.correctCells()
        uncontrolled.append(running.allocation)
        try store.save(record)
        campaign.report(.measured(cell, isControl: false))
        duration = max(specification.experiment.least + specification.warmUp, now - running.begun)
        guard running.isCheck, let check = cell.check, check.fails(record.sla) else { return false }
        campaign.report(.checkFailed(cell, check))
        for failure in CheckNotice(record, cell.allocation, check).send(specification.search.check) {
            campaign.report(.warning(failure))
        }
        return true
    }

    /// What came out of an experiment, as a cell; nil when it was given up.
    func cell(_ thread: ExperimentThread, _ allocation: Allocation, isControl: Bool) throws -> Cell? {
        let result: Experiment.Result
        do {
            result = try thread.outcome()
        } catch is Abandoned {
            return nil
        } catch let error where !isControl && Self.isOfAllocation(error) {
            return Cell(allocation, .invalid(nil, reasons: ["\(error)"]))
        }
        guard result.invalidity.isEmpty, let measurement = result.measurement else {
            let reasons = result.invalidity.reasons
            return result.invalidity.isSpoilt
                ? Cell(allocation, spoilt: result.measurement, reasons: reasons)
                : Cell(allocation, .invalid(result.measurement, reasons: reasons))
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
