import Model

/// Which cells of a campaign's matrix a question is about, and what was taken to be meant where it does not say.
struct Scope: Sendable {
    let cells: [Int]
    let assumptions: [String]

    /// - Throws: `QueryError` for what the campaign's axes do not have.
    init(_ question: MatrixQuestion, _ record: CampaignRecord) throws(QueryError) {
        let matrix = record.matrix
        for resource in question.axes where !matrix.axes.contains(where: { $0.resource == resource }) {
            guard let setting = question.at[resource], Self.isUsual(resource, setting) else {
                throw Self.missing(resource, question, record)
            }
        }
        var (fixed, assumptions): ([Resource: Setting], [String]) = ([:], [])
        let free = Self.free(question, matrix.axes)
        for axis in matrix.axes where !free.contains(axis.resource) {
            let asked = question.at[axis.resource]
            let wish = asked ?? record.onLine[axis.resource] ?? Self.usual(axis.resource)
            let (value, isExact) = Self.nearest(wish, axis)
            if let asked, !isExact { throw Self.offAxis(axis, asked, question, record) }
            if asked == nil {
                assumptions.append(axis.text(value) + Self.why(wish, axis, isExact: isExact))
            }
            fixed[axis.resource] = value
        }
        let selected = matrix.cells.indices.filter { index in
            let found = FoundCell(record, index)
            return fixed.allSatisfy { found.cell.allocation[$0.key] == $0.value }
                && question.selection?.holds(for: found) ?? true
        }
        if selected.isEmpty { throw Self.nothing(question, record, Allocation(fixed)) }
        cells = selected
        self.assumptions = assumptions
    }

    /// What an axis has where nobody said anything else and it was not tried.
    private static func usual(_ resource: Resource) -> Setting? {
        resource == .load ? .number(1) : resource.isNumeric ? nil : .asIs
    }

    private static func isUsual(_ resource: Resource, _ setting: Setting) -> Bool { usual(resource) == setting }

    /// Axes of which any value may be the answer.
    private static func free(_ question: MatrixQuestion, _ axes: [Axis]) -> [Resource] {
        let selected = (question.selection?.subjects ?? []).compactMap { subject -> Resource? in
            if case .axis(let resource) = subject { resource } else { nil }
        }
        switch question.wish {
        case .cheapest(let sought) where !sought.isEmpty: return sought + selected
        case .cheapest, .best:
            let rest = axes.map(\.resource).filter { !$0.isDemand && question.at[$0] == nil }
            return rest + selected
        case .value, .holds: return []
        }
    }

    /// The axis's own value for what is wished, or its nearest.
    private static func nearest(_ wish: Setting?, _ axis: Axis) -> (Setting, isExact: Bool) {
        let last = axis.values[axis.values.count - 1]
        guard let wish else { return (last, false) }
        if let same = axis.values.first(where: { axis.resource.agrees($0, with: wish) }) { return (same, true) }
        // What nobody has limited has as much as there is.
        guard case .number(let number) = wish, let numbers = axis.numbers else {
            return (axis.resource.isNumeric ? last : axis.values[0], false)
        }
        let nearest = numbers.min { abs($0 - number) < abs($1 - number) } ?? number
        return (.number(nearest), false)
    }

    private static func why(_ wish: Setting?, _ axis: Axis, isExact: Bool) -> String {
        if isExact { return ", as on-line" }
        if axis.values.count == 1 { return ", the only value on its axis" }
        return wish.map { ", the value on its axis that is nearest to the on-line \(axis.resource.format($0))" }
            ?? ", the last value on its axis"
    }

    // MARK: What cannot be met

    private static func missing(_ resource: Resource, _ question: MatrixQuestion, _ record: CampaignRecord)
        -> QueryError
    {
        let has = record.matrix.axes.map(\.resource.rawValue)
        let wanted = question.at[resource].map(resource.format) ?? "…"
        let example = resource.isDemand ? "[\(wanted)]" : "[…, \(wanted)]"
        let near = Nearest.hint(resource.rawValue, in: has)
        return question.error(
            .axis(resource),
            "campaign \(record.id) has no axis '\(resource.rawValue)'; it has \(has.joined(separator: ", "))\(near) (to get "
                + "one, write '\(resource.rawValue): \(example)' below 'axes:' in the campaign's service file, and go on with "
                + "'whatif run FILE.yaml --campaign \(record.id)': what was measured stays)")
    }

    private static func offAxis(
        _ axis: Axis, _ asked: Setting, _ question: MatrixQuestion, _ record: CampaignRecord
    ) -> QueryError {
        question.error(
            .axis(axis.resource),
            "\(axis.text(asked)) is not on the axis of campaign \(record.id), which has \(axis.listed); write one of these, or "
                + "add it to the campaign's service file and go on with 'whatif run FILE.yaml --campaign \(record.id)'")
    }

    private static func nothing(
        _ question: MatrixQuestion, _ record: CampaignRecord, _ fixed: Allocation
    ) -> QueryError {
        guard let selection = question.selection, let subject = selection.subjects.first else {
            return question.error(
                question.at.values.keys.min().map { .axis($0) },
                "\(fixed) is forbidden in campaign \(record.id) ('forbid:' in its service file)")
        }
        let axes = record.matrix.axes.filter { selection.subjects.contains(.axis($0.resource)) }
        return question.error(
            subject,
            "no allocation of campaign \(record.id) has \(selection.text); it has "
                + axes.map { "\($0.resource.rawValue) \($0.listed)" }.joined(separator: "; "))
    }
}

extension MatrixQuestion {
    /// Whether one allocation is meant, and not the choice among several.
    package var isOfOnePlace: Bool {
        switch wish {
        case .value, .holds: true
        case .cheapest, .best: false
        }
    }
}

extension Axis {
    fileprivate func text(_ value: Setting) -> String { "\(resource.rawValue) \(resource.format(value))" }
    fileprivate var listed: String { values.map(resource.format).joined(separator: ", ") }
}
