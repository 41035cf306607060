import Arguments
import Experimenter
import Foundation
import Manager
import Model
import OperatingSystem
import Report
import Store

/// `whatif manage FILE.yaml…`
enum ManageCommand: Command {
    static let schema = CommandSchema(
        "manage", "Keep the promises of services: watch, experiment, change, verify.",
        discussion: """
            Watches the SLA of every service on the wire. A violation, that is K of the last N checks and the predicted next
            one, starts a campaign on the tier whose own time has grown most; the least allocation that holds the SLA becomes
            a plan, which waits for 'whatif apply' or, with 'act: apply' in the file's section 'manage:', is applied. Its
            effect is watched on the wire, and what does not hold is set back. When the load has fallen, resources are given
            back in the same way. Every decision is recorded with its reasons; '--list' shows them.

            Ctrl-C ends a running campaign in order and leaves the rest as it is; the next start goes on with it, also after a
            kill: what had been begun is read from libvirt and nothing is done twice. The services of one command are on one
            node. Needs root. With '--for', exit code 3 when an SLA is violated at the end.

            '--json' writes one object a line, per step of a decision: service, decision, cause (violated or idle), tier,
            state (exploring, proposed, applying, verifying, restoring; done, restored, unchanged, failed, expired), time,
            reason, campaign (null before it has begun), changes. With '--list': all decisions as a JSON list.
            """,
        operands: [.init("FILE.yaml", "The files of the services.", isRepeated: true)],
        options: [
            .value("for", "DURATION", "How long, such as '5 min' (default: until Ctrl-C)."),
            .value("svg", "FILE.svg", "Draw response times over minutes at the end ('-' is standard output)."),
            .flag("list", "Show what has been decided about these services, and end."),
            .flag("json", "One JSON object a line, per step."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let files = try arguments.operands.map(Inputs.serviceFile)
        if let double = files.first(where: { file in files.count { $0.service == file.service } > 1 }) {
            throw UsageError("two of the files are of the service \(double.service)")
        }
        let asJSON = arguments.flag("json")
        let drawing = arguments.value("svg")
        if drawing == "-", asJSON { throw UsageError("--json has standard output; name a file for --svg") }
        let state = try StateDirectory.standard()
        if arguments.flag("list") { return try list(files, state, asJSON: asJSON) }
        for (path, file) in zip(arguments.operands, files) where file.manage == nil {
            throw UsageError(
                "\(path) does not say how to manage \(file.service); add a section, for instance manage: { act: propose }"
            )
        }
        if let other = files.first(where: { $0.connect != files[0].connect || $0.node != files[0].node }) {
            throw UsageError(
                "\(other.service) is on another node than \(files[0].service); run one 'whatif manage' for each node")
        }
        let duration = try Inputs.duration(arguments, "for")
        try Inputs.requireRoot("managing services")
        try collect()
        try Inputs.enter(node: files[0].node, state)
        let log = ManageLog(files, asJSON: asJSON)
        let manager = try ServiceManager(files, state: state, interrupt: try InterruptSignal(), report: log.report)
        let isKept = try manager.run(for: duration)
        if let drawing {
            let title = files.map(\.service).joined(separator: ", ")
            try Outputs.write(SVGTimeline(title, log.curves, "on the wire").text, to: drawing)
        }
        return isKept || duration == nil ? .done : .no
    }

    /// Removes what a killed manager's campaign has left behind, which would be measured along. In a process of its own: who has
    /// entered a private host does not leave it again, nor enter it twice.
    private static func collect() throws {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        let collection = try ChildProcess.run([program, "sandbox", "gc"])
        if collection.status != 0 {
            throw FileError(description: "what a killed run left behind is not gone: \(collection.errors)")
        }
    }

    private static func list(_ files: [ServiceFile], _ state: StateDirectory, asJSON: Bool) throws -> ExitCode {
        let store = try DecisionStore(state.decisions)
        let decisions = try files.flatMap { try store.decisions(of: $0.service) }
        Terminal.print(asJSON ? try MatrixData.encode(decisions) : DecisionText.list(decisions))
        return .done
    }
}

/// A manager's events as lines, and as curves for the end.
private final class ManageLog {
    private struct Minute {
        var length = Duration.zero
        var requests = 0.0
        var busy = 0.0
        var violated = Duration.zero
    }

    /// In the order of the files.
    private(set) var curves: [MinuteCurve]
    private var minutes: [Minute]
    private let campaigns: [String: ProgressLog]
    private let slas: [String: SLA]
    private let asJSON: Bool

    init(_ files: [ServiceFile], asJSON: Bool) {
        campaigns = Dictionary(uniqueKeysWithValues: files.map { ($0.service, ProgressLog($0)) })
        slas = Dictionary(uniqueKeysWithValues: files.map { ($0.service, $0.sla) })
        curves = files.map { MinuteCurve($0.service, $0.sla) }
        minutes = files.map { _ in Minute() }
        self.asJSON = asJSON
    }

    private func count(
        _ service: String, _ reading: SLAReading, _ length: Duration, _ requests: Double, _ busy: Double
    ) {
        guard let index = curves.firstIndex(where: { $0.service == service }) else { return }
        minutes[index].length += length
        minutes[index].requests += requests
        minutes[index].busy += busy
        if reading.state == .violated { minutes[index].violated += length }
        guard minutes[index].length >= .seconds(60) else { return }
        let minute = minutes[index]
        minutes[index] = Minute()
        curves[index].add(requests: minute.requests, busy: minute.busy, violated: minute.violated)
    }

    func report(_ event: ManagerEvent) {
        switch event {
        case .watching(let service, let tiers, let open):
            let sla = slas[service].map { "\($0)" } ?? ""
            Terminal.note("\(service): SLA \(sla) is kept by what tier \(tiers.joined(separator: ", ")) has")
            if let open { Terminal.note("\(service): goes on with decision \(open.id) (\(open.state.rawValue))") }
        case .checked(let service, let reading, let length, let requests, let busy):
            count(service, reading, length, requests, busy)
            let figure = reading.value.map(Format.milliseconds) ?? "–"
            Terminal.passing("\(service): \(reading.state.rawValue), \(figure) (\(reading.requests) requests)")
        case .step(let decision, let step):
            if asJSON, let line = try? DecisionStepRecord(decision, step).line() {
                Terminal.print(line)
            } else {
                Terminal.print("\(decision.service): \(DecisionText.line(step))")
            }
        case .campaign(let service, let event): campaigns[service]?.report(event)
        case .deaf(let service, let reason): Terminal.complain("\(service) cannot be heard: \(reason); trying again")
        }
    }
}
