import Glibc
package import Model

/// The matrix as SVG: the SLA's statistic along the first axis of numbers (else the first), measured cells with their
/// intervals, interpolated ones hollow with their band, the limit, the on-line point and the answer; a colour for each
/// combination of the other axes. Reads the same in a paper and in a browser.
package struct SVGPlot {
    private static let width = 760.0
    private static let height = 460.0
    private static let left = 76.0
    private static let right = 24.0
    private static let top = 64.0
    private static let bottom = 92.0
    private static let labelSpace = 38.0
    /// Of a line that tells what a colour stands for.
    private static let rowHeight = 18.0
    private static let colours = ["#2c6fbb", "#8e44ad", "#16a085", "#b9770e", "#c2185b", "#5d6d7e"]

    private struct Point {
        let x: Double
        let cell: Cell
        let estimate: Estimate
    }

    /// Cells that differ along the axis only.
    private struct Series {
        let others: Allocation
        let points: [Point]
        let colour: String
    }

    private let record: CampaignRecord
    private let series: [Series]
    private let xRange: ClosedRange<Double>
    private let yRange: ClosedRange<Double>
    private let axis: Axis

    /// Nil when no cell has a figure yet.
    package init?(_ record: CampaignRecord) {
        let axes = record.matrix.axes
        guard let axis = axes.first(where: { $0.numbers != nil }) ?? axes.first else { return nil }
        let places = Self.places(axis)
        guard let first = places.first, let last = places.last, first < last else { return nil }
        let metric = Metric(record.sla.statistic)
        let points = record.matrix.cells.compactMap { cell in
            cell.allocation[axis.resource].flatMap { axis.values.firstIndex(of: $0) }.flatMap { index in
                cell.estimate(metric).map { Point(x: places[index], cell: cell, estimate: $0) }
            }
        }
        guard !points.isEmpty else { return nil }
        self.record = record
        self.axis = axis
        let others = points.map { $0.cell.allocation.without(axis.resource) }.uniqued()
        series = others.enumerated().map { number, others in
            Series(
                others: others, points: points.filter { $0.cell.allocation.without(axis.resource) == others },
                colour: Self.colours[number % Self.colours.count])
        }
        xRange = first...last
        let limit = record.sla.limit.seconds
        let values =
            points.flatMap { [$0.estimate.value, $0.estimate.lower, $0.estimate.upper] }.filter { $0 > 0 } + [limit]
        yRange = (values.min() ?? limit) / 1.4...(values.max() ?? limit) * 1.4
    }

    /// Where on the axis its values are: names at equal distances.
    private static func places(_ axis: Axis) -> [Double] { axis.numbers ?? axis.values.indices.map { Double($0) } }

    private func x(_ value: Double) -> Double {
        let share = (value - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound)
        return Self.left + (0.03 + 0.94 * share) * (Self.width - Self.left - Self.right)
    }

    /// Logarithmic: response times of different allocations differ by orders of magnitude.
    private func y(_ value: Double) -> Double {
        let low = log2(yRange.lowerBound)
        let share = (log2(max(value, yRange.lowerBound)) - low) / (log2(yRange.upperBound) - low)
        return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }

    package var text: String {
        let body =
            ([frame, grid, limitLine] + series.flatMap { [band($0), line($0), marks($0)] } + [legend, key])
            .joined(separator: "\n")
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(n(Self.width)) \(n(height))" \
            font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">
            <title>\(Self.escape("\(record.service): \(record.sla.statistic.rawValue) of \(record.subject) by \(axis.resource.rawValue)"))</title>
            \(body)
            </svg>

            """
    }

    private var height: Double {
        Self.height + (series.count > 1 ? Double(series.count) * Self.rowHeight : 0)
    }

    private var frame: String {
        let heading =
            "\(record.sla.statistic.rawValue) response time of \(record.subject) by \(axis.resource.rawValue) allocation"
        let answer: String =
            switch record.answer?.verdict {
            case .best(let allocation): "best: \(allocation)"
            case .cheapest(let allocation): "cheapest that meets \(record.sla): \(allocation)"
            case .nothingMeets: "no allocation meets \(record.sla)"
            case .undecided(let reason): "no answer: \(reason)"
            case nil: "campaign \(record.state.rawValue)"
            }
        return """
            <rect width="\(n(Self.width))" height="\(n(height))" fill="#fff"/>
            <text x="\(n(Self.left))" y="26" font-size="16" font-weight="bold">\(Self.escape(heading))</text>
            <text x="\(n(Self.left))" y="46" fill="#555">\(Self.escape("\(record.service), campaign \(record.id): \(answer)"))</text>
            """
    }

    private var grid: String {
        let (l, r, b) = (Self.left, Self.width - Self.right, Self.height - Self.bottom)
        var lines: [String] = []
        var labelled = -Double.infinity
        for (value, setting) in zip(Self.places(axis), axis.values) {
            let px = n(x(value))
            lines.append("<line x1=\"\(px)\" y1=\"\(n(b))\" x2=\"\(px)\" y2=\"\(n(b + 5))\" stroke=\"#888\"/>")
            // A tick without a label where two labels would touch.
            if x(value) - labelled < Self.labelSpace { continue }
            labelled = x(value)
            lines.append(
                "<text x=\"\(px)\" y=\"\(n(b + 20))\" text-anchor=\"middle\">\(axis.resource.format(setting))</text>")
        }
        for tick in ticks {
            let py = n(y(tick))
            lines.append("<line x1=\"\(n(l))\" y1=\"\(py)\" x2=\"\(n(r))\" y2=\"\(py)\" stroke=\"#e6e6e6\"/>")
            lines.append(
                "<text x=\"\(n(l - 8))\" y=\"\(py)\" dy=\"4\" text-anchor=\"end\">\(Format.milliseconds(tick))</text>")
        }
        lines.append("<line x1=\"\(n(l))\" y1=\"\(n(b))\" x2=\"\(n(r))\" y2=\"\(n(b))\" stroke=\"#888\"/>")
        let middle = n((l + r) / 2)
        lines.append(
            "<text x=\"\(middle)\" y=\"\(n(b + 42))\" text-anchor=\"middle\">\(axis.resource.rawValue)\(note)</text>"
        )
        return lines.joined(separator: "\n")
    }

    private var note: String { axis.resource == .cpu ? " (100% is one core)" : "" }

    /// 1, 2 and 5 times powers of ten within the range.
    private var ticks: [Double] {
        var ticks: [Double] = []
        var decade = 1e-6
        while decade < yRange.upperBound {
            for step in [1.0, 2, 5] where yRange.contains(step * decade) { ticks.append(step * decade) }
            decade *= 10
        }
        return ticks
    }

    private var limitLine: String {
        let py = n(y(record.sla.limit.seconds))
        return """
            <line x1="\(n(Self.left))" y1="\(py)" x2="\(n(Self.width - Self.right))" y2="\(py)" stroke="#c0392b" stroke-dasharray="7 4"/>
            <text x="\(n(Self.width - Self.right))" y="\(py)" dy="-6" text-anchor="end" fill="#c0392b">SLA \(Self.escape(record.sla.description))</text>
            """
    }

    private func band(_ series: Series) -> String {
        // Between names there is nothing.
        guard series.points.count > 1, axis.numbers != nil else { return "" }
        let upper = series.points.map { "\(n(x($0.x))),\(n(y($0.estimate.upper)))" }
        let lower = series.points.reversed().map { "\(n(x($0.x))),\(n(y($0.estimate.lower)))" }
        return
            "<polygon points=\"\((upper + lower).joined(separator: " "))\" fill=\"\(series.colour)\" fill-opacity=\"0.10\"/>"
    }

    private func line(_ series: Series) -> String {
        guard axis.numbers != nil else { return "" }
        let path = series.points.map { "\(n(x($0.x))),\(n(y($0.estimate.value)))" }.joined(separator: " ")
        return
            "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(series.colour)\" stroke-opacity=\"0.55\" stroke-dasharray=\"3 3\"/>"
    }

    private func marks(_ series: Series) -> String {
        let colour = series.colour
        return series.points.map { point in
            let (px, py) = (n(x(point.x)), n(y(point.estimate.value)))
            var parts: [String] = []
            if record.answer?.allocation == point.cell.allocation {
                parts.append(
                    "<circle cx=\"\(px)\" cy=\"\(py)\" r=\"12\" fill=\"none\" stroke=\"#1e8449\" stroke-width=\"2.5\"/>"
                )
            }
            if point.cell.measurement != nil {
                parts.append(
                    "<line x1=\"\(px)\" y1=\"\(n(y(point.estimate.upper)))\" x2=\"\(px)\" y2=\"\(n(y(point.estimate.lower)))\" stroke=\"\(colour)\" stroke-width=\"1.6\"/>"
                )
            }
            let fill = point.cell.measurement == nil ? "#fff" : colour
            parts.append(
                "<circle cx=\"\(px)\" cy=\"\(py)\" r=\"5\" fill=\"\(fill)\" stroke=\"\(colour)\" stroke-width=\"1.6\"/>"
            )
            if let check = point.cell.check {
                let predicted = n(y(check.predicted.value))
                parts.append(
                    "<path d=\"M\(px) \(predicted) m-5 -5 l10 10 m0 -10 l-10 10\" stroke=\"#d68910\" stroke-width=\"1.8\"/>"
                )
            }
            if point.cell.allocation == record.onLine {
                parts.append("<text x=\"\(px)\" y=\"\(py)\" dx=\"9\" dy=\"-8\" fill=\"#555\">on-line</text>")
            }
            return parts.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private var legend: String {
        let py = n(Self.height - 20)
        let text = n(Self.height - 16)
        return """
            <circle cx="92" cy="\(py)" r="5" fill="#2c6fbb" stroke="#2c6fbb"/><text x="103" y="\(text)">measured, 95 % interval</text>
            <circle cx="284" cy="\(py)" r="5" fill="#fff" stroke="#2c6fbb" stroke-width="1.6"/><text x="295" y="\(text)">interpolated</text>
            <path d="M402 \(py) m-5 -5 l10 10 m0 -10 l-10 10" stroke="#d68910" stroke-width="1.8"/><text x="413" y="\(text)">predicted, then checked</text>
            <circle cx="592" cy="\(py)" r="8" fill="none" stroke="#1e8449" stroke-width="2.5"/><text x="606" y="\(text)">the answer</text>
            """
    }

    /// What the colours stand for.
    private var key: String {
        guard series.count > 1 else { return "" }
        return series.enumerated().map { number, series in
            let py = Self.height + (Double(number) + 0.4) * Self.rowHeight
            return """
                <rect x="\(n(Self.left))" y="\(n(py - 10))" width="22" height="10" fill="\(series.colour)"/>\
                <text x="\(n(Self.left + 30))" y="\(n(py))">\(Self.escape("\(series.others)"))</text>
                """
        }.joined(separator: "\n")
    }

    private func n(_ value: Double) -> String { Format.decimal(value, 1) }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
