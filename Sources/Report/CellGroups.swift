package import Model

/// Groups of cells, for people and for programs: how many are measured and how many interpolated stands beside every figure.
package struct CellGroups: Sendable {
    private let groups: [CellGroup]
    private let subjects: [MatrixQuery.Subject]
    private let metrics: [Metric]

    /// `subjects` and `metrics` are those by which and of which the groups were made.
    package init(_ groups: [CellGroup], _ subjects: [MatrixQuery.Subject], _ metrics: [Metric]) {
        self.groups = groups
        self.subjects = subjects
        self.metrics = metrics
    }

    package var isEmpty: Bool { groups.isEmpty }

    package func text(width: Int?) -> String {
        var table = TextTable(
            subjects.map(\.name) + ["cells"] + metrics.flatMap { ["\($0.rawValue) least", "mean", "greatest"] }
                + Cell.states,
            subjects.map { _ in .left } + [.right] + metrics.flatMap { _ in [.right, .right, .right] }
                + Cell.states.map { _ in .right })
        for group in groups {
            let settings = zip(subjects, group.values).map { subject, value in value.map(subject.format) ?? "–" }
            let figures = metrics.flatMap { metric in
                group.figures[metric].map { [$0.least, $0.mean, $0.greatest].map(metric.format) } ?? ["", "", ""]
            }
            let states = Cell.states.map { group.states[$0].map(String.init) ?? "" }
            table.add(settings + ["\(group.count)"] + figures + states)
        }
        return table.text(width: width)
    }

    package func csv() -> String {
        let figures = metrics.flatMap { ["\($0.rawValue)-least", "\($0.rawValue)-mean", "\($0.rawValue)-greatest"] }
        return MatrixData.csv([subjects.map(\.name) + ["cells"] + Cell.states + figures] + groups.map(fields))
    }

    private func fields(_ group: CellGroup) -> [String] {
        var fields = group.values.map { $0.map(MatrixData.field) ?? "" }
        fields.append("\(group.count)")
        fields += Cell.states.map { "\(group.states[$0] ?? 0)" }
        for metric in metrics {
            fields += group.figures[metric].map { ["\($0.least)", "\($0.mean)", "\($0.greatest)"] } ?? ["", "", ""]
        }
        return fields
    }

    private struct Document: Encodable {
        var by: [String: Setting]
        var cells: Int
        var states: [String: Int]
        var metrics: [String: CellGroup.Figures]
    }

    package func json() throws -> String {
        try MatrixData.encode(
            groups.map { group in
                Document(
                    by: Dictionary(
                        zip(subjects, group.values).compactMap { subject, value in value.map { (subject.name, $0) } },
                        uniquingKeysWith: { first, _ in first }),
                    cells: group.count, states: group.states,
                    metrics: Dictionary(
                        group.figures.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { first, _ in first }))
            })
    }
}
