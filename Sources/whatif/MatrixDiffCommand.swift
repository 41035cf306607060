import Arguments
import Model
import Report
import Store

/// `whatif matrix diff`
enum MatrixDiffCommand: Command {
    static let schema = CommandSchema(
        "matrix diff", "What changed between two campaigns: the cells in both.",
        discussion: """
            A cell is better or worse when the intervals of its two figures do not overlap. What else is not as it was (the
            program, the requests, what a name stands for, the answer) is said below. Exit code 3 when no cell is in both.
            """,
        operands: [
            .init("BEFORE", "The earlier campaign."),
            .init("AFTER", "The later one (default: the latest).", isRequired: false),
        ],
        options: [
            .value("metric", "NAME", "Of what (default: what the SLA of the later one limits)."), MatrixInput.json,
            MatrixInput.csv,
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let store = try MatrixInput.store()
        let after = try MatrixInput.record(arguments.operand(1), in: store)
        let before = try MatrixInput.record(arguments.operand(0), in: store)
        guard before.id != after.id else {
            throw UsageError("'\(before.id)' is both campaigns; name two ('whatif matrix list' shows what there is)")
        }
        for (name, earlier, later) in [("service", before.service, after.service), ("tier", before.tier, after.tier)]
        where earlier != later {
            throw UsageError(
                "\(before.id) is of \(name) \(earlier), \(after.id) of \(later): their cells are of different things; name two "
                    + "of one \(name) ('whatif matrix list' shows what there is)")
        }
        try MatrixInput.requireOne("json", "csv", of: arguments)
        let metrics = try arguments.value("metric").map(MatrixInput.metrics) ?? [Metric(after.sla.statistic)]
        guard metrics.count == 1 else { throw UsageError("--metric takes one name") }
        let difference = MatrixDifference(before, after, metrics[0])
        if arguments.flag("json") {
            Terminal.print(try difference.json())
        } else if arguments.flag("csv") {
            Terminal.print(difference.csv())
        } else {
            Terminal.print(difference.text(width: Terminal.width))
        }
        return difference.lines.isEmpty ? .no : .done
    }
}
