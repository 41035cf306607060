import Arguments
import Foundation
import Glibc
import Model
import OperatingSystem
import Report
import Store

/// `whatif matrix export`
enum MatrixExportCommand: Command {
    static let schema = CommandSchema(
        "matrix export", "Write campaigns with all their cells to a file.",
        discussion: """
            As JSON one campaign a line, as 'matrix show --json' has it; as CSV one cell a line, of all campaigns in one table.
            """,
        options: [
            MatrixInput.campaign, MatrixInput.all,
            .value("format", "json|csv", "Which (default: as FILE ends, else json)."),
            .value("output", "FILE", "Where to, which must not be there yet (default: standard output)."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let path = arguments.value("output")
        let ending = path?.split(separator: "/").last.flatMap { name in
            name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last
        }
        guard arguments.value("format") != nil || [nil, "json", "jsonl", "csv"].contains(ending) else {
            throw UsageError(
                "--output: '.\(ending ?? "")' is no format of an export; say --format json or --format csv")
        }
        let format = arguments.value("format") ?? (ending == "csv" ? "csv" : "json")
        guard ["json", "csv"].contains(format) else {
            throw UsageError("--format: found '\(format)', expected json or csv")
        }
        if arguments.flag("all"), arguments.value("campaign") != nil {
            throw UsageError("--all is of all campaigns, --campaign of one; write one of them")
        }
        let store = try MatrixInput.store()
        let (heads, damaged) = try arguments.flag("all") ? store.heads() : ([], [])
        // What is whole is worth having all the same.
        for damage in damaged { Terminal.complain(damage.description) }
        var isWhole = damaged.isEmpty
        let ids =
            try heads.isEmpty && isWhole
            ? [MatrixInput.head(arguments.value("campaign"), in: store).record.id] : heads.map(\.record.id)
        let file = try path.map(create)
        let write = { (text: String) throws in
            if let file {
                try file.writeAll(Array((text + "\n").utf8))
            } else {
                try Terminal.write(bytes: Array((text + "\n").utf8))
            }
        }
        if format == "csv" {
            try write(FoundCells.csvHeading)
        }
        var written = 0
        for id in ids {
            // One after the other: together they may be more than fits.
            let record: CampaignRecord
            do {
                guard let found = try store.campaign(id) else { continue }
                record = found
            } catch {
                guard error.isDamage, arguments.flag("all") else { throw error }
                Terminal.complain(error.description)
                isWhole = false
                continue
            }
            written += 1
            if format == "json" {
                try write(MatrixData.jsonLine(record))
            } else if !record.matrix.cells.isEmpty {
                try write(FoundCells.csvLines(record))
            }
        }
        if let path { Terminal.note("wrote \(written) \(written == 1 ? "campaign" : "campaigns") to \(path)") }
        return isWhole ? .done : .failed
    }

    private static func create(_ path: String) throws -> Descriptor {
        let failure: SystemError
        do { return try Descriptor.create(path) } catch { failure = error }
        guard failure.code == EEXIST else { throw failure }
        throw UsageError("--output: \(path) is there already; name another file, or remove it first")
    }
}
