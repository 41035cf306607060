import Model

/// The cells that a figure is about, with their places on the axes.
struct PlotCells {
    let record: CampaignRecord
    let axes: [Axis]
    let cells: [Cell]
    /// Per cell, the place of its value on each axis.
    let places: [[Int]]
    /// Per axis, the places that occur, ascending.
    let used: [[Int]]

    /// Cells that are none of the matrix are left out.
    init(_ record: CampaignRecord, _ chosen: [Cell]) {
        self.record = record
        axes = record.matrix.axes
        let tables = axes.map { axis in
            (
                axis.resource,
                Dictionary(axis.values.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { a, _ in a })
            )
        }
        var (cells, places): ([Cell], [[Int]]) = ([], [])
        for cell in chosen {
            let found = tables.compactMap { resource, table in cell.allocation[resource].flatMap { table[$0] } }
            guard found.count == axes.count else { continue }
            cells.append(cell)
            places.append(found)
        }
        (self.cells, self.places) = (cells, places)
        used = axes.indices.map { axis in Set(places.map { $0[axis] }).sorted() }
    }

    /// Axes of which there is more than one value, in the matrix' order.
    var varying: [Int] { axes.indices.filter { used[$0].count > 1 } }

    func isNumeric(_ axis: Int) -> Bool { axes[axis].numbers != nil }

    /// Names where there are no numbers.
    func label(_ axis: Int, _ place: Int) -> String { axes[axis].resource.format(axes[axis].values[place]) }

    func quantity(_ axis: Int) -> Quantity { .axis(axes[axis].resource) }

    /// With the same value all through.
    private static func exact(_ value: Double) -> Estimate { Estimate(value, lower: value, upper: value) }

    /// Nil where there is none, or none that could be drawn.
    func estimate(_ quantity: Quantity, _ index: Int) -> Estimate? {
        let found: Estimate? =
            switch quantity {
            case .metric(let metric): cells[index].estimate(metric)
            case .axis(let resource): cells[index].allocation[resource]?.number.map(Self.exact)
            case .cost(isPriced: true): record.search?.prices.cost(of: cells[index].allocation).map(Self.exact)
            case .cost:
                Self.exact(
                    1 + zip(places[index], axes).reduce(0.0) { $0 * Double($1.1.values.count) + Double($1.0) })
            }
        guard let found, found.value.isFinite else { return nil }
        return Estimate(
            found.value, lower: found.lower.isNaN ? found.value : found.lower,
            upper: found.upper.isNaN ? found.value : found.upper)
    }

    func mark(_ quantity: Quantity, _ index: Int) -> Mark {
        let cell = cells[index]
        let estimate = estimate(quantity, index)
        // What lacks the figure is blank in this figure, whatever else is known of it.
        let known = Mark.State(rawValue: cell.state) ?? .blank
        let state = estimate == nil && known != .invalid ? .blank : known
        return Mark(
            cell: cell, state: state, estimate: state == .invalid ? nil : estimate,
            isOnLine: cell.allocation == record.onLine, isAnswer: cell.allocation == record.answer?.allocation)
    }

    var isPriced: Bool { record.search?.prices.isEmpty == false }

    /// Groups of the cells that agree on these axes, in the axes' order.
    func grouped(by axes: [Int]) -> [(places: [Int], cells: [Int])] {
        var groups: [[Int]: [Int]] = [:]
        for index in cells.indices { groups[axes.map { places[index][$0] }, default: []].append(index) }
        return groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
    }

    /// `software tuned, node big`; nil when there is nothing to tell apart.
    func title(_ axes: [Int], _ places: [Int]) -> String? {
        if axes.isEmpty { return nil }
        return zip(axes, places).map { "\(self.axes[$0].resource.rawValue) \(label($0, $1))" }.joined(separator: ", ")
    }

    /// How many panels can be told apart on one page.
    static let mostPanels = 36

    func panels(_ axes: [Int]) throws(PlotError) -> [(places: [Int], cells: [Int])] {
        let groups = grouped(by: axes)
        guard groups.count <= Self.mostPanels else {
            let names = axes.map { self.axes[$0].resource.rawValue }.joined(separator: " and ")
            throw .unfit(
                "\(groups.count) combinations of \(names) would be as many panels, and at most \(Self.mostPanels) can be "
                    + "drawn; choose some with --where, or --kind heat")
        }
        return groups
    }
}
