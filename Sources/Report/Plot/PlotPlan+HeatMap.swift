import Model

extension PlotPlan {
    func heatMap() throws(PlotError) -> Figure {
        let metric = try metric()
        if request.xScale != .auto {
            throw .unfit(
                "--x-scale: the columns of a heat map are at equal distances; --y-scale is of its colours, and --kind slice has both"
            )
        }
        let (x, y) = try sides()
        let others = cells.varying.filter { $0 != x && $0 != y }
        let groups = try cells.panels(others)
        let marks = cells.cells.indices.map { cells.mark(.metric(metric), $0) }
        let values = marks.compactMap(\.estimate?.value)
        try requireValues([.metric(metric)], !values.isEmpty)
        let colours = try colours(.metric(metric), values)
        let (columns, rows) = (Self.ranks(cells.used[x]), Self.ranks(cells.used[y]))
        let panels = groups.map { group in
            HeatMap.Panel(
                title: cells.title(others, group.places),
                tiles: group.cells.map { index in
                    HeatMap.Tile(
                        column: columns[cells.places[index][x]] ?? 0, row: rows[cells.places[index][y]] ?? 0,
                        mark: marks[index], share: (marks[index].estimate?.value).map { colours.share($0) })
                })
        }
        let record = cells.record
        let what = "\(Quantity.metric(metric).heading) of \(record.subject)"
        return Figure(
            campaign: record.id, title: "\(what) by \(cells.quantity(x).heading) and \(cells.quantity(y).heading)",
            subtitle: subtitle, description: description("Heat map", marks, .metric(metric)),
            body: .heat(
                HeatMap(
                    x: side(x), y: side(y), columns: columns.count, rows: rows.count, panels: panels, metric: metric,
                    colours: colours,
                    limit: limit(.metric(metric)).map {
                        Chart.Limit(value: $0.value, label: "\(metric.rawValue) = \(metric.format($0.value))")
                    })))
    }

    /// Which axes go across and up: those asked for, else the first two of numbers, else the first two.
    private func sides() throws(PlotError) -> (x: Int, y: Int) {
        let varying = cells.varying
        guard varying.count >= 2 else {
            let what = varying.isEmpty ? "there is one cell" : "only \(list(varying)) has"
            throw .unfit(
                "--kind heat needs two axes with more than one value each, and \(what)"
                    + (varying.isEmpty ? "" : " more than one here") + "; --kind slice would work")
        }
        var x = try request.x.map { name throws(PlotError) in try axis("x", name) }
        var y = try request.y.map { name throws(PlotError) in try axis("y", name) }
        if let x, x == y { throw .unfit("--x and --y are the same axis; a heat map needs two, of \(list(varying))") }
        let ranked = varying.filter(cells.isNumeric) + varying.filter { !cells.isNumeric($0) }
        x = x ?? ranked.first { $0 != y }
        y = y ?? ranked.first { $0 != x }
        guard let x, let y else { throw .unfit("--kind heat needs two axes; --kind slice would work") }
        return (x, y)
    }

    private func colours(_ quantity: Quantity, _ values: [Double]) throws(PlotError) -> PlotAxis {
        let isLogarithmic = try isLogarithmic(
            "y-scale", request.yScale, quantity, values, suits: PlotScale.spansDecades(values))
        return PlotAxis(
            quantity, PlotScale((values.min() ?? 0)...(values.max() ?? 1), isLogarithmic: isLogarithmic))
    }

    private static func ranks(_ used: [Int]) -> [Int: Int] {
        Dictionary(used.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    private func side(_ axis: Int) -> PlotAxis {
        let values = cells.used[axis].compactMap { cells.axes[axis].values[$0].number }
        guard values.count == cells.used[axis].count, let least = values.first, let most = values.last else {
            return PlotAxis(cells.quantity(axis), names: cells.used[axis].map { cells.label(axis, $0) })
        }
        return PlotAxis(
            cells.quantity(axis), PlotScale(least...most, isLogarithmic: PlotScale.isGeometric(values)), levels: values,
            isEven: true)
    }
}
