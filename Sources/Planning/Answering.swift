import Exploration
package import Model

/// From a question and a campaign's record to an answer that says how sure it is, on what it stands, and which experiments
/// would make it surer. Pure.
package enum Answering {
    /// - Throws: `QueryError` for what the campaign has not, `ConfigurationSpaceError` for axes of which no space can be made.
    package static func reply(
        _ question: MatrixQuestion, _ record: CampaignRecord, confidence: Double = 0.95
    ) throws -> MatrixReply {
        if question.isOfOnePlace, let between = Between(question, record.matrix.axes) {
            return try between.reply(record, confidence: confidence)
        }
        let inquiry = try Inquiry(question, record, confidence: confidence)
        let standing = try Standing(inquiry, record.matrix)
        let plan = try inquiry.plan(record.matrix)
        let doubt = Self.doubt(record)
        let outcome = doubt == nil ? Self.outcome(inquiry, standing) : .unsure
        let figures = try Figures(inquiry, record.matrix)
        let told = { (cell: Int) in Self.place(cell, inquiry, standing, figures, record) }
        let shown =
            outcome == .nothing ? nil : standing.likeliest ?? (question.isOfOnePlace ? inquiry.cells.first : nil)
        // A question that is answered asks for none; a figure that was not measured can be.
        let wanted = outcome == .unsure || outcome == .figure ? plan.cells : []
        return MatrixReply(
            question, record, outcome, shown.map(told), isGoodEnough: standing.cell != nil,
            nothingBetter: standing.nothingBetter, confidence: confidence,
            limits: inquiry.condition?.text, assumptions: inquiry.assumptions,
            reasons: [doubt].compactMap(\.self) + reasons(inquiry, standing, figures, record),
            experiments: wanted.map(told), isPlanWhole: plan.isWhole,
            lacksControl: record.control?.isWithinLimits != true, time: duration(of: wanted.count, record))
    }

    /// Those that have to be answered for it, each of what is on the axes: of a place between two values both.
    package static func parts(_ question: MatrixQuestion, _ record: CampaignRecord) -> [MatrixQuestion] {
        guard question.isOfOnePlace, let between = Between(question, record.matrix.axes) else { return [question] }
        return between.ends.flatMap { parts($0, record) }
    }

    private static func outcome(_ inquiry: Inquiry, _ standing: Standing) -> MatrixReply.Outcome {
        switch inquiry.question.wish {
        case .cheapest, .best: standing.isSure ? (standing.cell == nil ? .nothing : .found) : .unsure
        case .value: standing.cell.flatMap(standing.figure) == nil ? .unsure : .figure
        case .holds:
            !standing.isSure
                ? .unsure : (standing.cell.flatMap(standing.holds) ?? 0) >= inquiry.confidence ? .yes : .no
        }
    }

    /// Why nothing of the matrix can be trusted; nil when it can.
    private static func doubt(_ record: CampaignRecord) -> String? {
        if record.matrix.measuredCount == 0 { return "campaign \(record.id) has measured nothing yet" }
        guard let control = record.control else { return "no control clone could be measured" }
        return control.isWithinLimits ? nil : "the control clone is out of line with the on-line domain"
    }

    private static func place(
        _ cell: Int, _ inquiry: Inquiry, _ standing: Standing, _ figures: Figures, _ record: CampaignRecord
    ) -> MatrixReply.Place {
        let known = record.matrix.cells[cell]
        // What was not kept with an interpolated cell is said of it all the same.
        let isOpen = known.state == "blank" || known.isSpoilt
        let state = isOpen && record.matrix.measuredCount > 0 ? "interpolated" : known.state
        return MatrixReply.Place(
            known.allocation, state: state, figures: figures.at(cell), cost: inquiry.cost(cell),
            holds: standing.holds(cell))
    }

    // MARK: What it stands on

    /// How many cells are told at most.
    private static let shown = 4

    private static func reasons(
        _ inquiry: Inquiry, _ standing: Standing, _ figures: Figures, _ record: CampaignRecord
    ) -> [String] {
        let cells = record.matrix.cells
        let isMeasured = { (cell: Int) in cells[cell].measurement != nil }
        var reasons: [String] = []
        if case .invalid(_, let why)? = inquiry.question.isOfOnePlace
            ? inquiry.cells.first.map({ cells[$0].content }) : nil
        {
            reasons.append("it was tried and is not to be used: \(why.joined(separator: "; "))")
        }
        if case .cheapest = inquiry.question.wish {
            let cheaper = inquiry.cells.filter { cell in
                standing.cell.map { inquiry.isCheaper(cell, than: $0) } ?? true
            }.sorted { inquiry.isCheaper($1, than: $0) }
            reasons += cheaper.filter(isMeasured).prefix(shown).map { describe($0, standing, figures, record, inquiry) }
            reasons += cheaper.compactMap { cell in
                guard case .invalid(_, let why) = cells[cell].content else { return nil }
                return "\(cells[cell].allocation) could not be measured: \(why.joined(separator: "; "))"
            }
            if standing.cell != nil, cheaper.isEmpty { reasons.append("nothing that is asked about is cheaper") }
        }
        reasons += standing.rivals.prefix(shown).map { rival in
            "\(cells[rival.cell].allocation) was measured and may be better, with \(Format.percent(rival.probability)): a longer "
                + "window would tell"
        }
        let asked = inquiry.cells.filter(isMeasured).count
        reasons.append(
            "it stands on \(record.matrix.measuredCount) measured cells of \(cells.count) in campaign \(record.id)"
                + (inquiry.question.isOfOnePlace || inquiry.cells.count == cells.count
                    ? "" : "; \(asked) of the \(inquiry.cells.count) that it is about were measured"))
        if record.state != .done { reasons.append("the campaign is \(record.state.rawValue)") }
        if let control = record.control {
            reasons.append(
                "the sandbox was \(Format.signedPercent(control.meanDeviation)) in mean response time and "
                    + "\(Format.signedPercent(control.throughputDeviation)) in throughput from the on-line domain")
        }
        return reasons
    }

    private static func describe(
        _ cell: Int, _ standing: Standing, _ figures: Figures, _ record: CampaignRecord, _ inquiry: Inquiry
    ) -> String {
        let known = record.matrix.cells[cell]
        let figures = figures.at(cell).sorted { $0.key.rawValue < $1.key.rawValue }.map {
            "\($0.key.rawValue) \($0.key.format($0.value.value))"
        }
        let holds = standing.holds(cell) ?? 0
        let verdict =
            holds <= 1 - inquiry.confidence
            ? "does not do"
            : standing.isContradicted(cell)
                ? "alone would do, but more of what helps does not"
                : "may do, with \(Format.percent(holds)): a longer window would tell"
        return "\(known.allocation) was \(known.state) and \(verdict): \(figures.joined(separator: ", "))"
    }

    // MARK: What experiments take

    /// Of so many experiments with their control clones, by how long the campaign's own took; nil when it measured none.
    static func duration(of count: Int, _ record: CampaignRecord) -> Duration? {
        guard count > 0 else { return nil }
        let controls = (record.earlierControls ?? []) + [record.control].compactMap(\.self)
        let measurements = record.matrix.cells.compactMap(\.measurement) + controls.map(\.measurement)
        let starts = Set(measurements.map(\.started)).sorted()
        guard let first = measurements.min(by: { $0.started < $1.started }) else { return nil }
        // From one to the next: the longer ones are pauses of a campaign that was gone on with.
        let gaps = zip(starts, starts.dropFirst()).map { $1 - $0 }.sorted()
        let window = Duration.seconds(first.window + (first.settling ?? 0))
        let each = gaps.isEmpty ? max(.zero, first.started - record.started) + window : gaps[gaps.count / 2]
        let limits = record.control?.limits ?? ControlLimits()
        return each * (count + 1 + (count - 1) / max(1, limits.every))
    }
}
