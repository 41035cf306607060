package import Model

extension Figure {
    /// Of those `cells` of the record's matrix, or of all of them when nil.
    ///
    /// - Throws: `PlotError` for names that are not known, for kinds that do not suit the axes, and when there is nothing to draw.
    package init(
        _ record: CampaignRecord, cells: [Cell]? = nil, _ request: PlotRequest = PlotRequest()
    ) throws(PlotError) {
        let cells = PlotCells(record, cells ?? record.matrix.cells)
        guard !cells.axes.isEmpty, !cells.cells.isEmpty else {
            throw .unfit("campaign \(record.id) has no such cell to draw")
        }
        let plan = PlotPlan(cells, request)
        switch try plan.kind() {
        case .auto, .slice: self = try plan.slice()
        case .heat: self = try plan.heatMap()
        case .pareto: self = try plan.pareto()
        }
    }
}

/// What was asked, weighed against what there is.
struct PlotPlan {
    let cells: PlotCells
    let request: PlotRequest

    init(_ cells: PlotCells, _ request: PlotRequest) {
        self.cells = cells
        self.request = request
    }

    /// More curves than this can not be told apart.
    static let mostCurves = 12

    /// `auto` by the axes: two of numbers make a heat map, one a slice. Names alone: a slice of one, a heat map of two.
    func kind() throws(PlotError) -> PlotRequest.Kind {
        guard request.kind == .auto else { return request.kind }
        let numeric = cells.varying.filter(cells.isNumeric)
        let names = cells.varying.filter { !cells.isNumeric($0) }
        if numeric.count >= 2 { return .heat }
        if numeric.count == 1 {
            return names.isEmpty || names.contains { cells.used[$0].count <= Self.mostCurves } ? .slice : .heat
        }
        return names.count >= 2 ? .heat : .slice
    }

    private var axisNames: [String] { cells.axes.map(\.resource.rawValue) }

    func axis(_ option: String, _ name: String) throws(PlotError) -> Int {
        guard let index = cells.axes.firstIndex(where: { $0.resource.rawValue == name }) else {
            throw .unknown(option: option, found: name, known: axisNames)
        }
        return index
    }

    func metric(_ option: String, _ name: String) throws(PlotError) -> Metric {
        guard let metric = Metric(rawValue: name) else {
            throw .unknown(option: option, found: name, known: Metric.allCases.map(\.rawValue))
        }
        return metric
    }

    /// The one asked for, or the SLA's.
    func metric() throws(PlotError) -> Metric {
        guard let name = request.metric else { return Metric(cells.record.sla.statistic) }
        return try metric("metric", name)
    }

    /// A metric, an axis or the cost.
    func quantity(_ option: String, _ name: String) throws(PlotError) -> Quantity {
        if name == Quantity.costName { return .cost(isPriced: cells.isPriced) }
        if let metric = Metric(rawValue: name) { return .metric(metric) }
        guard let index = cells.axes.firstIndex(where: { $0.resource.rawValue == name }) else {
            throw .unknown(
                option: option, found: name,
                known: axisNames + Metric.allCases.map(\.rawValue) + [Quantity.costName])
        }
        guard cells.isNumeric(index) else {
            throw .unfit("--\(option): the values of \(name) are names, which are neither more nor less")
        }
        return cells.quantity(index)
    }

    /// `cpu, memory`; what a message tells of the axes.
    func list(_ axes: [Int]) -> String { axes.map { cells.axes[$0].resource.rawValue }.joined(separator: " and ") }

    /// Logarithmic when asked for, or when that is left open and `suits`.
    func isLogarithmic(
        _ option: String, _ choice: PlotScale.Choice, _ quantity: Quantity, _ values: [Double], suits: Bool
    ) throws(PlotError) -> Bool {
        switch choice {
        case .linear: return false
        case .auto: return suits
        case .log:
            if let value = values.first(where: { $0 <= 0 }) {
                throw .unfit(
                    "--\(option) log: \(quantity.name) \(quantity.format(value)) has no logarithm; use linear")
            }
            return true
        }
    }

