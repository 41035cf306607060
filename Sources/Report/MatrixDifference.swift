package import Model

/// What changed between two campaigns: the cells that both have, each with a metric's values and whether their intervals
/// overlap. Pure.
package struct MatrixDifference: Sendable {
    package enum Change: String, Sendable {
        /// The intervals overlap: what differs may be chance.
        case same
        case better, worse
        /// One of the two has no figure.
        case unknown
    }

    package struct Line: Sendable {
        package let allocation: Allocation
        package let before: Cell
        package let after: Cell
        package let change: Change
        /// (after − before) / before; nil without both figures.
        package let relative: Double?
    }

    package let before: CampaignRecord
    package let after: CampaignRecord
    package let metric: Metric
    /// In the order of the later campaign.
    package let lines: [Line]
    /// How many cells only one of them has.
    package let onlyBefore: Int
    package let onlyAfter: Int

    package init(_ before: CampaignRecord, _ after: CampaignRecord, _ metric: Metric) {
        self.before = before
        self.after = after
        self.metric = metric
        let earlier = Dictionary(
            before.matrix.cells.map { ($0.allocation, $0) }, uniquingKeysWith: { first, _ in first })
        lines = after.matrix.cells.compactMap { cell in
            earlier[cell.allocation].map { Self.line($0, cell, metric) }
        }
        onlyBefore = before.matrix.cells.count - lines.count
        onlyAfter = after.matrix.cells.count - lines.count
    }

    private static func line(_ before: Cell, _ after: Cell, _ metric: Metric) -> Line {
        guard let a = before.estimate(metric), let b = after.estimate(metric) else {
            return Line(allocation: after.allocation, before: before, after: after, change: .unknown, relative: nil)
        }
        let overlap = a.lower <= b.upper && b.lower <= a.upper
        let change: Change = overlap ? .same : (b.value < a.value) == (metric == .throughput) ? .worse : .better
        return Line(
            allocation: after.allocation, before: before, after: after, change: change,
            relative: a.value == 0 ? nil : b.value / a.value - 1)
    }

    package func count(_ change: Change) -> Int { lines.count { $0.change == change } }

    private var axes: [Axis] { after.matrix.axes }

    /// A table, and what it comes to.
    package func text(width: Int?) -> String {
        var table = TextTable(
            axes.map(\.resource.rawValue) + ["before", "state", "after", "state", "change", ""],
            axes.map { $0.numbers == nil ? .left : .right } + [.right, .left, .right, .left, .right, .left],
            kept: ["change"])
        let show = { (cell: Cell) in
            cell.estimate(metric).map {
                "\(metric.format($0.value)) [\(metric.format($0.lower)) – \(metric.format($0.upper))]"
            }
                ?? ""
        }
        for line in lines {
            table.add(
                axes.map { axis in line.allocation[axis.resource].map { axis.resource.format($0) } ?? "" } + [
                    show(line.before), line.before.state, show(line.after), line.after.state,
                    line.relative.map(Format.signedPercent) ?? "", line.change == .unknown ? "" : line.change.rawValue,
                ])
        }
        return table.text(width: width) + "\n\n" + ([summary] + setting.map { "  - " + $0 }).joined(separator: "\n")
    }

    private var summary: String {
        "\(metric.rawValue) from \(before.id) to \(after.id): of \(lines.count) cells in both, \(count(.worse)) worse, "
            + "\(count(.better)) better, \(count(.same)) with intervals that overlap, \(count(.unknown)) without a figure in one; "
            + "\(onlyBefore) only before, \(onlyAfter) only after"
    }

    package func csv() -> String {
        let names = ["before", "after"].flatMap { ["\($0)", "\($0)-lower", "\($0)-upper", "\($0)-state"] }
        let heading = axes.map(\.resource.rawValue) + names + ["change", "relative"]
        return MatrixData.csv([heading] + lines.map(fields))
    }

    private func fields(_ line: Line) -> [String] {
        var fields = axes.map { line.allocation[$0.resource].map(MatrixData.field) ?? "" }
        for cell in [line.before, line.after] {
            let estimate = cell.estimate(metric)
            fields += estimate.map { ["\($0.value)", "\($0.lower)", "\($0.upper)"] } ?? ["", "", ""]
            fields.append(cell.state)
        }
        return fields + [line.change.rawValue, line.relative.map { "\($0)" } ?? ""]
    }

    struct Document: Encodable {
        struct Figure: Encodable {
            var state: String
            var estimate: Estimate?
        }

        struct Cell: Encodable {
            var allocation: [String: Setting]
            var before, after: Figure
            var change: String
            var relative: Double?
        }

        var before, after, metric: String
        /// What else is not as it was: of the campaigns, in words.
        var setting: [String]
        var onlyBefore, onlyAfter: Int
        var cells: [Cell]
    }

    package func json() throws -> String { try MatrixData.encode(document) }

    var document: Document {
        Document(
            before: before.id, after: after.id, metric: metric.rawValue, setting: setting, onlyBefore: onlyBefore,
            onlyAfter: onlyAfter,
            cells: lines.map { line in
                Document.Cell(
                    allocation: MatrixData.plain(line.allocation),
                    before: .init(state: line.before.state, estimate: line.before.estimate(metric)),
                    after: .init(state: line.after.state, estimate: line.after.estimate(metric)),
                    change: line.change.rawValue, relative: line.relative)
            })
    }

    /// What makes the cells of the two be of different things, or measured differently; and what became of the answer.
    var setting: [String] {
        let words = { (name: String, of: (CampaignRecord) -> String) -> String? in
            let (earlier, later) = (of(before), of(after))
            return earlier == later ? nil : "\(name): \(earlier) before, \(later) after"
        }
        let names = { (list: [String]?) in list.map { $0.joined(separator: ", ") } ?? "nothing" }
        let meanings = Set((before.meanings ?? [:]).keys).intersection((after.meanings ?? [:]).keys).sorted()
            .filter { before.meanings?[$0] != after.meanings?[$0] }
        return [
            words("domain") { $0.domain }, words("node") { $0.node ?? "this one" }, words("libvirt") { $0.connect },
            words("on-line") { "\($0.onLine)" }, words("SLA") { "\($0.sla)" },
            words("requests") { $0.trace ?? "live ones" }, words("clones") { "\($0.clone ?? .disk)" },
            words("cloned along") { names($0.with) }, words("asked what was not recorded") { names($0.forward) },
            words("program") { $0.version ?? "unknown" },
        ].compactMap(\.self) + after.otherManner(than: before)
            + meanings.map { "\($0) stood for something else before" }
            + [words("answer") { $0.answer?.allocation.map { "\($0)" } ?? "none" }].compactMap(\.self)
    }
}
