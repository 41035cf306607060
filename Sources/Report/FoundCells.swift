package import Model

/// Cells of whatever campaigns, for people and for programs.
package struct FoundCells: Sendable {
    private let cells: [FoundCell]
    private let resources: [Resource]
    /// What the intervals shown are of.
    private let metric: Metric

    package init(_ cells: [FoundCell], metric: Metric) {
        self.cells = cells
        self.metric = metric
        let present = Set(cells.flatMap(\.cell.allocation.values.keys))
        resources = Resource.allCases.filter(present.contains)
    }

    /// `near`: with how far each is from it.
    package func text(width: Int?, near: Allocation? = nil) -> String {
        let failures = Metric.worthTelling(of: cells.lazy.map(\.cell), axes: resources)
        let others = ([.mean, .p99, .throughput, .cpuUsed, .energy] + failures).filter { $0 != metric }
        let interval = IntervalHeading.of(cells.lazy.map(\.cell))
        let isNear = near == nil ? [] : ["distance"]
        var table = TextTable(
            ["campaign"] + resources.map(\.rawValue) + ["state", metric.rawValue, interval] + isNear
                + others.map(\.rawValue) + [""],
            [.left] + resources.map { $0.isNumeric ? .right : .left } + [.left, .right, .left]
                + isNear.map { _ in .right }
                + others.map { _ in .right } + [.left])
        for found in cells {
            let (cell, estimate) = (found.cell, found.cell.estimate(metric))
            var reasons: [String] = []
            if case .invalid(_, let why) = cell.content { reasons = why }
            var row = [found.campaign] + resources.map { cell.allocation[$0].map($0.format) ?? "" }
            row += [
                cell.state, estimate.map { metric.format($0.value) } ?? "",
                estimate.map { "[\(metric.format($0.lower)) – \(metric.format($0.upper))]" } ?? "",
            ]
            if let near { row.append(Format.significant(found.distance(to: near))) }
            row += others.map { other in cell.estimate(other).map { other.format($0.value) } ?? "" }
            table.add(row + [reasons.joined(separator: ", ")])
        }
        return table.text(width: width)
    }

    package func csv() -> String { MatrixData.csv([Self.heading(resources)] + cells.map { Self.line($0, resources) }) }

    /// Of a table of cells of any campaigns.
    package static let csvHeading = MatrixData.csv([heading(Resource.allCases)])

    /// The cells of a campaign below that heading, a line each.
    package static func csvLines(_ record: CampaignRecord) -> String {
        MatrixData.csv(record.matrix.cells.indices.map { line(FoundCell(record, $0), Resource.allCases) })
    }

    private static func heading(_ resources: [Resource]) -> [String] {
        ["campaign", "service", "tier", "domain", "number"] + resources.map(\.rawValue)
            + CellFields.heading
    }

    private static func line(_ found: FoundCell, _ resources: [Resource]) -> [String] {
        var fields = [found.campaign, found.service, found.tier, found.domain, "\(found.number)"]
        fields += resources.map { found.cell.allocation[$0].map(MatrixData.field) ?? "" }
        return fields + CellFields.of(found.cell)
    }

    private struct Document: Encodable {
        var campaign, service, tier, domain: String
        var number: Int
        var cell: MatrixData.CellDocument
    }

    package func json() throws -> String {
        try MatrixData.encode(
            cells.map {
                Document(
                    campaign: $0.campaign, service: $0.service, tier: $0.tier, domain: $0.domain, number: $0.number,
                    cell: MatrixData.document($0.cell))
            })
    }
}
