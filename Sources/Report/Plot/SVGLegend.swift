/// Samples with what they mean, in lines as wide as the figure.
struct SVGLegend {
    struct Entry {
        let label: String
        /// How wide the sample is.
        let width: Double
        /// Draws the sample; its left end, and its middle.
        let sample: (inout SVGPage, Double, Double) -> Void
    }

    private static let lineHeight = 18.0
    private static let gap = 18.0

    private(set) var entries: [Entry] = []

    mutating func add(_ label: String, width: Double = 16, _ sample: @escaping (inout SVGPage, Double, Double) -> Void)
    {
        entries.append(Entry(label: label, width: width, sample: sample))
    }

    /// The height that it took.
    func draw(_ page: inout SVGPage, left: Double, top: Double, width: Double) -> Double {
        guard !entries.isEmpty else { return 0 }
        var (x, y) = (left, top + Self.lineHeight / 2)
        for entry in entries {
            let length = entry.width + 6 + SVGFont.width(entry.label)
            if x > left, x + length > left + width {
                x = left
                y += Self.lineHeight
            }
            entry.sample(&page, x, y)
            page.text(entry.label, x + entry.width + 6, y + 4)
            x += length + Self.gap
        }
        return y + Self.lineHeight / 2 - top
    }
}

/// How panels of one size share a page.
struct PanelGrid {
    let columns: Int
    let rows: Int
    /// Of one panel.
    let width: Double
    let height: Double

    /// As many beside each other as leave each the most room; `aspect` is the width of a panel over its height that looks best.
    init(_ count: Int, width: Double, height: Double, gapAcross: Double, gapDown: Double, aspect: Double) {
        let grids = (1...max(1, count)).map { columns -> (Int, Int, Double, Double) in
            let rows = (max(1, count) + columns - 1) / columns
            return (
                columns, rows, (width - Double(columns - 1) * gapAcross) / Double(columns),
                (height - Double(rows - 1) * gapDown) / Double(rows)
            )
        }
        let room = { (grid: (Int, Int, Double, Double)) in min(grid.2, grid.3 * aspect) }
        let best = grids.max { room($0) < room($1) } ?? (1, 1, width, height)
        (columns, rows, self.width, self.height) = best
    }

    func column(_ panel: Int) -> Int { panel % columns }
    func row(_ panel: Int) -> Int { panel / columns }
    /// Whether nothing stands below it.
    func isLowest(_ panel: Int, of count: Int) -> Bool { panel + columns >= count }

    /// Titles above panels, in lines that are as wide as a panel.
    struct Titles {
        private static let lineHeight = 13.0
        private let lines: [[String]]

        init(_ titles: [String?], within width: Double) {
            lines = titles.map { title in
                SVGFont.wrapped(title ?? "", 11, within: width).map { SVGFont.clipped($0, 11, within: width) }
            }
        }

        /// Of the longest.
        var height: Double {
            let most = lines.map(\.count).max() ?? 0
            return most == 0 ? 0 : Double(most) * Self.lineHeight + 5
        }

        /// Above a panel whose upper left this is.
        func draw(_ page: inout SVGPage, _ panel: Int, _ x: Double, _ y: Double) {
            for (number, line) in lines[panel].reversed().enumerated() {
                page.text(line, x, y - 6 - Double(number) * Self.lineHeight)
            }
        }
    }

    /// A grid with its titles: these need room, which leaves less to the panels.
    static func titled(
        _ titles: [String?], width: Double, height: Double, gap: (across: Double, down: Double), aspect: Double,
        titleWidth: (PanelGrid) -> Double
    ) -> (grid: PanelGrid, titles: Titles) {
        var written = Titles(titles, within: width)
        var grid = PanelGrid(
            titles.count, width: width, height: height, gapAcross: gap.across, gapDown: gap.down + written.height,
            aspect: aspect)
        for _ in 0..<2 {
            written = Titles(titles, within: titleWidth(grid))
            grid = PanelGrid(
                titles.count, width: width, height: height, gapAcross: gap.across, gapDown: gap.down + written.height,
                aspect: aspect)
        }
        return (grid, Titles(titles, within: titleWidth(grid)))
    }
}
