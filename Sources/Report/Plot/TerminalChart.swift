import Model

/// Slices and Pareto fronts in Braille dots, with a character for each point.
struct TerminalChart {
    private static let rows = 18
    private static let filled: [Character] = ["●", "■", "▲", "◆", "▼"]
    private static let hollow: [Character] = ["○", "□", "△", "◇", "▽"]
    private static let answer: Character = "★"
    private static let hollowAnswer: Character = "☆"
    private static let checked: Character = "✚"
    private static let onLine: Character = "◎"

    private let chart: Chart
    private let width: Int
    private let isColoured: Bool
    private let labelWidth: Int

    init(_ chart: Chart, width: Int, isColoured: Bool) {
        self.chart = chart
        self.width = width
        self.isColoured = isColoured
        labelWidth = chart.y.ticks(along: Double(Self.rows)) { _ in 3 }.map(\.label.count).max() ?? 0
    }

    private var columns: Int { width - labelWidth - 2 }

    var lines: [String] {
        var lines = [chart.y.title]
        for panel in chart.panels {
            if let title = panel.title { lines += [""] + TerminalFigure.wrapped(title, width) }
            lines += drawn(panel)
        }
        return lines + [TerminalFigure.caption(chart.x.title, indent: labelWidth + 2, width), ""]
            + TerminalFigure.legend(legend, width)
    }

    private func ink(_ curve: Chart.Curve) -> Int? {
        guard chart.styleCount > 1 else { return nil }
        // The middle of the colour map can be read on dark and on light.
        let share = 0.3 + 0.5 * Double(curve.style) / Double(chart.styleCount - 1)
        return TerminalColour.viridis[Viridis.index(share)]
    }

    private func drawn(_ panel: Chart.Panel) -> [String] {
        var canvas = TerminalCanvas(columns: columns, rows: Self.rows)
        let (w, h) = (Double(canvas.width - 1), Double(canvas.height - 1))
        let across = { (value: Double) in Int((chart.x.share(value) * w).rounded()) }
        let up = { (value: Double) in Int(((1 - chart.y.share(value)) * h).rounded()) }
        for curve in panel.curves { line(&canvas, curve, across, up) }
        for curve in panel.curves {
            for point in curve.points where curve.role != .dominated && point.y.lower < point.y.upper {
                let x = across(point.x)
                let dashes = point.mark.state == .interpolated ? (1, 3) : (1, 1)
                canvas.line((x, up(point.y.upper)), (x, up(point.y.lower)), ink: ink(curve), dashes: dashes)
            }
        }
        for curve in panel.curves {
            for point in curve.points {
                canvas.put(character(curve, point), across(point.x), up(point.y.value), ink: ink(curve))
            }
        }
        if let limit = chart.yLimit {
            for column in 0..<columns { canvas.fill("╌", column * 2, up(limit.value)) }
        }
        for place in [chart.xLimit, chart.onLine].compactMap({ $0 }) {
            for row in 0..<Self.rows { canvas.fill("┊", across(place.value), row * 4) }
        }
        return framed(canvas) + gaps(panel, across)
    }

    private func line(
        _ canvas: inout TerminalCanvas, _ curve: Chart.Curve, _ across: (Double) -> Int, _ up: (Double) -> Int
    ) {
        if curve.role == .dots || curve.role == .dominated { return }
        let dashes = curve.role == .hoped ? (2, 4) : [(1, 1), (3, 5), (1, 3), (4, 7)][curve.style % 4]
        for (a, b) in zip(curve.points, curve.points.dropFirst()) {
            let from = (x: across(a.x), y: up(a.y.value))
            let to = (x: across(b.x), y: up(b.y.value))
            if curve.role == .curve {
                canvas.line(from, to, ink: ink(curve), dashes: dashes)
            } else {
                canvas.line(from, (to.x, from.y), ink: ink(curve), dashes: dashes)
                canvas.line((to.x, from.y), to, ink: ink(curve), dashes: dashes)
            }
        }
    }

