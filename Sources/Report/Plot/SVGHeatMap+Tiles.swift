import Model

extension SVGHeatMap {
    /// Beyond this, tiles of one colour are one path, and have no titles: a browser would take seconds for them.
    static let mostTitles = 12_000
    /// With figures in them.
    private static let mostFigures = 400

    private var count: Int { map.panels.reduce(0) { $0 + $1.tiles.count } }
    private var columns: Int { map.columns }

    func draw(_ page: inout SVGPage, _ panel: HeatMap.Panel, _ x: Double, _ y: Double) {
        let at = Panel(x: x, y: y, drawing: self)
        var groups: [Int: [HeatMap.Tile]] = [:]
        for tile in panel.tiles {
            if let share = tile.share { groups[Viridis.index(share), default: []].append(tile) }
        }
        page.open("shape-rendering=\"crispEdges\"")
        for (colour, tiles) in groups.sorted(by: { $0.key < $1.key }) {
            draw(&page, tiles, at, "fill=\"\(Viridis.colours[colour].hex)\"")
        }
        page.close()
        let interpolated = panel.tiles.filter { $0.mark.state == .interpolated }
        for isLight in [false, true] {
            let tiles = interpolated.filter { Viridis.colour($0.share ?? 0).isLight == isLight }
            if tiles.isEmpty { continue }
            let texture = isLight ? "hatch-dark" : "hatch-light"
            page.path(at.runs(tiles), "fill=\"url(#\(idPrefix)\(texture))\" pointer-events=\"none\"")
        }
        for state in [Mark.State.invalid, .blank] {
            draw(
                &page, panel.tiles.filter { $0.mark.state == state }, at, "fill=\"url(#\(idPrefix)\(state.rawValue))\"")
        }
        if !isApart { page.path(SVGPage.rectangle(x, y, panelWidth, panelHeight), SVGPage.Ink.axis.stroke) }
        figures(&page, panel, at)
        checks(&page, panel, at)
        border(&page, panel, at)
        for tile in panel.tiles where tile.mark.isOnLine || tile.mark.isAnswer { outline(&page, tile, at) }
    }

    private func draw(_ page: inout SVGPage, _ tiles: [HeatMap.Tile], _ at: Panel, _ fill: String) {
        if tiles.isEmpty { return }
        guard count <= Self.mostTitles else {
            page.path(at.runs(tiles), fill)
            return
        }
        page.open(fill)
        for tile in tiles { page.path(at.data(tile), title: tile.mark.words([.metric(map.metric)])) }
        page.close()
    }

    /// Where a panel's tiles are.
    private struct Panel {
        let x: Double
        let y: Double
        let drawing: SVGHeatMap

        private var size: (width: Double, height: Double) { drawing.tile }

        func corner(_ tile: HeatMap.Tile) -> (x: Double, y: Double) {
            (x + Double(tile.column) * size.width, y + drawing.panelHeight - Double(tile.row + 1) * size.height)
        }

        func data(_ tile: HeatMap.Tile) -> String {
            let room = drawing.isApart ? 1.0 : 0
            let corner = corner(tile)
            return SVGPage.rectangle(corner.x, corner.y, size.width - room, size.height - room)
        }

        /// Neighbours in a row as one rectangle.
        func runs(_ tiles: [HeatMap.Tile]) -> String {
            if drawing.isApart { return tiles.map(data).joined() }
            var text = ""
            let sorted = tiles.sorted { ($0.row, $0.column) < ($1.row, $1.column) }
            var start = 0
            for (index, tile) in sorted.enumerated() {
                let next = index + 1 < sorted.count ? sorted[index + 1] : nil
                if let next, next.row == tile.row, next.column == tile.column + 1 { continue }
                let corner = corner(sorted[start])
                text += SVGPage.rectangle(corner.x, corner.y, Double(index - start + 1) * size.width, size.height)
                start = index + 1
            }
            return text
        }
    }

