import Model
import Planning

/// A plan as text for a terminal: what it gains, its stages, and what else there is between few nodes and few migrations.
package enum PlanText {
    package static func text(_ plan: PlanDocument, width: Int? = nil) -> String {
        var parts = [head(plan), summary(plan).text(width: width)]
        for (number, stage) in plan.stages.enumerated() { parts.append(text(stage, number + 1, width)) }
        if plan.curve.count > 1 || plan.curve.contains(where: { !$0.isChosen }) {
            parts.append(curve(plan).text(width: width))
        }
        return parts.joined(separator: "\n\n")
    }

    /// Whether it still holds, by `PlanDocument.staleness(in:)`.
    package static func verification(_ plan: PlanDocument, _ reasons: [String]) -> String {
        guard reasons.isEmpty else {
            return (["The plan for \(plan.dataCentre) does not hold any more."] + reasons.map { "  - " + $0 })
                .joined(separator: "\n")
        }
        guard plan.verdict == .change else {
            return "What the plan says of \(plan.dataCentre) still holds: it has no steps."
        }
        return "The plan still holds, step by step: \(steps(plan))."
    }

    private static func head(_ plan: PlanDocument) -> String {
        let sentence =
            switch plan.verdict {
            case .change: change(plan)
            case .noChange: "No change helps \(plan.dataCentre)."
            case .impossible: "There is no plan for \(plan.dataCentre)."
            }
        return ([sentence] + plan.reasons.map { "  - " + $0 }).joined(separator: "\n")
    }

    private static func change(_ plan: PlanDocument) -> String {
        let what =
            switch plan.goal {
            case .consolidate, .expand:
                "on \(Format.count(plan.nodesOn.after, "node")) instead of \(plan.nodesOn.before)"
            case .balance: "more even"
            }
        return "\(plan.dataCentre) \(what): \(steps(plan))."
    }

    private static func steps(_ plan: PlanDocument) -> String {
        "\(Format.count(plan.migrations, "migration")) in \(Format.count(plan.stages.count, "stage")), about "
            + Format.duration(.seconds(plan.seconds))
    }

    private static func summary(_ plan: PlanDocument) -> TextTable {
        var table = TextTable(["", "now", "then", ""], [.left, .right, .right, .left])
        table.add([
            "nodes on", "\(plan.nodesOn.before)", "\(plan.nodesOn.after)",
            plan.leastNodes.map { "at least \($0) are needed" } ?? "",
        ])
        let limits = plan.resources.map { resource in
            resource.rawValue + " " + Format.percent(plan.limits[resource.rawValue] ?? 1)
        }
        table.add([
            "worst utilisation", Format.percent(plan.worst.before), Format.percent(plan.worst.after),
            "may be \(limits.joined(separator: ", "))\(plan.keepsWorst == true ? ", but no more than now" : "")",
        ])
        if let risk = plan.atRisk {
            table.add([
                "domains at risk", "\(risk.before)", "\(risk.after)", "on nodes used beyond what is to be kept free",
            ])
        }
        table.add(["spread", Format.percent(plan.spread.before), Format.percent(plan.spread.after), ""])
        if let power = plan.power {
            let saved = power.before - power.after
            // Watts for a day, in kilowatt hours.
            let daily = Format.significant(abs(saved) * 24 / 1000)
            table.add([
                "power", Format.decimal(power.before, 0) + " W", Format.decimal(power.after, 0) + " W",
                saved == 0
                    ? "" : "\(daily) kWh a day \(saved > 0 ? "less" : "more"), by the nodes' idle and busy power",
            ])
        }
        let speeds = plan.nodes.compactMap(\.speed)
        if !speeds.isEmpty {
            table.add([
                "slower than full", "\(speeds.count { $0.before.map { $0 < 1 } ?? false })",
                "\(speeds.count { $0.after.map { $0 < 1 } ?? false })",
                "nodes whose use fits a slower step, which 'power' counts; --json says which",
            ])
        }
        return table
    }

    private static func text(
        _ stage: PlanDocument.Stage, _ number: Int, _ width: Int?
    ) -> String {
        var lines = ["Stage \(number), about \(Format.duration(.seconds(stage.seconds)))"]
        if !stage.powersOn.isEmpty { lines.append("  power on \(stage.powersOn.joined(separator: ", "))") }
        if !stage.moves.isEmpty {
            var table = TextTable(
                ["  domain", "from", "to", "why", "takes", "stands", "sends", "source then", "target then"],
                [.left, .left, .left, .left, .right, .right, .right, .right, .right])
            for move in stage.moves {
                table.add([
                    "  " + move.domain, move.from ?? "–", move.to, move.why.rawValue.replacing("-", with: " "),
                    move.seconds.map { Format.duration(.seconds($0)) } ?? "",
                    move.pause.map { Format.duration(.seconds($0)) } ?? "",
                    move.bytes.map { Format.bytes(Int64($0)) } ?? "",
                    move.source.map { Format.percent($0.utilisation) } ?? "", Format.percent(move.target.utilisation),
                ])
            }
            lines.append(table.text(width: width))
        }
        if !stage.powersOff.isEmpty { lines.append("  power off \(stage.powersOff.joined(separator: ", "))") }
        return lines.joined(separator: "\n")
    }

    private static func curve(_ plan: PlanDocument) -> TextTable {
        var table = TextTable(["nodes", "migrations", "at least", ""], [.right, .right, .right, .left])
        for point in plan.curve {
            table.add([
                "\(point.nodes)", "\(point.migrations)", "\(point.leastMigrations)", point.isChosen ? "this plan" : "",
            ])
        }
        return table
    }
}
