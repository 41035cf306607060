import Arguments
import Experimenter
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

        private enum CodingKeys: CodingKey { case dataCentre, steps, doneBefore, done, left }

        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(dataCentre, forKey: .dataCentre)
            try fields.encode(steps, forKey: .steps)
            try fields.encode(doneBefore, forKey: .doneBefore)
            try fields.encode(done, forKey: .done)
            try fields.encode(left, forKey: .left)
        }
    }

    static func run(_ path: String, _ arguments: ParsedArguments) throws -> ExitCode {
        if let odd = ["campaign", "observe"].first(where: { arguments.value($0) != nil }) {
            throw UsageError("--\(odd) is of what a campaign found, and --plan of a data centre; leave one of them out")
        }
        let place = arguments.operand(0) ?? ""
        let file = try Inputs.dataCentre(place)
        let plan = try Inputs.plan(path)
        let stale = plan.staleness(in: file)
        guard stale.isEmpty else {
            Terminal.print(PlanText.verification(plan, stale))
            return .no
        }
        let interrupt = try InterruptSignal()
        let actuator = PlanActuator(plan.stages(in: file), file, interrupt: interrupt)
        let course = actuator.course
        let lacks = course.lacks(file.access)
        guard lacks.isEmpty else {
            throw FileError(description: "\(place): the plan cannot be carried out: \(lacks.joined(separator: "; "))")
        }
        let state = try StateDirectory.standard()
        guard let lock = try FileLock.take(state.lock("plan-\(file.name)")) else {
            throw UsageError("somebody else carries out a plan of \(file.name) now; wait until that has ended")
        }
        defer { withExtendedLifetime(lock) {} }
        do {
            let done = try actuator.done()
            var document = Document(dataCentre: file.name, steps: course.steps.count, doneBefore: done)
            say(course, done)
            if arguments.flag("dry-run") {
                Terminal.note("dry run: nothing was changed")
            } else if done < course.steps.count {
                guard try ApplyCommand.isConfirmed(arguments, "Carry this out now?") else {
                    Terminal.note("nothing was changed")
                    return .failed
                }
                try carryOut(actuator, &document)
                Terminal.note("all of the plan is done; 'on:' of the file says where domains were before it")
            }
            if arguments.flag("json") { Terminal.print(try MatrixData.encode(document)) }
            return .done
        } catch let astray as PlanCourse.Astray {
            Terminal.complain("\(astray)")
            return .no
        }
    }

    private static func say(_ course: PlanCourse, _ done: Int) {
        if course.steps.isEmpty { Terminal.note("the plan has no steps") }
        for (number, step) in course.steps.enumerated() {
            Terminal.note("\(number + 1). \(course.text(step))\(number < done ? " (done)" : "")")
        }
    }

    private static func carryOut(_ actuator: PlanActuator, _ document: inout Document) throws {
        let course = actuator.course
        var steps: [Step] = []
        defer { document.done = steps }
        do {
            try actuator.run { event in
                switch event {
                case .begun(let step, let number, let count):
                    Terminal.note("step \(number) of \(count): \(course.text(step))")
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
            Terminal.note(
                "\(Format.count(left, "step")) of the plan not done; the same command goes on from where everything is then"
            )
            throw error
        }
    }
}
