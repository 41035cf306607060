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
            the clone under each allocation to try, checks what was interpolated, and names the cheapest allocation that
            meets the SLA. Production is listened to and snapshot, never changed; 'whatif apply' changes it. Needs root.
            Exit code 3 when no allocation meets the SLA or when there is no trustworthy answer.
            """,
        operands: [.init("FILE.yaml", "The service file.")],
        options: [.flag("json", "The finished campaign as one JSON object.")])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let file = try Inputs.serviceFile(arguments.operand(0) ?? "")
        try Inputs.requireRoot("a campaign")
        let state = try StateDirectory.standard()
        try Inputs.enter(node: file.node, state)
        let campaign = Campaign(file, state: state, interrupt: try InterruptSignal(), report: ProgressLog(file).report)
        let record = try campaign.run()
        if arguments.flag("json") {
            Terminal.print(try MatrixData.json(record))
        } else {
            Terminal.print("\n" + MatrixText.table(record) + "\n\n" + MatrixText.answer(record))
        }
        if case .cheapest = record.answer?.verdict { return .done }
        return .no
    }
}

/// A campaign's events as lines.
private final class ProgressLog {
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
            if let check = cell.check {
                let verdict =
                    check.passed
                    ? "passed" : "off by \(Format.signedPercent(check.error)), limit \(Format.percent(check.threshold))"
                Terminal.note(
                    "  check: interpolation said \(check.metric.format(check.predicted.value)): \(verdict), "
                        + (check.isInInterval ? "inside" : "outside") + " its interval")
            }
        case .control(let control):
            Terminal.note(
                "  the sandbox is \(Format.signedPercent(control.meanDeviation)) in mean response time and "
                    + "\(Format.signedPercent(control.throughputDeviation)) in throughput from the on-line domain: "
                    + (control.isWithinLimits ? "trusted" : "NOT trusted"))
        case .finished(let record):
            let seconds = record.finished.map { ($0 - record.started).seconds } ?? 0
            Terminal.note("campaign finished after \(Format.duration(.seconds(seconds)))")
        }
    }
}
