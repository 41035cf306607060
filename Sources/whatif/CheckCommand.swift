import Arguments
import Experimenter
import Exploration
import Model
import OperatingSystem
import Report
import Store

/// `whatif check FILE.yaml`
enum CheckCommand: Command {
    static let schema = CommandSchema(
        "check", "Measure cells of a matrix that were interpolated, and compare.",
        discussion: """
            Without '--cell' it is the cell that the campaign's answer rests on, if that was interpolated only. Each check
            becomes part of the matrix and recalibrates the intervals. A check that is further off than the file's 'check:
            { threshold: … }', or breaks an SLA that was promised, opens the campaign again: the search goes on, whoever is
            named in 'notify:' is told, and the exit code is 3. Needs root.
            """,
        operands: [.init("FILE.yaml", "The service file of the campaign.")],
        options: [
            .value("campaign", "ID", "Which campaign (default: the latest of this service's tier)."),
            .repeated(
                "cell", "ALLOCATION", "A cell, such as 'cpu 45%, memory 128 MiB'; several are checked worst first."),
            .flag("json", "The campaign as one JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let file = try Inputs.serviceFile(arguments.operand(0) ?? "")
        let state = try StateDirectory.standard()
        let record = try Campaigns.of(file, arguments.value("campaign"), state)
        let cells = try cells(arguments.values("cell"), record)
        if cells.isEmpty {
            Terminal.note(
                record.answer?.allocation.map { "nothing to check: the answer, \($0), was measured" }
                    ?? "nothing to check: campaign \(record.id) has no answer; name a cell (--cell)")
            return record.answer?.allocation == nil ? .usage : .done
        }
        try Inputs.requireRoot("a check")
        try Inputs.enter(node: file.node, state)
        let log = ProgressLog(file)
        var hasFailed = false
        let campaign = Campaign(file, state: state, interrupt: try InterruptSignal()) { event in
            if case .checkFailed = event { hasFailed = true }
            log.report(event)
        }
        let checked = try campaign.run(.check(record, cells))
        if arguments.flag("json") {
            Terminal.print(try MatrixData.json(checked))
        } else {
            Terminal.print(
                "\n" + MatrixText.table(checked, cells: checked.matrix.cells.filter { cells.contains($0.allocation) })
                    + "\n\n" + MatrixText.answer(checked))
        }
        if checked.control?.isWithinLimits != true {
            Terminal.complain("the control clone is out of line with the on-line domain: what was checked says nothing")
            return .no
        }
        let isMeasured = cells.allSatisfy { checked.matrix[$0]?.check != nil }
        if !isMeasured { Terminal.complain("not every cell could be measured within the time bound") }
        return hasFailed ? .no : isMeasured ? .done : .failed
    }

    /// Those that are named, worst first; else what the answer rests on and was not measured.
    private static func cells(_ texts: [String], _ record: CampaignRecord) throws -> [Allocation] {
        let search = record.search ?? SearchSpecification()
        let driver = try Driver(record.matrix, goal: record.goal, sla: record.sla, search)
        if texts.isEmpty {
            guard let allocation = record.answer?.allocation, record.matrix[allocation]?.measurement == nil else {
                return []
            }
            return [allocation]
        }
        let indices = try texts.map { text in
            do {
                let allocation = try Allocation(parsing: text)
                guard let index = record.matrix.cells.firstIndex(where: { $0.allocation == allocation }) else {
                    throw CampaignError.notACell(text, known: known(record.matrix))
                }
                if record.matrix.cells[index].measurement != nil {
                    throw UsageError("--cell: \(allocation) was measured; only what was interpolated is checked")
                }
                return index
            } catch let error as UnitError {
                throw UsageError("--cell: \(error)")
            }
        }
        let order = try driver.check(indices, Evidence(record.matrix, goal: record.goal, sla: record.sla, search))
        return (order + indices).uniqued().map { record.matrix.cells[$0].allocation }
    }

    private static func known(_ matrix: ResultMatrix) -> String {
        matrix.axes.map { axis in
            axis.resource.rawValue + " [" + axis.values.map(axis.resource.format).joined(separator: ", ") + "]"
        }.joined(separator: ", ")
    }
}
