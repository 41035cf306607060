import Model

/// A heat map's panels, its colours' legend, and what its textures mean.
struct SVGHeatMap {
    private static let available = (width: 560.0, height: 420.0)
    private static let gap = (across: 16.0, down: 14.0)
    private static let largestTile = (width: 84.0, height: 44.0)
    /// Of tiles that stand apart from each other.
    private static let leastApart = 12.0
    /// Of columns with names at an angle.
    private static let leastTurned = 13.0
    private static let barWidth = 14.0
    /// Between the panels and the bar: the SLA's limit is marked there.
    private static let barGap = 40.0

    let map: HeatMap
    let idPrefix: String
    let tile: (width: Double, height: Double)
    let width: Double
    private let grid: PanelGrid
    private let titles: PanelGrid.Titles
    private let left: Double
    private let xTicks: [PlotAxis.Tick]
    private let yTicks: [PlotAxis.Tick]
    private let isTurned: Bool
    private let barTicks: [PlotAxis.Tick]

    init(_ map: HeatMap, idPrefix: String) {
        self.map = map
        self.idPrefix = idPrefix
        let (across, up) = (Double(max(1, map.columns)), Double(max(1, map.rows)))
        // Whole units where there are any: tiles that are all of one size.
        let side = { (room: Double, largest: Double) in room >= 1 ? min(largest, room).rounded(.down) : room }
        let tileWidth = { (grid: PanelGrid) in side(grid.width / across, Self.largestTile.width) }
        (grid, titles) = PanelGrid.titled(
            map.panels.map(\.title), width: Self.available.width, height: Self.available.height, gap: Self.gap,
            aspect: 1.4 * across / up
        ) { tileWidth($0) * across }
        // A few rows are as high together as their title is long.
        let highest = max(Self.largestTile.height, (SVGFont.width(map.y.title, 12) / up).rounded(.up))
        tile = (width: tileWidth(grid), height: side(grid.height / up, highest))
        let (panelWidth, panelHeight) = (tile.width * across, tile.height * up)
        let space = { (label: String) in SVGFont.width(label) + 10 }
        let xTicks = map.x.ticks(along: panelWidth, extent: space)
        isTurned = !PlotAxis.fit(xTicks, panelWidth, space) && tile.width >= Self.leastTurned
        self.xTicks = isTurned ? xTicks : PlotAxis.thinned(xTicks, along: panelWidth, extent: space)
        yTicks = PlotAxis.thinned(
            map.y.ticks(along: panelHeight) { _ in 15 }, along: panelHeight
        ) { _ in 15 }
        left = 16 + 18 + (yTicks.map { SVGFont.width($0.label) }.max() ?? 0) + 10
        barTicks = map.colours.ticks(along: Self.barHeight(grid, panelHeight, titles.height)) { _ in 24 }
        let plotWidth = Double(grid.columns) * panelWidth + Double(grid.columns - 1) * Self.gap.across
        let bar = Self.barGap + Self.barWidth + 8 + (barTicks.map { SVGFont.width($0.label) }.max() ?? 0) + 24
        width = max(460, left + plotWidth + bar + 10)
    }

    private static func barHeight(_ grid: PanelGrid, _ panelHeight: Double, _ title: Double) -> Double {
        max(120, min(320, Double(grid.rows) * (panelHeight + title + gap.down) - title - gap.down))
    }

    var panelWidth: Double { tile.width * Double(map.columns) }
    var panelHeight: Double { tile.height * Double(map.rows) }
    var isApart: Bool { min(tile.width, tile.height) >= Self.leastApart }

    /// Returns the height that it took.
    func draw(_ page: inout SVGPage, top: Double) -> Double {
        page.add("<defs>\(textures)</defs>")
        let title = titles.height
        let first = top + 8 + title
        for (number, panel) in map.panels.enumerated() {
            let x = left + Double(grid.column(number)) * (panelWidth + Self.gap.across)
            let y = first + Double(grid.row(number)) * (panelHeight + Self.gap.down + title)
            titles.draw(&page, number, x, y)
            draw(&page, panel, x, y)
            if grid.column(number) == 0 { rowLabels(&page, x, y) }
            if grid.isLowest(number, of: map.panels.count) { columnLabels(&page, x, y + panelHeight) }
        }
        let bottom =
            first + Double(grid.rows) * panelHeight + Double(grid.rows - 1) * (Self.gap.down + title)
        let plotWidth = Double(grid.columns) * panelWidth + Double(grid.columns - 1) * Self.gap.across
        let labels = isTurned ? (xTicks.map { SVGFont.width($0.label) }.max() ?? 0) * 0.6 + 14 : 18
        page.text(map.x.title, left + plotWidth / 2, bottom + labels + 18, size: 12, .middle)
        page.text(map.y.title, 26, (first + bottom) / 2, size: 12, .middle, turned: -90)
        let barHeight = Self.barHeight(grid, panelHeight, title)
        bar(&page, left + plotWidth + Self.barGap, first, barHeight)
        var end = max(bottom + labels + 28, first + barHeight + 10)
        end += legend.draw(&page, left: 16, top: end, width: width - 32)
        return end + 10 - top
    }

    private func rowLabels(_ page: inout SVGPage, _ x: Double, _ y: Double) {
        for tick in yTicks {
            let middle = y + panelHeight * (1 - tick.share)
            page.line(x - 4, middle, x, middle, .axis)
            page.text(tick.label, x - 8, middle + 4, .end)
        }
    }

    private func columnLabels(_ page: inout SVGPage, _ x: Double, _ y: Double) {
        for tick in xTicks {
            let middle = x + panelWidth * tick.share
            page.line(middle, y, middle, y + 4, .axis)
            if isTurned {
                page.text(tick.label, middle + 4, y + 14, .end, turned: -35)
            } else {
                page.text(tick.label, middle, y + 16, .middle)
            }
        }
    }

    private func bar(_ page: inout SVGPage, _ x: Double, _ y: Double, _ height: Double) {
        page.path(SVGPage.rectangle(x, y, Self.barWidth, height), "fill=\"url(#\(idPrefix)colours)\"")
        page.path(SVGPage.rectangle(x, y, Self.barWidth, height), SVGPage.Ink.axis.stroke)
        for tick in barTicks {
            let at = y + height * (1 - tick.share)
            page.line(x + Self.barWidth, at, x + Self.barWidth + 4, at, .axis)
            page.text(tick.label, x + Self.barWidth + 8, at + 4)
        }
        if let limit = map.limit, let scale = map.colours.scale, scale.contains(limit.value) {
            let at = y + height * (1 - scale.share(limit.value))
            page.line(x - 5, at, x + Self.barWidth, at, .ink, width: 2)
            page.text("SLA", x - 8, at + 3.5, size: 9.5, .end)
        }
        let labels = barTicks.map { SVGFont.width($0.label) }.max() ?? 0
        page.text(
            map.colours.title, x + Self.barWidth + 8 + labels + 14, y + height / 2, size: 12, .middle, turned: -90)
    }
}
