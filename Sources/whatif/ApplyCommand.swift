import Arguments
import Experimenter
import Foundation
import Glibc
import Hypervisor
import Manager
import Model
import OperatingSystem
import Planning
import Report
import Store

/// `whatif apply`
enum ApplyCommand: Command {
    static let schema = CommandSchema(
        "apply", "Set the allocation that a campaign found on the on-line domain.",
        discussion: """
            Shows the changes and asks; '--yes' answers beforehand. Each setting is read back, and when one fails all are set
            back. With '--observe' the tier is watched on the wire afterwards: exit code 3 when the SLA is not met then. The
            settings are live, not persistent: a restart of the domain returns to its definition.

            CPU quota, shares, memory and rates of disks can be changed while a domain runs, of a machine also processors
            and the network's rate. What takes a restart or another release is said and refused, with the way out; nothing
            is changed then.

            A node that lacks the memory is not asked for it: exit code 3. That its processors would be short is said.

            What a manager proposed can be applied until it expires, and while the domains are as they were then: exit code 3.

            With '--plan' it carries out what 'whatif plan --json' wrote for a data-centre file, one step after the other: nodes
            are powered on, domains migrate or are started, nodes are powered off. Before each step it looks where everything
            is, and whether there is room; behind it, whether it was done. What was broken off, by whatever, goes on with the
            same command. A plan that does not fit the data centre any more is not begun, or not gone on with: exit code 3.
            """,
        operands: [.init("FILE.yaml", "The service file of the campaign, or the data-centre file of the plan.")],
        options: [
            .value("campaign", "ID", "Which campaign (default: the latest of this service)."),
            .value("plan", "PLAN.json", "Carry out this plan of a data centre."),
            .flag("yes", "Do not ask."), .flag("dry-run", "Show the change and change nothing."),
            .value("observe", "DURATION", "Watch the tier for so long afterwards, such as '20 s'."),
            .flag("json", "What was done as one JSON object."),
        ])

    private struct Change: Encodable {
        var domain: String
        var resource: Resource
        var from, to: Setting
        var refusal: String?
    }

    private struct Document: Encodable {
        var campaign: String
        var domain: String
        var changes: [Change]
        var isApplied: Bool
        var observed: ResponseTimes?
        var meetsSLA: Bool?
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        if let plan = arguments.value("plan") { return try PlanApplication.run(plan, arguments) }
        var file = try Inputs.serviceFile(arguments.operand(0) ?? "")
        let observation = try Inputs.duration(arguments, "observe")
        try Inputs.requireRoot("changing a domain")
        let state = try StateDirectory.standard()
        let record = try find(arguments.value("campaign"), file, state)
        // A manager asks about every tier that it may change.
        if file.manage?.tiers.contains(where: { $0.name == record.tier }) == true { file.campaign.tier = record.tier }
        guard record.service == file.service, record.tier == file.campaign.tier, record.connect == file.connect,
            record.node == file.node
        else {
            throw UsageError(
                "campaign \(record.id) is of tier \(record.tier) of \(record.service) at \(record.connect), not of this file's"
            )
        }
        guard let allocation = record.answer?.allocation else {
            Terminal.complain("campaign \(record.id) found no allocation to apply")
            Terminal.note(MatrixText.answer(record))
            return .no
        }
        try Inputs.enter(node: file.node, state)
        let actuator = Actuator(try Node(connect: file.connect))
        let changes = try actuator.changes(record, file)
        if try !changes.allSatisfy(\.isNothing) && isObjected(record, actuator, state) { return .no }
        var document = Document(
            campaign: record.id, domain: record.domain,
            changes: changes.map {
                Change(domain: $0.domain, resource: $0.resource, from: $0.from, to: $0.to, refusal: $0.refusal)
            },
            isApplied: false)

