import Model

/// Tiles as their figures, or, where these have no room, as a character each. States are told apart by characters; colours
/// only add to them.
struct TerminalHeatMap {
    private let map: HeatMap
    private let width: Int
    private let isColoured: Bool
    private let hasFigures: Bool
    private let tileWidth: Int
    /// Of its digits, with the space in front.
    private let figureWidth: Int
    private let xLabels: [String]
    private let yLabels: [String]
    private let labelWidth: Int
    /// Columns that stand beside each other.
    private let perBlock: Int

    init(_ map: HeatMap, width: Int, isColoured: Bool) {
        self.map = map
        self.width = width
        self.isColoured = isColoured
        xLabels = map.x.labels
        yLabels = map.y.labels.map { String($0.prefix(24)) }
        labelWidth = yLabels.map(\.count).max() ?? 0
        let room = width - labelWidth - 2
        let tiles = map.panels.flatMap(\.tiles)
        let digits = tiles.map { Self.digits($0, map).count }.max() ?? 1
        figureWidth = max(digits, xLabels.map(\.count).max() ?? 1) + 1
        let wide = figureWidth + (tiles.map { Self.signs($0, map).count }.max() ?? 0)
        hasFigures = wide * map.columns <= room
        tileWidth = hasFigures ? wide : 2 * map.columns <= room ? 2 : 1
        perBlock = max(1, min(map.columns, room / tileWidth))
    }

    private static func digits(_ tile: HeatMap.Tile, _ map: HeatMap) -> String {
        switch tile.mark.state {
        case .invalid: "x"
        case .blank: "."
        default: (tile.mark.estimate?.value).map { map.colours.short($0) } ?? ""
        }
    }

    /// What is to be known of it, beside its figure.
    private static func signs(_ tile: HeatMap.Tile, _ map: HeatMap) -> String {
        var text = tile.mark.state == .checked ? "+" : tile.mark.state == .interpolated ? "~" : ""
        if let limit = map.limit, let value = tile.mark.estimate?.value, value >= limit.value { text += "!" }
        if tile.mark.isOnLine { text += "@" }
        if tile.mark.isAnswer { text += "*" }
        return text
    }

    /// One character: what stands out first, else the state; without colours the value in tenths of the range, as a digit
    /// where it was measured, as a capital where it was checked, as a small letter where it was interpolated.
    private func sign(_ tile: HeatMap.Tile) -> Character {
        if tile.mark.isAnswer { return tile.mark.state == .interpolated ? "¤" : "*" }
        if tile.mark.isOnLine { return "@" }
        let tenth = min(9, Int((tile.share ?? 0) * 10))
        let letter = { (first: UInt8) in Character(Unicode.Scalar(first + UInt8(tenth))) }
        return switch tile.mark.state {
        case .invalid: "x"
        case .blank: "."
        case .measured: isColoured ? " " : letter(0x30)
        case .checked: isColoured ? "+" : letter(0x41)
        case .interpolated: isColoured ? "~" : letter(0x61)
        }
    }

    var lines: [String] {
        var lines = [map.y.title]
        for panel in map.panels {
            if let title = panel.title { lines += [""] + TerminalFigure.wrapped(title, width) }
            var tiles: [Int: HeatMap.Tile] = [:]
            for tile in panel.tiles { tiles[tile.row * map.columns + tile.column] = tile }
            for start in stride(from: 0, to: map.columns, by: perBlock) {
                if start > 0 { lines.append("") }
                lines += block(tiles, start..<min(start + perBlock, map.columns))
            }
        }
        lines.append(TerminalFigure.caption(map.x.title, indent: labelWidth + 2, width))
        return lines + [""] + scale + TerminalFigure.legend(legend, width)
    }

    private func block(_ tiles: [Int: HeatMap.Tile], _ columns: Range<Int>) -> [String] {
        var lines = (0..<map.rows).reversed().map { row -> String in
            let cells = columns.map { column in shown(tiles[row * map.columns + column]) }
            return TerminalFigure.right(yLabels[row], labelWidth) + " │" + cells.joined()
        }
        let indent = String(repeating: " ", count: labelWidth + 1)
        let length = columns.count * tileWidth
        lines.append(indent + "└" + String(repeating: "─", count: length))
        lines.append(indent + " " + ruler(columns, length))
        return lines
    }

    /// Labels under the digits; where tiles are narrow, round ones near their tiles.
    private func ruler(_ columns: Range<Int>, _ length: Int) -> String {
        if hasFigures {
            let cells = columns.map {
                TerminalFigure.left(TerminalFigure.right(xLabels[$0], figureWidth), tileWidth)
            }
            return TerminalFigure.trimmed(cells.joined())
        }
        let whole = Double(map.columns * tileWidth)
        let ticks = map.x.ticks(along: whole) { Double($0.count + 2) }
        let places = ticks.map { (Int($0.share * whole) - columns.lowerBound * tileWidth, $0.label) }
        return TerminalFigure.ruler(places.filter { (0..<length).contains($0.0) }, length)
    }

    private func shown(_ tile: HeatMap.Tile?) -> String {
        guard let tile else { return String(repeating: " ", count: tileWidth) }
        var text = String(sign(tile))
        if hasFigures {
            text = TerminalFigure.right(Self.digits(tile, map), figureWidth) + Self.signs(tile, map)
        }
        text = TerminalFigure.left(text, tileWidth)
        guard isColoured, let share = tile.share else { return text }
        return TerminalColour.ground(share) + text + TerminalColour.reset
    }

    /// What the colours, or the characters, are worth.
    private var scale: [String] {
        guard let scale = map.colours.scale else { return [] }
        let (low, high) = (map.colours.short(scale.lower), map.colours.short(scale.upper))
        let kind = scale.isLogarithmic ? ", logarithmic" : ""
        if isColoured {
            let ramp = (0..<20).map { TerminalColour.ground((Double($0) + 0.5) / 20) + " " }.joined()
            return TerminalFigure.wrapped("\(map.colours.title)\(kind):", width)
                + ["\(low) \(ramp)\(TerminalColour.reset) \(high)"]
        }
        if hasFigures { return ["figures: \(map.colours.title)"] }
        return [
            "\(map.colours.title)\(kind): \(low) is 0, \(high) is 9 where measured, A to J where predicted and then "
                + "measured, a to j where interpolated"
        ].flatMap { TerminalFigure.wrapped($0, width) }
    }

    private var legend: [String] {
        let marks = map.panels.flatMap(\.tiles).map(\.mark)
        let states = Set(marks.map(\.state))
        let isSigned = hasFigures || isColoured
        var entries: [String] = []
        if isSigned, states.contains(.checked) { entries.append("+ predicted, then measured") }
        if isSigned, states.contains(.interpolated) { entries.append("~ interpolated") }
        if states.contains(.invalid) { entries.append("x invalid") }
        if states.contains(.blank) { entries.append(". blank") }
        if hasFigures, let limit = map.limit, marks.contains(where: { ($0.estimate?.value ?? 0) >= limit.value }) {
            entries.append("! above the SLA's \(map.metric.format(limit.value))")
        }
        if marks.contains(where: \.isOnLine) { entries.append("@ on-line") }
        if let answer = marks.first(where: \.isAnswer) {
            entries.append(answer.state == .interpolated && !hasFigures ? "¤ answer, interpolated" : "* answer")
        }
        return entries
    }
}
