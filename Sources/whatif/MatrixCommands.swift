import Arguments
import Foundation
import Model
import Report
import Store

/// `whatif matrix list`
enum MatrixListCommand: Command {
    static let schema = CommandSchema(
        "matrix list", "List the campaigns, latest first.",
        options: [
            MatrixInput.json, MatrixInput.csv,
            .flag("verify", "Read the whole store first, and say whether all of it is as it was written."),
        ])

    private struct Line: Encodable {
        var campaign, service, tier, domain: String
        /// In seconds since 1970.
        var started: Double
        var state, sla: String
        var measured, cells: Int
        var answer: String
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try MatrixInput.requireOne("json", "csv", of: arguments)
        let store = try MatrixInput.store()
        var (heads, damaged) = try store.heads()
        var findings = damaged.map(\.description)
        if arguments.flag("verify") { findings = try store.findings() }
        damaged = []
        for finding in findings { Terminal.complain(finding) }
        let end = findings.isEmpty ? ExitCode.done : .failed
        let lines = heads.map { head in
            let record = head.record
            let answer: String =
                switch record.answer?.verdict {
                case .cheapest(let allocation), .best(let allocation): allocation.description
                case .nothingMeets: "nothing meets the SLA"
                case .undecided: "undecided"
                case nil: ""
                }
            return Line(
                campaign: record.id, service: record.service, tier: record.tier, domain: record.domain,
                started: Double(record.started.nanoseconds) / 1e9, state: record.state.rawValue,
                sla: record.sla.description, measured: head.measured, cells: head.cells, answer: answer)
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(lines))
            return end
        }
        let rows = zip(lines, heads).map { line, head in
            [
                line.campaign, line.service, line.tier, line.domain,
                arguments.flag("csv") ? "\(line.started)" : Format.date(head.record.started), line.state, line.answer,
                "\(line.measured)/\(line.cells)", line.sla,
            ]
        }
        let headings = ["campaign", "service", "tier", "domain", "started", "state", "answer", "measured", "sla"]
        if arguments.flag("csv") {
            Terminal.print(MatrixData.csv([headings] + rows))
            return end
        }
        if rows.isEmpty, findings.isEmpty { Terminal.note(MatrixInput.noneYet) }
        var table = TextTable(
            headings, [.left, .left, .left, .left, .left, .left, .left, .right, .left],
            kept: ["campaign", "state", "answer"])
        for row in rows { table.add(row) }
        Terminal.print(table.text(width: Terminal.width))
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
