import Arguments
import Foundation
import Model
import Report
import Store

/// What the matrix commands share: which campaign, in which form.
private enum MatrixInput {
    static let campaign = CommandSchema.Option.value("campaign", "ID", "Which campaign (default: the latest).")
    static let json = CommandSchema.Option.flag(
        "json", "JSON; times in seconds, CPU as a fraction of a core, sizes in bytes, rates in bytes a second.")
    static let csv = CommandSchema.Option.flag("csv", "Comma-separated values, same units as JSON.")

    static func record(_ arguments: ParsedArguments) throws -> CampaignRecord {
        let id = arguments.value("campaign")
        guard let record = try MatrixStore(try StateDirectory.standard().matrices).campaign(id) else {
            throw UsageError(
                id.map { "there is no campaign '\($0)'; 'whatif matrix list' shows what there is" }
                    ?? "there is no campaign yet; 'whatif run FILE.yaml' makes one")
        }
        return record
    }

    static func show(_ record: CampaignRecord, _ cells: [Cell], _ arguments: ParsedArguments) throws {
        if arguments.flag("json") {
            Terminal.print(try MatrixData.json(record, cells: cells))
        } else if arguments.flag("csv") {
            Terminal.print(MatrixData.csv(record, cells: cells))
        } else {
            Terminal.print(MatrixText.table(record, cells: cells))
        }
    }
}

/// `whatif matrix list`
enum MatrixListCommand: Command {
    static let schema = CommandSchema(
        "matrix list", "List the campaigns, latest first.", options: [MatrixInput.json, MatrixInput.csv])

    private struct Line: Encodable {
        var campaign, service, domain, state, sla: String
        var measured, cells: Int
        var answer: String
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let (records, damaged) = try MatrixStore(try StateDirectory.standard().matrices).campaigns()
        for error in damaged { Terminal.complain("\(error)") }
        let end = damaged.isEmpty ? ExitCode.done : .failed
        let lines = records.map { record in
            let answer: String =
                switch record.answer?.verdict {
                case .cheapest(let allocation), .best(let allocation): allocation.description
                case .nothingMeets: "nothing meets the SLA"
                case .undecided: "undecided"
                case nil: ""
                }
            return Line(
                campaign: record.id, service: record.service, domain: record.domain, state: record.state.rawValue,
                sla: record.sla.description, measured: record.matrix.measuredCount, cells: record.matrix.cells.count,
                answer: answer)
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(lines))
            return end
        }
        let rows = lines.map {
            [$0.campaign, $0.service, $0.domain, $0.state, $0.sla, "\($0.measured)/\($0.cells)", $0.answer]
        }
        let headings = ["campaign", "service", "domain", "state", "sla", "measured", "answer"]
        if arguments.flag("csv") {
            Terminal.print(MatrixData.csv([headings] + rows))
            return end
        }
        var table = TextTable(headings, [.left, .left, .left, .left, .left, .right, .left])
        for row in rows { table.add(row) }
        Terminal.print(table.text)
        return end
    }
}

/// `whatif matrix show`
enum MatrixShowCommand: Command {
    static let schema = CommandSchema(
        "matrix show", "Show a campaign's matrix and its answer.",
        options: [MatrixInput.campaign, MatrixInput.json, MatrixInput.csv])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let record = try MatrixInput.record(arguments)
        try MatrixInput.show(record, record.matrix.cells, arguments)
        if !arguments.flag("json"), !arguments.flag("csv") { Terminal.print("\n" + MatrixText.answer(record)) }
        return .done
    }
}

/// `whatif matrix query`
enum MatrixQueryCommand: Command {
    static let schema = CommandSchema(
        "matrix query", "Cells that meet conditions, in an order.",
        discussion: """
            For instance: whatif matrix query --where 'p95 < 50ms and cpu <= 80%' --order cpu
                          whatif matrix query --where 'memory >= 128 MiB and software = tuned' --order p95
            """,
        options: [
            MatrixInput.campaign,
            .value(
                "where", "CONDITION", "Conditions joined by 'and': a name, one of < <= > >= = !=, a value with unit."),
            .value("order", "NAME", "A name to sort by; '-NAME' sorts descending."),
            .value("limit", "N", "At most so many cells."), MatrixInput.json, MatrixInput.csv,
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let query = try MatrixQuery(where: arguments.value("where") ?? "", order: arguments.value("order"))
        let record = try MatrixInput.record(arguments)
        var cells = query.select(from: record.matrix)
        if let text = arguments.value("limit") {
            guard let limit = Int(text), limit >= 0 else { throw UsageError("--limit: expected a number of cells") }
            cells = Array(cells.prefix(limit))
        }
        try MatrixInput.show(record, cells, arguments)
        return cells.isEmpty ? .no : .done
    }
}
