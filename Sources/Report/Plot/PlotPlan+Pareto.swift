import Model

extension PlotPlan {
    /// What cannot be bettered in one direction without giving something up in the other. The front is that of what was measured;
    /// what is only interpolated is shown beside it, and makes a front of its own where it would be better.
    func pareto() throws(PlotError) -> Figure {
        let (x, y) = try directions()
        let indices = cells.cells.indices.filter { cells.estimate(x, $0) != nil && cells.estimate(y, $0) != nil }
        let marks = cells.cells.indices.map { cells.mark(y, $0) }
        let drawn = indices.filter { marks[$0].estimate != nil && cells.cells[$0].isUsable }
        try requireValues([x, y].filter { if case .metric = $0 { true } else { false } }, !drawn.isEmpty)
        let points = drawn.compactMap { index -> Chart.Point? in
            guard let across = cells.estimate(x, index), let up = marks[index].estimate else { return nil }
            let interval = across.lower < across.upper ? across.lower...across.upper : nil
            return Chart.Point(x: across.value, xInterval: interval, y: up, mark: marks[index], predicted: nil)
        }
        let measured = points.filter { $0.mark.state != .interpolated }
        let front = ParetoFront.of(measured, x, y)
        let hoped = ParetoFront.of(points, x, y)
        let onFront = Set((front + hoped).map(\.mark.cell.allocation))
        let curve = { (role: Chart.Curve.Role, name: String, points: [Chart.Point]) in
            Chart.Curve(role: role, name: name, style: 0, points: points, gaps: [])
        }
        var curves = [curve(.dominated, "dominated", points.filter { !onFront.contains($0.mark.cell.allocation) })]
        if hoped.contains(where: { $0.mark.state == .interpolated }) {
            curves.append(curve(.hoped, "the front with what is interpolated", hoped))
        }
        curves.append(curve(.front, "Pareto front of what was measured", front))
        let (xLimit, yLimit) = (limit(x), limit(y))
        let record = cells.record
        let across = try axis(
            "x-scale", request.xScale, x, points.map(\.x), xLimit,
            near: points.flatMap { $0.xInterval.map { [$0.lowerBound, $0.upperBound] } ?? [] })
        let up = try axis(
            "y-scale", request.yScale, y, points.map(\.y.value), yLimit,
            near: points.flatMap { [$0.y.lower, $0.y.upper] })
        return Figure(
            campaign: record.id, title: "\(y.heading) of \(record.subject) against \(x.heading): Pareto front",
            subtitle: subtitle,
            description: description("Pareto chart", drawn.map { marks[$0] }, y)
                + " On the front of what was measured: "
                + (front.isEmpty ? "nothing" : front.map { "\($0.mark.cell.allocation)" }.joined(separator: "; "))
                + ".",
            body: .chart(
                Chart(
                    x: across, y: up, quantities: [x, y],
                    panels: [Chart.Panel(title: nil, curves: curves.filter { !$0.points.isEmpty })],
                    xLimit: xLimit,
                    yLimit: yLimit, onLine: nil, key: nil,
                    styleCount: 1)))
    }

    /// A metric's, from zero or by decades; the levels of what was chosen.
    private func axis(
        _ option: String, _ choice: PlotScale.Choice, _ quantity: Quantity, _ values: [Double], _ limit: Chart.Limit?,
        near ends: [Double]
    ) throws(PlotError) -> PlotAxis {
        let isChosen = if case .axis = quantity { true } else { quantity == .cost(isPriced: false) }
        guard isChosen else {
            let scale = try scale(option, choice, quantity, values + (limit.map { [$0.value] } ?? []), near: ends)
            return PlotAxis(quantity, scale.padded(0.05))
        }
        let levels = Set(values).sorted()
        let isLogarithmic = try isLogarithmic(
            option, choice, quantity, levels, suits: PlotScale.isGeometric(levels))
        let scale = PlotScale((levels.first ?? 0)...(levels.last ?? 1), isLogarithmic: isLogarithmic)
        return PlotAxis(quantity, scale.padded(0.05), levels: levels)
    }

    /// Up: `--y`, `--metric` or the SLA's statistic. Across: `--x`; else what has a price, or the first axis of numbers, or the order of cost.
    private func directions() throws(PlotError) -> (x: Quantity, y: Quantity) {
        let y: Quantity
        if let name = request.y {
            y = try quantity("y", name)
            if request.metric != nil, y != .metric(try metric()) {
                throw .unfit("--metric and --y both name what goes up; give one of them")
            }
        } else {
            y = .metric(try metric())
        }
        var x = Quantity.cost(isPriced: cells.isPriced)
        if let name = request.x {
            x = try quantity("x", name)
        } else if !cells.isPriced, let axis = cells.varying.first(where: cells.isNumeric), cells.quantity(axis) != y {
            x = cells.quantity(axis)
        }
        if x == y {
            throw .unfit("--x and --y are both \(x.name); a front needs two that are weighed against each other")
        }
        return (x, y)
    }
}

extension Cell {
    fileprivate var isUsable: Bool {
        switch content {
        case .measured, .interpolated: true
        case .blank, .invalid: false
        }
    }
}

enum ParetoFront {
    /// The points that no other one is as good as in both directions and better in one; the best in `x` first. Of equal points the
    /// first.
    static func of(_ points: [Chart.Point], _ x: Quantity, _ y: Quantity) -> [Chart.Point] {
        let (xSign, ySign) = (x.prefersHigher ? -1.0 : 1, y.prefersHigher ? -1.0 : 1)
        let sorted = points.enumerated().sorted { a, b in
            let first = (a.element.x * xSign, a.element.y.value * ySign, a.offset)
            return first < (b.element.x * xSign, b.element.y.value * ySign, b.offset)
        }
        var (front, best) = ([Chart.Point](), Double.infinity)
        for (_, point) in sorted where point.y.value * ySign < best {
            best = point.y.value * ySign
            front.append(point)
        }
        return front
    }
}
