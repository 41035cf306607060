import Model

extension SVGHeatMap {
    /// Lines of both shades for what is interpolated; crosses and dots for what has no colour.
    var textures: String {
        let size = isApart ? 6.0 : 4.0
        let (strong, weak) = isApart ? ("0.6", "0.5") : ("0.4", "0.32")
        let n = SVGPage.n
        // Over the edges, so that the tiles of the pattern join.
        let slash = "M-1 1l2 -2M0 \(n(size))L\(n(size)) 0M\(n(size - 1)) \(n(size + 1))l2 -2"
        let backslash = "M-1 \(n(size - 1))l2 2M0 0L\(n(size)) \(n(size))M\(n(size - 1)) -1l2 2"
        let pattern = { (id: String, content: String) in
            "<pattern id=\"\(idPrefix)\(id)\" width=\"\(n(size))\" height=\"\(n(size))\" patternUnits=\"userSpaceOnUse\">"
                + "\(content)</pattern>\n"
        }
        let hatch = { (colour: String, opacity: String) in
            "<path d=\"\(slash)\" stroke=\"\(colour)\" stroke-opacity=\"\(opacity)\" stroke-width=\"0.9\"/>"
        }
        let paper = "<path d=\"\(SVGPage.rectangle(0, 0, size, size))\" \(SVGPage.Ink.paper.fill)/>"
        let stops = (0...32).map { step in
            "<stop offset=\"\(n(Double(step) / 32 * 100))%\" stop-color=\"\(Viridis.colour(Double(step) / 32).hex)\"/>"
        }
        return pattern("hatch-light", hatch("#ffffff", strong)) + pattern("hatch-dark", hatch("#000000", weak))
            + pattern(
                "invalid", paper + "<path d=\"\(slash)\(backslash)\" \(SVGPage.Ink.axis.stroke) stroke-width=\"0.8\"/>")
            + pattern(
                "blank",
                paper + "<circle cx=\"\(n(size / 2))\" cy=\"\(n(size / 2))\" r=\"0.7\" \(SVGPage.Ink.axis.fill)/>")
            + "<linearGradient id=\"\(idPrefix)colours\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">\(stops.joined())"
            + "</linearGradient>\n"
    }

    /// Of what there is.
    var legend: SVGLegend {
        var legend = SVGLegend()
        let tiles = map.panels.flatMap(\.tiles)
        let states = Set(tiles.map(\.mark.state))
        let box = { (x: Double, y: Double) in SVGPage.rectangle(x, y - 6, 16, 12) }
        let colour = "fill=\"\(Viridis.colour(0.45).hex)\""
        let prefix = idPrefix
        if states.contains(.measured) {
            legend.add("measured") { page, x, y in page.path(box(x, y), colour) }
        }
        if states.contains(.checked) {
            legend.add("predicted, then measured") { page, x, y in
                page.path(box(x, y), colour)
                page.path(Self.dot(x + 11, y - 1, radius: 2.8), Self.dotInk)
            }
        }
        if states.contains(.interpolated) {
            legend.add("interpolated") { page, x, y in
                page.path(box(x, y), colour)
                page.path(box(x, y), "fill=\"url(#\(prefix)hatch-light)\"")
            }
        }
        for state in [Mark.State.invalid, .blank] where states.contains(state) {
            legend.add(state.rawValue) { page, x, y in
                page.path(box(x, y), "fill=\"url(#\(prefix)\(state.rawValue))\"")
                page.path(box(x, y), SVGPage.Ink.axis.stroke + " stroke-width=\"0.6\"")
            }
        }
        let values = tiles.compactMap(\.mark.estimate?.value)
        if let limit = map.limit, values.contains(where: { $0 < limit.value }),
            values.contains(where: { $0 >= limit.value })
        {
            legend.add("SLA limit, \(limit.label)") { page, x, y in
                Self.border(&page, "M\(SVGPage.n(x)) \(SVGPage.n(y))h16")
            }
        }
        for (isAnswer, label) in [(true, "answer"), (false, "on-line")]
        where tiles.contains(where: { isAnswer ? $0.mark.isAnswer : $0.mark.isOnLine }) {
            legend.add(label) { page, x, y in
                page.path(box(x, y), colour)
                Self.outline(&page, box(x, y), isAnswer: isAnswer)
            }
        }
        return legend
    }
}