    /// A scale for the values of a metric; `ends` are those of intervals, which count only as far as they are near.
    func scale(
        _ option: String, _ choice: PlotScale.Choice, _ quantity: Quantity, _ values: [Double], near ends: [Double] = []
    ) throws(PlotError) -> PlotScale {
        let isLogarithmic = try isLogarithmic(
            option, choice, quantity, values, suits: PlotScale.spansDecades(values))
        let (least, most) = (values.min() ?? 0, values.max() ?? 1)
        let near = ends.filter {
            $0.isFinite && (isLogarithmic ? least / 3 : least - abs(least) / 2)...most * 1.5 ~= $0
        }
        let all = values + near
        let lowest = all.min() ?? 0
        return PlotScale(
            (isLogarithmic ? lowest : min(0, lowest))...(all.max() ?? 1), isLogarithmic: isLogarithmic)
    }

    /// At least one cell has to have a value.
    func requireValues(_ quantities: [Quantity], _ found: Bool) throws(PlotError) {
        if found { return }
        let names = quantities.map(\.name).joined(separator: " and ")
        let others = Metric.allCases.filter { metric in cells.cells.contains { $0.estimate(metric) != nil } }
        let way =
            others.isEmpty
            ? "'whatif matrix show' tells why" : "there is \(others.map(\.rawValue).joined(separator: ", "))"
        throw .unfit(
            "campaign \(cells.record.id) has no \(names) to draw: \(census(cells.cells.map(Self.state))); \(way)")
    }

    private static func state(_ cell: Cell) -> Mark.State { Mark.State(rawValue: cell.state) ?? .blank }

    /// `12 measured, 3 blank`
    func census(_ states: [Mark.State]) -> String {
        let counts = Dictionary(states.map { ($0, 1) }, uniquingKeysWith: +)
        return Mark.State.allCases.compactMap { state in counts[state].map { "\($0) \(state.rawValue)" } }
            .joined(separator: ", ")
    }

    /// What the campaign was asked to keep to.
    func limit(_ quantity: Quantity) -> Chart.Limit? {
        let record = cells.record
        if quantity == .metric(Metric(record.sla.statistic)) {
            let value = record.sla.limit.seconds
            return Chart.Limit(value: value, label: "SLA \(quantity.format(value))")
        }
        guard case .cost(isPriced: true) = quantity, let budget = record.search?.budget else { return nil }
        return Chart.Limit(value: budget, label: "budget \(quantity.format(budget))")
    }

    var subtitle: String {
        let record = cells.record
        let answer: String =
            switch record.answer?.verdict {
            case .best(let allocation):
                "best \((record.search?.metric ?? Metric(record.sla.statistic)).rawValue): \(allocation)"
            case .cheapest(let allocation): "cheapest that meets \(record.sla): \(allocation)"
            case .nothingMeets: "no allocation meets \(record.sla)"
            case .undecided(let reason): "no answer: \(reason)"
            case nil: "campaign \(record.state.rawValue)"
            }
        return "\(record.service), campaign \(record.id): \(answer)"
    }

    /// What is drawn, how much of it, and between which extremes.
    func description(_ what: String, _ marks: [Mark], _ quantity: Quantity) -> String {
        var text = "\(what) of \(marks.count) \(marks.count == 1 ? "cell" : "cells"): \(census(marks.map(\.state)))."
        let valued = marks.filter { $0.estimate != nil }
        let value = { (mark: Mark) in mark.estimate?.value ?? 0 }
        if let low = valued.min(by: { value($0) < value($1) }), let high = valued.max(by: { value($0) < value($1) }) {
            text += " Lowest \(quantity.name) \(quantity.format(value(low))) at \(low.cell.allocation)"
            text += ", highest \(quantity.format(value(high))) at \(high.cell.allocation)."
        }
        return text
    }
}
