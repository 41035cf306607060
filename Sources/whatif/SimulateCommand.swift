import Arguments
import Foundation
import Model
import Planning
import Report

/// `whatif simulate FILE.yaml`
enum SimulateCommand: Command {
    static let schema = CommandSchema(
        "simulate", "Let the manager keep simulated services, faster than real time.",
        discussion: """
            The file says nodes, services with their tiers, loads over time, what fails, and how services are managed. The
            manager's own code decides, the driver of real campaigns picks the experiments, and the planner moves domains and powers
            nodes on and off where the file asks for that; response times are those of queueing stations, with the work that
            campaigns have measured where the file names one. The same file and seed say the same.

            Exit code 3 when a service violates its SLA at the end. Needs no rights, and touches nothing.

            For instance: whatif simulate Experiments/simulated.yaml --svg minutes.svg
            """,
        operands: [.init("FILE.yaml", "The simulation file.")],
        options: [
            .value("seed", "N", "Another seed than the file's."),
            .value("svg", "FILE.svg", "Draw response times over minutes ('-' is standard output)."),
            .value("csv", "FILE.csv", "Write response times over minutes ('-' is standard output)."),
            .flag("json", "One JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let path = arguments.operand(0) ?? ""
        let outputs = ["svg", "csv"].filter { arguments.value($0) == "-" }
        if outputs.count + (arguments.flag("json") ? 1 : 0) > 1 {
            throw UsageError(
                "only one of --json, --svg - and --csv - can have standard output; name files for the others")
        }
        var file = try Inputs.simulation(path)
        if let seed = arguments.value("seed") {
            guard let number = UInt64(seed) else { throw UsageError("--seed: expected a whole number, such as 1") }
            file.seed = number
        }
        var simulation = Simulation(file)
        let courses = try simulation.run()
        if let drawing = arguments.value("svg") {
            try Outputs.write(SVGTimeline(file.name, courses.map(MinuteCurve.init), "simulated").text, to: drawing)
        }
        if let table = arguments.value("csv") { try Outputs.write(SimulationText.csv(courses), to: table) }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(SimulationRecord(file, courses, simulation.fleet)))
        } else if outputs.isEmpty {
            Terminal.print(SimulationText.table(file.name, file.length, courses, simulation.fleet))
        }
        let end = Timestamp(nanoseconds: 0) + .seconds(Int64(file.length.seconds))
        return courses.contains { $0.lastViolation.map { $0 >= end } ?? false } ? .no : .done
    }
}
