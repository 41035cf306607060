import Arguments
import Foundation
import Model
import Report
import Store

/// `whatif matrix prune`
enum MatrixPruneCommand: Command {
    static let schema = CommandSchema(
        "matrix prune", "Remove old campaigns with their cells.",
        discussion: """
            Removes what fits all of the options; without --yes it only says what that is. A campaign that runs is never removed.
            For instance: whatif matrix prune --older-than '90 d' --keep 3
            """,
        options: [
            .value("older-than", "DURATION", "That began longer ago, such as '90 d'."),
            .value("service", "NAME", "Of this service."),
            .value("keep", "N", "But for the N latest of each tier."),
            .flag("yes", "Do it."), MatrixInput.json,
        ])

    private struct Line: Encodable {
        var campaign, service, tier, state: String
        /// Seconds since 1970.
        var started: Double
        var cells: Int
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        var retention = Retention(service: arguments.value("service"))
        let now = Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
        retention.before = try Inputs.duration(arguments, "older-than").map { now - $0 }
        retention.keep = try Inputs.count(arguments, "keep", in: 0...1_000_000)
        guard retention.service != nil || retention.before != nil || retention.keep != nil else {
            throw UsageError("say what is to go: --older-than, --service or --keep (see --help)")
        }
        let store = try MatrixInput.store()
        let (heads, damaged) = try store.heads()
        for error in damaged { Terminal.complain("\(error)") }
        if let service = retention.service, !heads.contains(where: { $0.record.service == service }) {
            let near = Nearest.hint(service, in: heads.map(\.record.service))
            throw UsageError("there is no campaign of a service '\(service)'\(near)")
        }
        let outdated = retention.outdated(heads)
        if arguments.flag("yes") { try store.remove(outdated.map(\.record.id)) }
        if arguments.flag("json") {
            Terminal.print(
                try MatrixData.encode(
                    outdated.map {
                        Line(
                            campaign: $0.record.id, service: $0.record.service, tier: $0.record.tier,
                            state: $0.record.state.rawValue, started: Double($0.record.started.nanoseconds) / 1e9,
                            cells: $0.cells)
                    }))
            return .done
        }
        var table = TextTable(["campaign", "service", "tier", "state", "cells"], [.left, .left, .left, .left, .right])
        for head in outdated {
            table.add([
                head.record.id, head.record.service, head.record.tier, head.record.state.rawValue, "\(head.cells)",
            ])
        }
        let cells = outdated.map(\.cells).reduce(0, +)
        if !outdated.isEmpty { Terminal.print(table.text(width: Terminal.width) + "\n") }
        Terminal.print(
            "\(arguments.flag("yes") ? "removed" : "would remove") \(outdated.count) of \(heads.count) campaigns with \(cells) cells"
                + (arguments.flag("yes") || outdated.isEmpty ? "" : "; --yes does it"))
        return .done
    }
}
