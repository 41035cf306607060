import Model

extension SVGChart {
    /// More names than these would hide what they name.
    private static let mostNames = 12

    /// Allocations beside the points of the front, where there is room for them; the others are in the titles.
    func names(_ page: inout SVGPage, _ panel: Chart.Panel, _ area: Area) {
        guard let front = panel.curves.first(where: { $0.role == .front }), front.points.count <= Self.mostNames else {
            return
        }
        var taken = panel.curves.flatMap { curve in curve.points.map { box($0, area) } }
        for curve in panel.curves where curve.role != .dominated {
            for (a, b) in zip(curve.points, curve.points.dropFirst()) {
                let (ax, ay, bx, by) = (area.across(a.x), area.up(a.y.value), area.across(b.x), area.up(b.y.value))
                taken.append(Box(min(ax, bx), ay - 2, abs(bx - ax), 4))
                taken.append(Box(bx - 2, min(ay, by), 4, abs(by - ay)))
            }
            for point in curve.points {
                let (high, low) = (area.up(point.y.upper), area.up(point.y.lower))
                taken.append(Box(area.across(point.x) - 3, high, 6, low - high))
            }
        }
        if let limit = chart.yLimit { taken.append(Box(area.x, area.up(limit.value) - 2, area.width, 4)) }
        for point in front.points {
            let words = "\(point.mark.cell.allocation)"
            let (x, y, w) = (area.across(point.x), area.up(point.y.value), SVGFont.width(words, 9.5))
            let places = [(8.0, -6.0), (8, 13), (-8 - w, 13), (-8 - w, -6), (10, 3), (-10 - w, 3)]
            let boxes = places.map { Box(x + $0.0, y + $0.1 - 9, w, 12) }
            let free = boxes.first { box in
                box.x > area.x + 2 && box.right < area.right && box.y > area.y && box.bottom < area.bottom
                    && !taken.contains(where: box.touches)
            }
            guard let free else { continue }
            page.text(words, free.x, free.y + 9, size: 9.5, .start, .mute)
            taken.append(free)
        }
    }

    private func box(_ point: Chart.Point, _ area: Area) -> Box {
        let half = point.mark.isAnswer || point.mark.isOnLine ? 10.0 : 4
        return Box(area.across(point.x) - half, area.up(point.y.value) - half, 2 * half, 2 * half)
    }

    private struct Box {
        let x: Double
        let y: Double
        let right: Double
        let bottom: Double

        init(_ x: Double, _ y: Double, _ width: Double, _ height: Double) {
            (self.x, self.y, right, bottom) = (x, y, x + width, y + height)
        }

        func touches(_ other: Box) -> Bool {
            x < other.right && other.x < right && y < other.bottom && other.y < bottom
        }
    }

    /// Of what there is.
    var legend: SVGLegend {
        var legend = SVGLegend()
        let curves = chart.panels.flatMap(\.curves)
        let points = curves.flatMap(\.points)
        let n = SVGPage.n
        for curve in Chart.named(curves) {
            let style = style(curve)
            let (look, ink) = (look(curve), ink(curve, isHollow: curve.role == .hoped))
            let label = chart.key.map { "\($0) \(curve.name ?? "")" } ?? curve.name ?? ""
            legend.add(label, width: look == nil ? 16 : 24) { page, x, y in
                if let look { page.path("M\(n(x)) \(n(y))h24", "\(look) fill=\"none\"") }
                page.path(
                    curve.role == .dominated
                        ? SVGPage.circle(x + 8, y, 2.4) : style.marker(x + (look == nil ? 8 : 12), y), ink)
            }
        }
        let style = CurveStyle(0, of: chart.styleCount)
        let states = Set(points.map(\.mark.state) + curves.flatMap(\.gaps).map(\.mark.state))
        if states.contains(.measured) || states.contains(.checked) {
            legend.add("measured, 95 % interval") { page, x, y in
                page.path(
                    "M\(n(x + 8)) \(n(y - 7))v14m-3 0h6m-6 -14h6", "\(style.stroke) fill=\"none\" stroke-width=\"1.2\"")
                page.path(style.marker(x + 8, y), style.fill)
            }
        }
        if states.contains(.interpolated) {
            let hasBand = curves.contains { $0.role == .curve }
            let hollow =
                "class=\"paper c0-line\" fill=\"\(SVGPage.Ink.paper.light)\" stroke=\"\(style.light)\" stroke-width=\"1.4\""
            legend.add("interpolated" + (hasBand ? ", its interval" : "")) { page, x, y in
                if hasBand { page.path(SVGPage.rectangle(x, y - 7, 16, 14), "\(style.fill) fill-opacity=\"0.13\"") }
                page.path(style.marker(x + 8, y), hollow)
            }
        }
        if points.contains(where: { $0.predicted != nil }) {
            legend.add("predicted, then measured") { page, x, y in Self.cross(&page, x + 8, y) }
        }
        for state in [Mark.State.invalid, .blank] where states.contains(state) {
            legend.add(state.rawValue) { page, x, y in Self.gap(&page, x + 8, y, state, style) }
        }
        for (isAnswer, label) in [(true, "answer"), (false, "on-line")]
        where points.contains(where: { isAnswer ? $0.mark.isAnswer : $0.mark.isOnLine }) {
            legend.add(label, width: 20) { page, x, y in
                page.path(style.marker(x + 10, y, 3), style.fill)
                Self.ring(&page, x + 10, y, isAnswer: isAnswer)
            }
        }
        if let onLine = chart.onLine {
            legend.add(onLine.label) { page, x, y in
                page.line(x + 8, y - 7, x + 8, y + 7, .ink, width: 1.2, dashes: "1.5 3")
            }
        }
        return legend
    }
}
