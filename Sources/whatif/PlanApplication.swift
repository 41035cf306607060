import Arguments
import Experimenter
import Lab
import Manager
import Model
import OperatingSystem
import Planning
import Report
import Store

/// `whatif apply DATA-CENTRE.yaml --plan PLAN.json`
enum PlanApplication {
    private struct Step: Encodable {
        var step: String
        /// Of migrations: how long each took and its domain stood; and the bytes of memory that were sent. Null where the
        /// hypervisor does not tell.
        var seconds: Double?
        var pause: Double?
        var bytes: Double?
    }

    private struct Document: Encodable {
        var dataCentre: String
        var steps: Int
        /// Before this.
        var doneBefore: Int
        /// Now.
        var done: [Step] = []
        var left: Int { steps - doneBefore - done.count }
        /// Why the plan does not hold any more; empty when it does.
        var stale: [String] = []
        /// Why the rest was not done.
        var error: String?

        private enum CodingKeys: CodingKey { case dataCentre, steps, doneBefore, done, left, stale, error }

        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(dataCentre, forKey: .dataCentre)
            try fields.encode(steps, forKey: .steps)
            try fields.encode(doneBefore, forKey: .doneBefore)
            try fields.encode(done, forKey: .done)
            try fields.encode(left, forKey: .left)
            try fields.encode(stale, forKey: .stale)
            try fields.encode(error, forKey: .error)
        }
    }

    static func run(_ path: String, _ arguments: ParsedArguments) throws -> ExitCode {
        if let odd = ["campaign", "observe"].first(where: { arguments.value($0) != nil }) {
            throw UsageError("--\(odd) is of what a campaign found, and --plan of a data centre; leave one of them out")
        }
        let place = arguments.operand(0) ?? ""
        let file = try reached(Inputs.dataCentre(place), place)
        let plan = try Inputs.plan(path)
        var document = Document(dataCentre: file.name, steps: 0, doneBefore: 0)
        document.stale = plan.staleness(in: file)
        // Whatever becomes of it, who reads the object learns it.
        defer {
            if arguments.flag("json"), let text = try? MatrixData.encode(document) { Terminal.print(text) }
        }
        guard document.stale.isEmpty else {
            Terminal.complain(PlanText.verification(plan, document.stale))
            return .no
        }
        if plan.verdict == .impossible {
            document.error = "the plan found no way"
            Terminal.complain("the plan has no steps, because it found no way: \(plan.reasons.joined(separator: "; "))")
            return .no
        }
        do { return try carryOut(plan, file, place, arguments, &document) } catch {
            document.error = "\(error)"
            guard error is PlanCourse.Astray else { throw error }
            Terminal.complain("\(error)")
            return .no
        }
    }

    /// The lab knows how its own nodes are reached.
    private static func reached(_ file: DataCentreFile, _ place: String) throws -> DataCentreFile {
        guard !file.labNodes.isEmpty else { return file }
        let files = LabFiles(try StateDirectory.standard())
        var file = file
        for (node, labNode) in file.labNodes {
            let number = labNode.number
            guard (1...LabNode.most).contains(number) else {
                throw FileError(
                    description:
                        "\(place): node \(file.centre.nodes[node].name): the lab has nodes 1 to \(LabNode.most), "
                        + "and no \(number)")
            }
            file.access[node] = NodeAccess(LabNode(number, files))
            if let power = labNode.power { file.access[node]?.power = power }
        }
        return file
    }

    private static func carryOut(
        _ plan: PlanDocument, _ file: DataCentreFile, _ place: String, _ arguments: ParsedArguments,
        _ document: inout Document
    ) throws -> ExitCode {
        // Before any connection is made, whose threads would get the signals.
        let interrupt = try InterruptSignal()
        let actuator = PlanActuator(plan.stages(in: file), file, interrupt: interrupt)
        let course = actuator.course
        document.steps = course.steps.count
        let lacks = course.lacks(file.access)
        guard lacks.isEmpty else {
            throw FileError(description: "\(place): the plan cannot be carried out: \(lacks.joined(separator: "; "))")
        }
        let expired = { (done: Int) in
            done == 0 && !course.steps.isEmpty
                ? plan.expiry(in: file, at: Timestamp(nanoseconds: SteadyClock().now)) : nil
        }
        if arguments.flag("dry-run") {
            document.doneBefore = try actuator.done()
            if let expiry = expired(document.doneBefore) { return refuse(plan, expiry, &document) }
            say(actuator, document.doneBefore, file)
            Terminal.note("dry run: nothing was changed")
            return .done
        }
        if let missing = actuator.missingProgram {
            throw Lacking(description: "\(missing) is not installed here, which the file says powers a node on or off")
        }
        let state = try StateDirectory.standard()
        guard let lock = try FileLock.take(state.lock("plan-\(file.name)")) else {
            throw Busy(description: "somebody else carries out a plan of \(file.name) now; wait until that has ended")
        }
        defer { withExtendedLifetime(lock) {} }
        document.doneBefore = try actuator.done()
        if let expiry = expired(document.doneBefore) { return refuse(plan, expiry, &document) }
        say(actuator, document.doneBefore, file)
        guard document.doneBefore < course.steps.count else { return .done }
        guard try ApplyCommand.isConfirmed(arguments, "Carry this out now?", unless: interrupt) else {
            Terminal.note("nothing was changed")
            return .failed
        }
        // Whoever was asked may have taken long to answer.
        if let expiry = expired(document.doneBefore) { return refuse(plan, expiry, &document) }
        try run(actuator, file, state, &document)
        Terminal.note("all of the plan is done; 'on:' of the file says where domains were before it")
        return .done
    }

    private static func refuse(_ plan: PlanDocument, _ expiry: String, _ document: inout Document) -> ExitCode {
        document.stale = [expiry]
        Terminal.complain(PlanText.verification(plan, document.stale))
        return .no
    }

    private struct Busy: Error, CustomStringConvertible {
        let description: String
    }

    private static func say(_ actuator: PlanActuator, _ done: Int, _ file: DataCentreFile) {
        let course = actuator.course
        for (node, reason) in actuator.silent.sorted(by: { $0.key < $1.key }) where file.centre.nodes[node].isOn {
            Terminal.note("node \(file.centre.nodes[node].name) does not answer, and is taken to be off: \(reason)")
        }
        if course.steps.isEmpty { Terminal.note("the plan has no steps") }
        for (number, step) in course.steps.enumerated() {
            Terminal.note("\(number + 1). \(course.text(step))\(number < done ? " (done)" : "")")
        }
    }

    private static func run(
        _ actuator: PlanActuator, _ file: DataCentreFile, _ state: StateDirectory, _ document: inout Document
    ) throws {
        let course = actuator.course
        var steps: [Step] = []
        defer { document.done = steps }
        do {
            try actuator.run { event in
                switch event {
                case .begun(let step, let number, let count):
                    Terminal.note("step \(number) of \(count): \(course.text(step))")
                    // Before it is done: whoever is killed has moved it, as far as the next plan is concerned.
                    if case .move(let move) = step, move.from != nil {
                        do {
                            try DecisionStore(state.decisions).record(
                                moveOf: file.centre.domains[move.domain].name, to: file.centre.nodes[move.to].name,
                                in: file.name, at: Timestamp(nanoseconds: SteadyClock().now))
                        } catch { Terminal.complain("the next plan will not know that it moved: \(error)") }
                    }
                case .moving(let progress): Terminal.passing(progress.text)
                case .done(let step, let report):
                    steps.append(
                        Step(
                            step: course.text(step), seconds: report?.duration.seconds, pause: report?.pause?.seconds,
                            bytes: report?.sent))
                    if let report { Terminal.note("  it runs there \(report.text)") }
                }
            }
        } catch {
            let left = course.steps.count - document.doneBefore - steps.count
            let goesOn = error is PlanCourse.Astray ? "" : "; the same command goes on from where everything is then"
            Terminal.note("\(Format.count(left, "step")) of the plan not done\(goesOn)")
            throw error
        }
    }
}
