import Model

extension SVGChart {
    /// Beyond this, points are one path and have no titles: a browser would be slow.
    private static let mostTitles = 12_000
    /// Of what is dominated, points with a smaller mark.
    private static let mostLarge = 300

    /// Around what is interpolated, and the measured points beside it; between two measured points nothing is claimed.
    func band(_ page: inout SVGPage, _ curve: Chart.Curve, _ area: Area) {
        guard curve.role == .curve else { return }
        var stretch: [Chart.Point] = []
        for point in curve.points {
            stretch.append(point)
            if point.mark.state == .interpolated { continue }
            band(&page, stretch, curve, area)
            stretch = [point]
        }
        band(&page, stretch, curve, area)
    }

    private func band(_ page: inout SVGPage, _ stretch: [Chart.Point], _ curve: Chart.Curve, _ area: Area) {
        guard stretch.count > 1, stretch.contains(where: { $0.mark.state == .interpolated }) else { return }
        let n = SVGPage.n
        let upper = stretch.map { "\(n(area.across($0.x))) \(n(area.up($0.y.upper)))" }
        let lower = stretch.reversed().map { "\(n(area.across($0.x))) \(n(area.up($0.y.lower)))" }
        page.path("M" + (upper + lower).joined(separator: "L") + "z", "\(style(curve).fill) fill-opacity=\"0.13\"")
    }

    func line(_ page: inout SVGPage, _ curve: Chart.Curve, _ area: Area) {
        guard let first = curve.points.first, curve.points.count > 1 else { return }
        let n = SVGPage.n
        var data = "M\(n(area.across(first.x))) \(n(area.up(first.y.value)))"
        for point in curve.points.dropFirst() {
            let (x, y) = (n(area.across(point.x)), n(area.up(point.y.value)))
            data += curve.role == .curve ? "L\(x) \(y)" : "H\(x)V\(y)"
        }
        if let look = look(curve) { page.path(data, "\(look) fill=\"none\" stroke-linejoin=\"round\"") }
    }

    /// Of the line; nil where there is none.
    func look(_ curve: Chart.Curve) -> String? {
        let style = style(curve)
        return switch curve.role {
        case .curve: "\(style.stroke) stroke-width=\"1.5\"\(style.dashes)"
        case .front: "\(style.stroke) stroke-width=\"1.8\""
        case .hoped: "\(style.stroke) stroke-width=\"1.1\" stroke-dasharray=\"4 3\""
        case .dots, .dominated: nil
        }
    }

    func points(_ page: inout SVGPage, _ curve: Chart.Curve, _ area: Area) {
        let style = style(curve)
        // What was measured on a hoped-for front is on the other one, too.
        let points = curve.points.filter { curve.role != .hoped || $0.mark.state == .interpolated }
        if curve.role != .dominated {
            // Of a curve's interpolated points the band is the interval.
            let bars = points.filter { $0.mark.state != .interpolated || curve.role != .curve }
                .map { interval($0, area) }.joined()
            if !bars.isEmpty { page.path(bars, "\(style.stroke) fill=\"none\" stroke-width=\"1.2\"") }
        }
        for isHollow in [false, true] {
            let some = points.filter { ($0.mark.state == .interpolated) == isHollow }
            if some.isEmpty { continue }
            page.open(ink(curve, isHollow: isHollow))
            if points.count <= Self.mostTitles {
                for point in some {
                    page.path(marker(curve, point, area), title: point.mark.words(chart.quantities))
                }
            } else {
                page.path(some.map { marker(curve, $0, area) }.joined())
            }
            page.close()
        }
        for point in points {
            let (x, y) = (area.across(point.x), area.up(point.y.value))
            if let predicted = point.predicted { Self.cross(&page, x, area.up(predicted)) }
            if point.mark.isAnswer { Self.ring(&page, x, y, isAnswer: true) }
            if point.mark.isOnLine { Self.ring(&page, x, y, isAnswer: false) }
        }
    }