    /// In the tiles, where all of them have room.
    private func figures(_ page: inout SVGPage, _ panel: HeatMap.Panel, _ at: Panel) {
        guard tile.height >= 18, count <= Self.mostFigures else { return }
        let widest =
            map.panels.flatMap(\.tiles).compactMap(\.mark.estimate?.value)
            .map { SVGFont.width(map.colours.short($0), 10) }.max() ?? 0
        guard widest + 10 <= tile.width else { return }
        page.open(
            "font-size=\"10\" text-anchor=\"middle\" pointer-events=\"none\" paint-order=\"stroke\" stroke-width=\"4\" "
                + "stroke-linejoin=\"round\"")
        for tile in panel.tiles {
            guard let value = tile.mark.estimate?.value, let share = tile.share else { continue }
            let corner = at.corner(tile)
            let colour = Viridis.colour(share)
            let (px, py) = (
                SVGPage.n(corner.x + self.tile.width / 2), SVGPage.n(corner.y + self.tile.height / 2 + 3)
            )
            // What is hatched has an edge in the tile's colour around its digits.
            let edge = tile.mark.state == .interpolated ? " stroke=\"\(colour.hex)\"" : ""
            let ink = colour.isLight ? "#000000" : "#ffffff"
            page.add("<text x=\"\(px)\" y=\"\(py)\" fill=\"\(ink)\"\(edge)>\(map.colours.short(value))</text>")
        }
        page.close()
    }

    private func checks(_ page: inout SVGPage, _ panel: HeatMap.Panel, _ at: Panel) {
        let dots = panel.tiles.filter { $0.mark.state == .checked }.map { tile -> String in
            let corner = at.corner(tile)
            return isApart
                ? Self.dot(corner.x + self.tile.width - 9, corner.y + 8, radius: 2.8)
                : Self.dot(
                    corner.x + self.tile.width / 2, corner.y + self.tile.height / 2,
                    radius: min(2, self.tile.height * 0.3))
        }
        if dots.isEmpty { return }
        page.path(dots.joined(), Self.dotInk + " stroke-width=\"\(isApart ? "1" : "0.5")\"")
    }

    static let dotInk = "fill=\"#ffffff\" stroke=\"#000000\" pointer-events=\"none\""

    static func dot(_ x: Double, _ y: Double, radius r: Double) -> String { SVGPage.circle(x, y, r) }

    /// Between tiles that meet the SLA and tiles that do not.
    private func border(_ page: inout SVGPage, _ panel: HeatMap.Panel, _ at: Panel) {
        guard let limit = map.limit else { return }
        var meets: [Int: Bool] = [:]
        for tile in panel.tiles {
            if let value = tile.mark.estimate?.value { meets[tile.row * columns + tile.column] = value < limit.value }
        }
        var data = ""
        let n = SVGPage.n
        let half = isApart ? 0.5 : 0
        for tile in panel.tiles {
            let place = tile.row * columns + tile.column
            guard let own = meets[place] else { continue }
            let corner = at.corner(tile)
            if tile.column + 1 < columns, let other = meets[place + 1], other != own {
                data += "M\(n(corner.x + self.tile.width - half)) \(n(corner.y - half))v\(n(self.tile.height))"
            }
            if let other = meets[place + columns], other != own {
                data += "M\(n(corner.x - half)) \(n(corner.y - half))h\(n(self.tile.width))"
            }
        }
        if !data.isEmpty { Self.border(&page, data) }
    }

    /// Black on white: seen on every colour.
    static func border(_ page: inout SVGPage, _ data: String) {
        for (colour, width) in [("#ffffff", 4), ("#000000", 2)] {
            page.path(
                data,
                "fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(width)\" stroke-linecap=\"square\" "
                    + "pointer-events=\"none\"")
        }
    }

    private func outline(_ page: inout SVGPage, _ tile: HeatMap.Tile, _ at: Panel) {
        let corner = at.corner(tile)
        // Around small tiles, and just inside of large ones.
        let room = max(-2, (10 - min(self.tile.width, self.tile.height)) / 2)
        let apart = isApart ? 1.0 : 0
        let (w, h) = (self.tile.width - apart, self.tile.height - apart)
        let data = { (inset: Double) in
            SVGPage.rectangle(
                corner.x - room + inset, corner.y - room + inset, w + 2 * (room - inset), h + 2 * (room - inset))
        }
        if tile.mark.isAnswer { Self.outline(&page, data(0), isAnswer: true) }
        if tile.mark.isOnLine { Self.outline(&page, data(tile.mark.isAnswer ? 3.5 : 0), isAnswer: false) }
    }

    static func outline(_ page: inout SVGPage, _ data: String, isAnswer: Bool) {
        page.path(
            data, "fill=\"none\" stroke=\"#ffffff\" pointer-events=\"none\" stroke-width=\"\(isAnswer ? "5" : "3")\"")
        page.path(
            data,
            "fill=\"none\" stroke=\"#000000\" pointer-events=\"none\" "
                + (isAnswer ? "stroke-width=\"2.5\"" : "stroke-width=\"1.5\" stroke-dasharray=\"3 2\""))
    }
}
