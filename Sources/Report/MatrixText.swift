package import Model

extension Metric {
    /// Of errors and differing replies those that a table of these cells has columns for: where the software or the definition
    /// is asked about, both, as times alone say nothing of whether it still does what it did; elsewhere those that there are.
    static func worthTelling(of cells: some Sequence<Cell>, axes: [Resource]) -> [Metric] {
        allCases.filter { metric in
            metric.isShare
                && (axes.contains(.software) || axes.contains(.variant)
                    || cells.contains { $0.measurement?.estimate(metric).map { $0.value > 0 } ?? false })
        }
    }
}

/// A campaign as text for a terminal.
package enum MatrixText {
    /// Of at most `width` characters a line; nil is however many it takes.
    package static func table(_ record: CampaignRecord, cells: [Cell]? = nil, width: Int? = nil) -> String {
        let statistic = record.sla.statistic
        let metric = Metric(statistic)
        let axes = record.matrix.axes.map(\.resource.rawValue)
        let cells = cells ?? record.matrix.cells
        let failures = Metric.worthTelling(of: cells, axes: record.matrix.axes.map(\.resource))
        var table = TextTable(
            axes + [
                "state", statistic.rawValue, IntervalHeading.of(cells), "mean", "p99", "rate", "cpu used", "energy",
            ]
                + failures.map(\.rawValue) + ["requests", ""],
            record.matrix.axes.map { $0.numbers == nil ? .left : .right } + [.left, .right, .left]
                + Array(repeating: .right, count: 6 + failures.count) + [.left],
            kept: Set(axes + ["state"]))
        for cell in cells {
            let show = { (metric: Metric) in cell.estimate(metric).map { metric.format($0.value) } ?? "" }
            let interval =
                cell.estimate(metric).map { "[\(metric.format($0.lower)) – \(metric.format($0.upper))]" } ?? ""
            table.add(
                record.matrix.axes.map { axis in cell.allocation[axis.resource].map { axis.resource.format($0) } ?? "" }
                    + [
                        cell.state, show(metric), interval, show(.mean), show(.p99), show(.throughput), show(.cpuUsed),
                        show(.energy),
                    ] + failures.map(show) + [
                        cell.measurement.map { "\($0.requests.answered)/\($0.requests.captured)" } ?? "",
                        note(cell, record),
                    ])
        }
        return table.text(width: width)
    }

    /// Which campaign it is, and how it was made: a line.
    package static func heading(_ record: CampaignRecord) -> String {
        let clones =
            switch record.clone {
            case nil, .disk: "clones of its disk"
            case .memory: "clones of its memory and disks"
            case .image: "clones of an image"
            }
        let parts = [
            "tier \(record.tier) (\(record.domain)) of \(record.service)", record.node.map { "on node \($0)" },
            Format.date(record.started), record.state == .done ? nil : record.state.rawValue,
            record.trace == nil ? "live requests" : "recorded requests", clones,
            record.version.map { "program \($0.prefix(8))" }, record.search.map { "seed \($0.seed)" },
        ]
        return "campaign \(record.id): " + parts.compactMap(\.self).joined(separator: ", ")
    }

    private static func note(_ cell: Cell, _ record: CampaignRecord) -> String {
        var notes: [String] = []
        if cell.allocation == record.onLine { notes.append("on-line") }
        if let answer = record.answer, answer.allocation == cell.allocation { notes.append(answer.word ?? "") }
        if let estimate = cell.estimate(Metric(record.sla.statistic)), !record.sla.isSurelyMet(by: estimate) {
            notes.append(record.sla.isMet(by: estimate.lower) ? "unsure" : "violates")
        }
        if case .invalid(_, let reasons) = cell.content { notes += reasons }
        if cell.isSpoilt { notes.append("which tells nothing of it") }
        return notes.joined(separator: ", ")
    }

    /// The answer in a sentence, then its reasons.
    package static func answer(_ record: CampaignRecord) -> String {
        guard let answer = record.answer else { return "no answer: the campaign is \(record.state.rawValue)" }
        let sentence =
            switch answer.verdict {
            case .best(let allocation):
                "The best \((record.search?.metric ?? Metric(record.sla.statistic)).rawValue) of \(record.domain) "
                    + (record.search?.budget.map { "for at most \(Format.significant($0)) " } ?? "")
                    + "is at \(allocation)"
                    + (allocation == record.onLine ? ", which it has." : " (on-line now: \(record.onLine)).")
            case .cheapest(let allocation):
                "The cheapest allocation of \(record.domain) that meets \(record.sla) is \(allocation)"
                    + (allocation == record.onLine ? ", which it has." : " (on-line now: \(record.onLine)).")
            case .nothingMeets:
                "No allocation of the \(record.matrix.axes.count == 1 ? "axis" : "axes") "
                    + (answer.confidence ?? 1 < record.search?.confidence ?? 0 ? "surely meets" : "meets")
                    + " \(record.sla)."
            case .undecided(let reason): "No answer: \(reason)."
            }
        let beginning =
            switch record.clone {
            case nil, .disk: [String]()
            case .memory: ["clones went on from a moment of the domain's memory and disks"]
            case .image(let path): ["clones began with the image \(path)"]
            }
        let fresh =
            record.isFresh == true
            ? ["clones that served several experiments were out of line, so that each has its own"] : []
        let along = record.with.map { ["cloned along and joined with it: \($0.joined(separator: ", "))"] } ?? []
        let forward =
            record.forward.map { ["what was not recorded was asked of clones of \($0.joined(separator: ", "))"] } ?? []
        let played = record.trace.map { ["the requests were those of the trace \($0)"] } ?? []
        return
            ([sentence]
            + (beginning + played + fresh + along + forward + answer.reasons + energy(record)).map { "  - " + $0 })
            .joined(
                separator: "\n")
    }

    /// Where the figures of energy come from; counters and models do not measure the same.
    private static func energy(_ record: CampaignRecord) -> [String] {
        let models = record.matrix.cells.compactMap { $0.measurement?.energy?.model }
        // What counters said in each window is in the records.
        let kinds = models.map { $0.hasPrefix("RAPL") ? "the node's counters (RAPL)" : $0 }.uniqued()
        switch kinds.count {
        case 0: return []
        case 1: return ["energy: \(kinds[0])"]
        default: return ["energy is not the same in all cells: \(kinds.joined(separator: "; "))"]
        }
    }

    package static func measurement(_ measurement: Measurement) -> String {
        let account = measurement.requests
        let answers = measurement.answers
        return "p95 \(Format.milliseconds(measurement.clone.p95.value)) (on-line "
            + "\(Format.milliseconds(measurement.onLine.p95.value))), mean \(Format.milliseconds(measurement.clone.mean.value)) "
            + "(\(Format.milliseconds(measurement.onLine.mean.value))), \(account.answered) of \(account.captured) requests answered, "
            + "\(account.lost) lost, \(account.unanswered) unanswered, \(account.mismatched) mismatched; queries "
            + "\(answers.exact) exact, \(answers.template) by template, \(answers.nearest) nearest, "
            + (answers.forwarded > 0 ? "\(answers.forwarded) forwarded, " : "")
            + "\(answers.unmatched) unmatched\(besides(answers)); cpu "
            + "\(Format.percent(measurement.cpuUsed)) (\(Format.percent(measurement.onLineCPUUsed)))"
            + remarks(measurement).map { "; " + $0 }.joined() + unseen(account.unseen)
    }

    private static func remarks(_ measurement: Measurement) -> [String] {
        [
            measurement.settling.map { "the first \(Format.duration(.seconds($0))) left out: slower" },
            measurement.pause.map { pause in
                "the domain stood for \(Format.duration(.seconds(pause)))"
                    + (measurement.capture.map { " (\($0))" } ?? "")
            },
            measurement.served.map {
                "clones that had served \($0 == 1 ? "one experiment" : "\($0) experiments") before"
            },
            measurement.stolen.flatMap {
                $0 < 0.01
                    ? nil : "\(Format.percent($0)) of the processor time wanted on the node was not given by its host"
            },
            measurement.beside.map { others in
                "measured beside " + others.map { "\($0)" }.joined(separator: " and ")
            },
            measurement.comparison?.text,
        ].compactMap(\.self)
    }

    private static func besides(_ answers: AnswerAccount) -> String {
        (answers.waited > 0 ? ", \(answers.waited) waited" : "")
            + (answers.overrun > 0 ? ", \(answers.overrun) connections closed that were not read" : "")
    }

    private static func unseen(_ unseen: Unseen) -> String {
        guard !unseen.isNothing else { return "" }
        return "; not seen: \(unseen.dropped) packets dropped, \(unseen.gaps) gaps of \(unseen.missingBytes) bytes"
    }
}