    private func character(_ curve: Chart.Curve, _ point: Chart.Point) -> Character {
        if point.mark.isAnswer { return point.mark.state == .interpolated ? Self.hollowAnswer : Self.answer }
        if point.mark.isOnLine { return Self.onLine }
        if curve.role == .dominated { return point.mark.state == .interpolated ? "∘" : "·" }
        if point.mark.state == .checked { return Self.checked }
        return (point.mark.state == .interpolated ? Self.hollow : Self.filled)[curve.style % 5]
    }

    private func framed(_ canvas: TerminalCanvas) -> [String] {
        let rows = Self.rows
        var labels: [Int: String] = [:]
        for tick in chart.y.ticks(along: Double(rows), extent: { _ in 3 }) {
            labels[Int(((1 - tick.share) * Double(rows * 4 - 1)).rounded()) / 4] = tick.label
        }
        return (0..<rows).map { row in
            let label = TerminalFigure.right(labels[row] ?? "", labelWidth)
            return label + (labels[row] == nil ? " │" : " ┤") + canvas.line(row, coloured: isColoured)
        }
    }

    /// Lines of cells without a value, the axis, and its labels.
    private func gaps(_ panel: Chart.Panel, _ across: (Double) -> Int) -> [String] {
        var lines = panel.curves.filter { !$0.gaps.isEmpty }.map { curve -> String in
            var line = Array(repeating: Character(" "), count: columns)
            for gap in curve.gaps {
                let column = min(columns - 1, across(gap.x) / 2)
                line[column] = gap.mark.isOnLine ? Self.onLine : gap.mark.state == .invalid ? "×" : "-"
            }
            let name = panel.curves.count > 1 ? Self.filled[curve.style % 5] : " "
            return TerminalFigure.right(String(name), labelWidth) + " │" + String(line)
        }
        let ticks = chart.x.ticks(along: Double(columns)) { Double($0.count + 2) }
        let places = ticks.map { (Int(($0.share * Double(columns * 2 - 1)).rounded()) / 2, $0.label) }
        var axis = Array(repeating: Character("─"), count: columns)
        for (place, _) in places { axis[min(columns - 1, place)] = "┬" }
        let indent = String(repeating: " ", count: labelWidth + 1)
        lines.append(indent + "└" + String(axis))
        lines.append(indent + " " + TerminalFigure.ruler(places, columns))
        return lines
    }

    private var legend: [String] {
        let curves = chart.panels.flatMap(\.curves)
        let points = curves.flatMap(\.points)
        let states = Set(points.map(\.mark.state) + curves.flatMap(\.gaps).map(\.mark.state))
        var entries: [String] = []
        for curve in Chart.named(curves) {
            let sign: Character =
                switch curve.role {
                case .dominated: "·"
                case .hoped: Self.hollow[0]
                default: Self.filled[curve.style % 5]
                }
            entries.append("\(sign) \(chart.key.map { "\($0) " } ?? "")\(curve.name ?? "")")
        }
        if states.contains(.measured) || states.contains(.checked) { entries.append("● measured, 95 % interval") }
        if states.contains(.checked) { entries.append("\(Self.checked) predicted, then measured") }
        if states.contains(.interpolated) { entries.append("○ interpolated") }
        if states.contains(.invalid) { entries.append("× invalid") }
        if states.contains(.blank) { entries.append("- blank") }
        for limit in [chart.yLimit.map { ("╌", $0) }, chart.xLimit.map { ("┊", $0) }, chart.onLine.map { ("┊", $0) }] {
            if let (sign, limit) = limit { entries.append("\(sign) \(limit.label)") }
        }
        if let answer = points.first(where: \.mark.isAnswer)?.mark {
            entries.append(
                answer.state == .interpolated ? "\(Self.hollowAnswer) answer, interpolated" : "\(Self.answer) answer")
        }
        if points.contains(where: { $0.mark.isOnLine && !$0.mark.isAnswer }) {
            entries.append("\(Self.onLine) on-line")
        }
        return entries
    }
}
