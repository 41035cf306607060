import Arguments
import Experimenter
import Model
import OperatingSystem
import Report
import Store

/// `whatif run FILE.yaml`
enum RunCommand: Command {
    static let schema = CommandSchema(
        "run", "Run the campaign of a service file: clone, replay live traffic, measure, answer.",
        discussion: """
            Clones the tier's domain into a sandbox, together with those of the tiers 'with' it, plays the live requests to
            the clone under each allocation that is worth trying, interpolates the others, checks what the answer rests on,
            and names the cheapest allocation that meets the SLA, or what else the file wants found. Production is listened
            to and snapshot, never changed; 'whatif apply' changes it. Needs root. Exit code 3 when no allocation meets the
            SLA or when there is no trustworthy answer.

            '--resume' goes on with a campaign that was broken off or ran out of time, with the file's time bound anew; its
            axes may have got more values, or there may be more axes. What was measured is not measured again.

            '--repeat' measures in a campaign of its own what another one measured, on the same requests where that played a
            trace, and shows both: a cell whose two intervals do not overlap is not what it was.
            """,
        operands: [.init("FILE.yaml", "The service file.")],
        options: [
            .flag("resume", "Go on with the latest campaign of this service's tier."),
            .flag("repeat", "Measure once more what the latest campaign of this service's tier measured."),
            .value("campaign", "ID", "Go on with this one, or repeat it."),
            .flag("json", "The finished campaign as one JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        var file = try Inputs.serviceFile(arguments.operand(0) ?? "")
        try Inputs.requireRoot("a campaign")
        let state = try StateDirectory.standard()
        let beginning = try Campaigns.beginning(arguments, file, state)
        if case .again(let earlier) = beginning {
            do { file.campaign = try file.campaign.again(earlier) } catch { throw UsageError("\(error)") }
        }
        try Inputs.enter(node: file.node, state)
        let campaign = Campaign(file, state: state, interrupt: try InterruptSignal(), report: ProgressLog(file).report)
        let record = try campaign.run(beginning)
        var difference: MatrixDifference?
        if case .again(let earlier) = beginning {
            difference = MatrixDifference(earlier, record, Metric(record.sla.statistic))
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.json(record, difference: difference))
        } else {
            Terminal.print("\n" + MatrixText.table(record) + "\n\n" + MatrixText.answer(record))
            if let difference { Terminal.print("\n" + difference.text(width: Terminal.width)) }
        }
        return record.answer?.allocation == nil ? .no : .done
    }
}

/// Which stored campaign is meant.
enum Campaigns {
    static func beginning(
        _ arguments: ParsedArguments, _ file: ServiceFile, _ state: StateDirectory
    ) throws -> Campaign.Beginning {
        if arguments.flag("repeat") {
            if arguments.flag("resume") {
                throw UsageError("--resume goes on with a campaign, --repeat begins one; give one of them")
            }
            return .again(try of(file, arguments.value("campaign"), state))
        }
        guard arguments.flag("resume") || arguments.value("campaign") != nil else { return .anew }
        return .resume(try of(file, arguments.value("campaign"), state))
    }

    /// The campaign of that id, or the latest of the file's tier.
    static func of(_ file: ServiceFile, _ id: String?, _ state: StateDirectory) throws -> CampaignRecord {
        let store = try MatrixStore(state.matrices)
        if let id { return try MatrixInput.record(id, in: store) }
        guard let record = try store.latest(service: file.service, tier: file.campaign.tier, state: nil) else {
            throw UsageError(
                "there is no campaign of tier \(file.campaign.tier) of \(file.service); 'whatif run' makes one")
        }
        return record
    }
}

/// A campaign's events as lines.
final class ProgressLog {
    private let file: ServiceFile

    init(_ file: ServiceFile) { self.file = file }

    func report(_ event: CampaignEvent) {
        switch event {
        case .started(let record):
            Terminal.note(
                "campaign \(record.id): \(record.subject) of \(record.service), SLA \(record.sla), on-line \(record.onLine)"
            )
        case .experiment(let allocation, let why, let isControl):
            Terminal.note((isControl ? "control clone at \(allocation)" : "experiment at \(allocation)") + ": \(why)")
        case .phase(let phase, let sent, let answered):
            Terminal.passing("  \(phase): \(sent) requests sent, \(answered) answered")
        case .measured(let cell, _):
            if case .invalid(_, let reasons) = cell.content {
                Terminal.note("  invalid: " + reasons.joined(separator: "; "))
            } else if let measurement = cell.measurement {
                Terminal.note("  " + MatrixText.measurement(measurement))
            }
            if let check = cell.check, check.isBySearch != true {
                let verdict =
                    check.passed
                    ? "passed" : "off by \(Format.signedPercent(check.error)), limit \(Format.percent(check.threshold))"
                Terminal.note(
                    "  check: interpolation said \(check.metric.format(check.predicted.value)): \(verdict), "
                        + (check.isInInterval ? "inside" : "outside") + " its interval")
            }
        case .control(let control):
            Terminal.note(
                "  the sandbox is \(Format.signedPercent(control.meanDeviation)) ±\(Format.percent(control.meanDoubt)) in mean "
                    + "response time and \(Format.signedPercent(control.throughputDeviation)) in throughput from the on-line "
                    + "domain: "
                    + (!control.isWithinLimits
                        ? "NOT trusted"
                        : control.isMeanWithinLimits
                            ? "trusted" : "trusted, as chance may be what is beyond the limit")
                    + " (limits \(control.meanLimits), ±\(Format.percent(control.limits.throughput)))")
        case .checkFailed(let cell, _):
            Terminal.note("  the check of \(cell.allocation) failed: the search goes on")
        case .abandoned(let allocation):
            Terminal.note("experiment at \(allocation) given up: it cannot change the answer any more")
        case .warning(let text): Terminal.complain(text)
        case .finished(let record):
            let seconds = record.finished.map { ($0 - record.started).seconds } ?? 0
            Terminal.note("campaign finished after \(Format.duration(.seconds(seconds)))")
        }
    }
}
