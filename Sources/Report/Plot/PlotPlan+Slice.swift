import Model

extension PlotPlan {
    func slice() throws(PlotError) -> Figure {
        let (x, curveAxis, metric) = try slicing()
        let quantity = Quantity.metric(metric)
        let others = cells.varying.filter { $0 != x && $0 != curveAxis }
        let groups = try cells.panels(others)
        let marks = cells.cells.indices.map { cells.mark(quantity, $0) }
        let values = marks.compactMap(\.estimate?.value)
        try requireValues([quantity], !values.isEmpty)

        let across = try across(x)
        let styles = curveAxis.map { cells.used[$0] } ?? [0]
        let panels = groups.map { group in
            let places = curveAxis.map { axis in
                cells.used[axis].filter { place in group.cells.contains { cells.places[$0][axis] == place } }
            }
            let curves = (places ?? [0]).map { place in
                let members = group.cells.filter { index in curveAxis.map { cells.places[index][$0] == place } ?? true }
                return curve(
                    members, marks, x, quantity, name: curveAxis.map { cells.label($0, place) },
                    style: styles.firstIndex(of: place) ?? 0)
            }
            return Chart.Panel(title: cells.title(others, group.places), curves: curves)
        }
        let limit = limit(quantity)
        let predictions = marks.compactMap { $0.cell.check }.filter { $0.metric == metric }.map(\.predicted.value)
        let ends = marks.compactMap(\.estimate).flatMap { [$0.lower, $0.upper] } + predictions
        let scale = try scale(
            "y-scale", request.yScale, quantity, values + (limit.map { [$0.value] } ?? []), near: ends)
        let record = cells.record
        let key = curveAxis.map { cells.quantity($0).heading }
        return Figure(
            campaign: record.id,
            title: "\(quantity.heading) of \(record.subject) by \(cells.quantity(x).heading)"
                + (key.map { " and \($0)" } ?? ""), subtitle: subtitle,
            description: description("Slice", marks, quantity),
            body: .chart(
                Chart(
                    x: across, y: PlotAxis(quantity, scale.padded(0.06)), quantities: [quantity], panels: panels,
                    xLimit: nil, yLimit: limit,
                    onLine: onLine(x, among: marks), key: key, styleCount: styles.count)))
    }

    /// The axis across, that of the curves, and the metric. `--y` may name either of the latter.
    private func slicing() throws(PlotError) -> (x: Int, curves: Int?, metric: Metric) {
        let varying = cells.varying
        var metric = try metric()
        var curves: Int?
        if let name = request.y {
            if let other = Metric(rawValue: name) {
                if request.metric != nil, other != metric {
                    throw .unfit("--metric \(metric.rawValue) and --y \(name) are two metrics; a slice shows one")
                }
                metric = other
            } else {
                guard cells.axes.contains(where: { $0.resource.rawValue == name }) else {
                    let known = cells.axes.map(\.resource.rawValue) + Metric.allCases.map(\.rawValue)
                    throw .unknown(option: "y", found: name, known: known)
                }
                curves = try axis("y", name)
            }
        }
        let ranked = varying.filter(cells.isNumeric) + varying.filter { !cells.isNumeric($0) }
        let x =
            try request.x.map { name throws(PlotError) in try axis("x", name) } ?? ranked.first { $0 != curves } ?? 0
        if x == curves { throw .unfit("--x and --y are the same axis; --y is that of the curves, or a metric") }
        let fitting = varying.filter { $0 != x && cells.used[$0].count <= Self.mostCurves }
        if let curves, cells.used[curves].count > Self.mostCurves {
            throw .unfit(
                "\(cells.used[curves].count) curves, one for each value of \(list([curves])), cannot be told apart; choose at "
                    + "most \(Self.mostCurves) with --where, or --kind heat")
        }
        return (x, curves ?? fitting.first, metric)
    }

    private func across(_ axis: Int) throws(PlotError) -> PlotAxis {
        let used = cells.used[axis]
        let values = used.compactMap { cells.axes[axis].values[$0].number }
        guard values.count == used.count, let least = values.first, let most = values.last else {
            return PlotAxis(cells.quantity(axis), names: used.map { cells.label(axis, $0) })
        }
        let quantity = cells.quantity(axis)
        let isLogarithmic = try isLogarithmic(
            "x-scale", request.xScale, quantity, values, suits: PlotScale.isGeometric(values))
        return PlotAxis(
            quantity, PlotScale(least...most, isLogarithmic: isLogarithmic).padded(0.04), levels: values)
    }

    /// Its value, or the place of its name among those that occur.
    private func place(_ axis: Int, _ index: Int) -> Double {
        cells.axes[axis].values[cells.places[index][axis]].number
            ?? Double(cells.used[axis].firstIndex(of: cells.places[index][axis]) ?? 0)
    }

    private func curve(
        _ members: [Int], _ marks: [Mark], _ x: Int, _ quantity: Quantity, name: String?, style: Int
    ) -> Chart.Curve {
        var (points, gaps): ([Chart.Point], [Chart.Gap]) = ([], [])
        for index in members.sorted(by: { cells.places[$0][x] < cells.places[$1][x] }) {
            let mark = marks[index]
            let place = place(x, index)
            guard let estimate = mark.estimate else {
                gaps.append(Chart.Gap(x: place, mark: mark))
                continue
            }
            let check = mark.cell.check.flatMap { Quantity.metric($0.metric) == quantity ? $0 : nil }
            points.append(
                Chart.Point(x: place, xInterval: nil, y: estimate, mark: mark, predicted: check?.predicted.value))
        }
        return Chart.Curve(
            role: cells.isNumeric(x) ? .curve : .dots, name: name, style: style, points: points, gaps: gaps)
    }

    private func onLine(_ x: Int, among marks: [Mark]) -> Chart.Limit? {
        let resource = cells.axes[x].resource
        guard !marks.contains(where: \.isOnLine), let value = cells.record.onLine[resource]?.number else { return nil }
        return Chart.Limit(value: value, label: "on-line: \(cells.record.onLine)")
    }
}