        for change in changes {
            let refusal = change.refusal.map { " (not while it runs: \($0))" } ?? ""
            Terminal.note("campaign \(record.id) found: \(change)\(refusal)")
        }
        let refused = changes.filter { $0.refusal != nil }
        // What cannot be done here anyway says more.
        if refused.isEmpty, isCrowded(changes) { return .no }
        if arguments.flag("dry-run") {
            Terminal.note("dry run: nothing was changed")
        } else if changes.allSatisfy(\.isNothing) {
            Terminal.note("the domain has this allocation already")
        } else if !refused.isEmpty {
            throw ActuatorError.refused(refused)
        } else {
            noteProcessors(changes, record)
            guard try isConfirmed(arguments, "Change the on-line domain now?") else {
                Terminal.note("nothing was changed")
                return .failed
            }
            // Whoever was asked may have taken long to answer.
            if try isObjected(record, actuator, state) || isCrowded(changes) { return .no }
            try actuator.apply(changes)
            document.isApplied = true
            Terminal.note("set and read back: \(record.domain) \(allocation)")
        }
        if let observation, !arguments.flag("dry-run") {
            let times = try OnLineWatch.observe(file, for: observation, interrupt: try InterruptSignal())
            document.observed = times
            document.meetsSLA = times.map { file.sla.isMet(by: $0[file.sla.statistic].value) }
            report(times, file.sla, observation, changes)
        }
        if arguments.flag("json") { Terminal.print(try MatrixData.encode(document)) }
        if observation != nil, !arguments.flag("dry-run"), document.observed == nil { return .failed }
        return document.meetsSLA == false ? .no : .done
    }

    /// What a manager proposed holds as long as the manager says, and on domains that are as it found them.
    private static func isObjected(
        _ record: CampaignRecord, _ actuator: Actuator, _ state: StateDirectory
    ) throws -> Bool {
        guard FileManager.default.fileExists(atPath: state.decisions),
            let decision = try DecisionStore(state.decisions).decision(record.id),
            let objection = decision.objection(
                at: Timestamp(nanoseconds: SteadyClock().now), found: try actuator.present(decision.changes))
        else { return false }
        Terminal.complain("the plan that campaign \(record.id) was made for does not hold any more: \(objection)")
        Terminal.note("'whatif manage' plans again when it has to; 'whatif run' asks the question anew")
        return true
    }

    /// Whether the node lacks the memory for that.
    private static func isCrowded(_ changes: [AllocationChange]) -> Bool {
        guard let lack = NodeMeter.lackOfMemory(for: changes) else { return false }
        Terminal.complain("the node has no room for that: \(lack)")
        return true
    }

    /// Says that processors would be short; a moment says too little to refuse for.
    private static func noteProcessors(_ changes: [AllocationChange], _ record: CampaignRecord) {
        let clock = SteadyClock()
        var meter = NodeMeter(at: Timestamp(nanoseconds: clock.now))
        // Ctrl-C ends it here: nothing has been done.
        sleep(1)
        meter.look(at: Timestamp(nanoseconds: clock.now), counts: true)
        if let lack = meter.room?.lackOfProcessors(for: changes, more: record.furtherProcessors) {
            Terminal.note("mind: \(lack)")
        }
    }

    private static func find(_ id: String?, _ file: ServiceFile, _ state: StateDirectory) throws -> CampaignRecord {
        let store = try MatrixStore(state.matrices)
        if let id { return try MatrixInput.record(id, in: store) }
        guard let record = try store.latestDone(service: file.service, tier: file.campaign.tier) else {
            throw UsageError("there is no finished campaign of \(file.service); 'whatif run' makes one")
        }
        return record
    }

    static func isConfirmed(
        _ arguments: ParsedArguments, _ question: String, unless interrupt: InterruptSignal? = nil
    ) throws -> Bool {
        if arguments.flag("yes") { return true }
        guard let answer = Terminal.confirm(question, unless: interrupt) else {
            throw UsageError("nobody can be asked here; '--yes' answers beforehand, '--dry-run' only shows")
        }
        return answer
    }

    private static func report(
        _ times: ResponseTimes?, _ sla: SLA, _ window: Duration, _ changes: [AllocationChange]
    ) {
        guard let times else {
            Terminal.note("too few requests in \(Format.duration(window)) to say whether the SLA is met")
            return
        }
        let value = times[sla.statistic]
        Terminal.note(
            "on-line now: \(sla.statistic.rawValue) \(Format.milliseconds(value.value)) over \(Format.duration(window)) "
                + "(\(times.count) requests, \(Format.significant(times.throughput))/s): SLA \(sla) is "
                + (sla.isMet(by: value.value)
                    ? "met"
                    : "NOT met; before it had "
                        + changes.map { "\($0.domain) \($0.resource.rawValue) \($0.resource.format($0.from))" }.joined(
                            separator: ", ")))
    }
}
