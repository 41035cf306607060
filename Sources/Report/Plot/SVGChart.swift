import Model

/// Slices and Pareto fronts: points with their intervals, and what joins them.
struct SVGChart {
    private static let available = (width: 600.0, height: 330.0)
    private static let gap = (across: 22.0, down: 30.0)
    /// Of a page of panels, for each in the root of their number.
    private static let leastHeight = 230.0
    /// Of columns with names at an angle.
    private static let leastTurned = 13.0
    /// A line of cells without a value, above the axis.
    static let gapHeight = 8.0
    static let mostGapLines = 3

    let chart: Chart
    let width: Double
    private let grid: PanelGrid
    private let titles: PanelGrid.Titles
    private let left: Double
    private let xTicks: [PlotAxis.Tick]
    private let isTurned: Bool
    /// Of the lines of cells without a value.
    private let strip: Double

    init(_ chart: Chart) {
        self.chart = chart
        let height = Self.leastHeight * Double(chart.panels.count).squareRoot()
        (grid, titles) = PanelGrid.titled(
            chart.panels.map(\.title), width: Self.available.width, height: max(Self.available.height, height),
            gap: Self.gap, aspect: 1.5
        ) { $0.width }
        let lines =
            chart.panels.map { panel in min(Self.mostGapLines, panel.curves.count { !$0.gaps.isEmpty }) }.max() ?? 0
        strip = lines == 0 ? 0 : Double(lines) * Self.gapHeight + 5
        let labels = chart.y.ticks(along: grid.height - strip) { _ in 26 }.map { SVGFont.width($0.label) }
        left = 16 + 18 + (labels.max() ?? 0) + 10
        let space = { (label: String) in SVGFont.width(label) + 20 }
        let ticks = chart.x.ticks(along: grid.width, extent: space)
        isTurned =
            !PlotAxis.fit(ticks, grid.width, space) && grid.width / Double(max(1, ticks.count)) >= Self.leastTurned
        xTicks = isTurned ? ticks : PlotAxis.thinned(ticks, along: grid.width, extent: space)
        let right = max(16, chart.yLimit.map { SVGFont.width($0.label) + 14 } ?? 0)
        width = left + Self.available.width + right
    }

    /// Where a panel's values are.
    struct Area {
        let chart: Chart
        let x: Double
        let y: Double
        let width: Double
        let height: Double

        func across(_ value: Double) -> Double { x + width * chart.x.share(value) }
        func up(_ value: Double) -> Double { y + height * (1 - chart.y.share(value)) }
        var right: Double { x + width }
        var bottom: Double { y + height }
    }

    /// Returns the height that it took.
    func draw(_ page: inout SVGPage, top: Double) -> Double {
        let title = titles.height
        let first = top + 10 + title + (chart.xLimit == nil ? 0 : 12)
        for (number, panel) in chart.panels.enumerated() {
            let area = Area(
                chart: chart, x: left + Double(grid.column(number)) * (grid.width + Self.gap.across),
                y: first + Double(grid.row(number)) * (grid.height + Self.gap.down + title), width: grid.width,
                height: grid.height - strip)
            titles.draw(&page, number, area.x, area.y)
            sides(&page, area, number)
            limits(&page, area, number)
            for curve in panel.curves { band(&page, curve, area) }
            for curve in panel.curves { line(&page, curve, area) }
            for curve in panel.curves { points(&page, curve, area) }
            gaps(&page, panel, area)
            names(&page, panel, area)
        }
        let bottom =
            first + Double(grid.rows) * grid.height + Double(grid.rows - 1) * (Self.gap.down + title)
        let labels = isTurned ? (xTicks.map { SVGFont.width($0.label) }.max() ?? 0) * 0.6 + 14 : 18
        page.text(chart.x.title, left + Self.available.width / 2, bottom + labels + 18, size: 12, .middle)
        page.text(chart.y.title, 26, (first + bottom) / 2, size: 12, .middle, turned: -90)
        let end = bottom + labels + 28
        return end + legend.draw(&page, left: 16, top: end, width: width - 32) + 10 - top
    }

    private func sides(_ page: inout SVGPage, _ area: Area, _ number: Int) {
        let bottom = area.bottom + strip
        for tick in chart.y.ticks(along: area.height, extent: { _ in 26 }) {
            let y = area.bottom - tick.share * area.height
            page.line(area.x, y, area.right, y, .grid)
            page.line(area.x - 4, y, area.x, y, .axis)
            if grid.column(number) == 0 { page.text(tick.label, area.x - 8, y + 4, .end) }
        }
        for share in chart.y.minorShares {
            let y = area.bottom - share * area.height
            page.line(area.x - 2.5, y, area.x, y, .axis)
        }
        for share in chart.x.minorShares {
            page.line(area.x + share * area.width, bottom, area.x + share * area.width, bottom + 2.5, .axis)
        }
        for tick in xTicks {
            let x = area.x + tick.share * area.width
            page.line(x, bottom, x, bottom + 4, .axis)
            guard grid.isLowest(number, of: chart.panels.count) else { continue }
            if isTurned {
                page.text(tick.label, x + 4, bottom + 14, .end, turned: -35)
            } else {
                page.text(tick.label, x, bottom + 16, .middle)
            }
        }
        if strip > 0 { page.line(area.x, area.bottom, area.right, area.bottom, .grid, dashes: "2 3") }
        page.path(
            "M\(SVGPage.n(area.x)) \(SVGPage.n(area.y))V\(SVGPage.n(bottom))H\(SVGPage.n(area.right))",
            SVGPage.Ink.axis.stroke)
    }

    /// The SLA's, and where the on-line allocation is none of the cells, its place.
    private func limits(_ page: inout SVGPage, _ area: Area, _ number: Int) {
        let bottom = area.bottom + strip
        if let limit = chart.yLimit {
            let y = area.up(limit.value)
            page.line(area.x, y, area.right, y, .limit, width: 1.4, dashes: "7 4")
            let isLast = grid.column(number) == grid.columns - 1 || number == chart.panels.count - 1
            if isLast { page.text(limit.label, area.right + 6, y + 4, .start, .limit) }
        }
        if let limit = chart.xLimit {
            let x = area.across(limit.value)
            page.line(x, area.y, x, bottom, .limit, width: 1.4, dashes: "7 4")
            page.text(limit.label, x, area.y - 5, .middle, .limit)
        }
        if let onLine = chart.onLine {
            let x = area.across(onLine.value)
            page.line(x, area.y, x, bottom, .ink, width: 1.2, dashes: "1.5 3")
        }
    }

    func style(_ curve: Chart.Curve) -> CurveStyle { CurveStyle(curve.style, of: chart.styleCount) }
}