    private func marker(_ curve: Chart.Curve, _ point: Chart.Point, _ area: Area) -> String {
        let (x, y) = (area.across(point.x), area.up(point.y.value))
        if curve.role == .dominated { return SVGPage.circle(x, y, curve.points.count > Self.mostLarge ? 1.6 : 2.4) }
        return style(curve).marker(x, y)
    }

    /// Of points: filled where they were measured, hollow where they are interpolated.
    func ink(_ curve: Chart.Curve, isHollow: Bool) -> String {
        let style = style(curve)
        if curve.role == .dominated {
            return isHollow
                ? "class=\"paper mute-line\" fill=\"\(SVGPage.Ink.paper.light)\" stroke=\"\(SVGPage.Ink.mute.light)\" "
                    + "stroke-width=\"0.8\" opacity=\"0.7\"" : "\(SVGPage.Ink.mute.fill) opacity=\"0.7\""
        }
        return isHollow
            ? "class=\"paper c\(curve.style)-line\" fill=\"\(SVGPage.Ink.paper.light)\" stroke=\"\(style.light)\" "
                + "stroke-width=\"1.4\"" : style.fill
    }

    /// Upright, with a short end each; of what is measured across, too, level.
    private func interval(_ point: Chart.Point, _ area: Area) -> String {
        let n = SVGPage.n
        let (x, y) = (area.across(point.x), area.up(point.y.value))
        var data = ""
        let (high, low) = (area.up(point.y.upper), area.up(point.y.lower))
        if low - high > 1 {
            data += "M\(n(x)) \(n(high))V\(n(low))M\(n(x - 3)) \(n(high))h6M\(n(x - 3)) \(n(low))h6"
        }
        if let across = point.xInterval {
            let (from, to) = (area.across(across.lowerBound), area.across(across.upperBound))
            if to - from > 1 {
                data += "M\(n(from)) \(n(y))H\(n(to))M\(n(from)) \(n(y - 3))v6M\(n(to)) \(n(y - 3))v6"
            }
        }
        return data
    }

    static func cross(_ page: inout SVGPage, _ x: Double, _ y: Double) {
        let n = SVGPage.n
        page.path(
            "M\(n(x - 3.6)) \(n(y - 3.6))l7.2 7.2m0 -7.2l-7.2 7.2", "\(SVGPage.Ink.ink.stroke) stroke-width=\"1.3\"")
    }

    static func ring(_ page: inout SVGPage, _ x: Double, _ y: Double, isAnswer: Bool) {
        page.path(
            SVGPage.circle(x, y, isAnswer ? 9 : 7),
            "\(SVGPage.Ink.ink.stroke) stroke-width=\"\(isAnswer ? "2" : "1.2")\" pointer-events=\"none\""
                + (isAnswer ? "" : " stroke-dasharray=\"2 2\""))
    }

    /// Invalid and blank cells in lines above the axis, the first curve's uppermost; the last line is that of all others.
    func gaps(_ page: inout SVGPage, _ panel: Chart.Panel, _ area: Area) {
        for (number, curve) in panel.curves.filter({ !$0.gaps.isEmpty }).enumerated() {
            let y = area.bottom + 4 + (Double(min(Self.mostGapLines - 1, number)) + 0.5) * Self.gapHeight
            for gap in curve.gaps {
                let x = area.across(gap.x)
                Self.gap(&page, x, y, gap.mark.state, style(curve), title: gap.mark.words(chart.quantities))
                if gap.mark.isOnLine { Self.ring(&page, x, y, isAnswer: false) }
            }
        }
    }

    static func gap(
        _ page: inout SVGPage, _ x: Double, _ y: Double, _ state: Mark.State, _ style: CurveStyle, title: String? = nil
    ) {
        let n = SVGPage.n
        let data =
            state == .invalid
            ? "M\(n(x - 3)) \(n(y - 3))l6 6m0 -6l-6 6" : "M\(n(x - 3)) \(n(y))h6"
        page.path(data, "\(style.stroke) fill=\"none\" stroke-width=\"1.5\"", title: title)
    }
}
