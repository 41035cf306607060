import Model
import Planning

/// A plan as SVG: what is used of each node before and after it, a bar for each resource, with the limit that the reserve leaves.
package struct SVGPlan {
    private static let panelWidth = 260.0
    private static let gap = 28.0
    private static let bar = (height: 9.0, gap: 2.0)
    private static let rowGap = 9.0

    private let plan: PlanDocument
    private let resources: [Resource]
    private let left: Double
    /// What the full width of a panel means: all of a node, or more where more is used.
    private let full: Double

    package init(_ plan: PlanDocument) {
        self.plan = plan
        resources = plan.resources
        left = 16 + min(160, plan.nodes.map { SVGFont.width($0.name) }.max() ?? 0) + 10
        full = max(1, plan.worst.before, plan.worst.after)
    }

    private var width: Double { left + 2 * Self.panelWidth + Self.gap + 56 }
    private var rowHeight: Double { Double(max(2, resources.count)) * (Self.bar.height + Self.bar.gap) + Self.rowGap }

    package var text: String {
        var page = SVGPage()
        var y = page.head(title, subtitle, width: width) + 16
        let panels = [left, left + Self.panelWidth + Self.gap]
        for (x, word) in zip(panels, ["before", "after"]) { page.text(word, x, y, bold: true) }
        y += 8
        let top = y
        let bottom = top + Double(plan.nodes.count) * rowHeight
        for x in panels { axis(&page, x, top, bottom) }
        for node in plan.nodes {
            let middle = y + (rowHeight - Self.rowGap) / 2 + 4
            page.text(SVGFont.clipped(node.name, 11, within: 160), left - 8, middle, .end)
            draw(&page, node, panels[0], y, isOn: node.isOn.before, node.use.before, "before")
            draw(&page, node, panels[1], y, isOn: node.isOn.after, node.use.after, "after")
            y += rowHeight
        }
        // The shares below the panels, then what the colours mean.
        y = bottom + 26
        y += legend.draw(&page, left: 16, top: y, width: width - 32)
        return page.document(
            title, subtitle + "; a bar for each resource of each node", width: width, height: y + 12, idPrefix: "plan-",
            curves: resources.count)
    }

    private var title: String {
        plan.verdict == .change
            ? "\(plan.dataCentre): \(plan.nodesOn.before) nodes on before, \(plan.nodesOn.after) after"
            : "\(plan.dataCentre): no change"
    }

    private var subtitle: String {
        let power = plan.power.map {
            ", power \(Format.decimal($0.before, 0)) W, then \(Format.decimal($0.after, 0)) W"
        }
        return "\(plan.migrations) migrations, worst utilisation \(Format.percent(plan.worst.before)), then "
            + Format.percent(plan.worst.after) + (power ?? "")
    }

    private func axis(_ page: inout SVGPage, _ x: Double, _ top: Double, _ bottom: Double) {
        for share in [0, 0.5, 1.0] {
            let at = x + share / full * Self.panelWidth
            page.line(at, top, at, bottom, share == 0 ? .axis : .grid)
            page.text(Format.percent(share), at, bottom + 14, size: 10, .middle, .mute)
        }
    }

    private func draw(
        _ page: inout SVGPage, _ node: PlanDocument.Node, _ x: Double, _ y: Double, isOn: Bool, _ use: [String: Double],
        _ when: String
    ) {
        guard isOn else {
            page.text("off", x + 6, y + (rowHeight - Self.rowGap) / 2 + 4, .start, .mute)
            return
        }
        for (place, resource) in resources.enumerated() {
            let share = use[resource.rawValue] ?? 0
            let limit = plan.limits[resource.rawValue] ?? 1
            let top = y + Double(place) * (Self.bar.height + Self.bar.gap)
            let length = share / full * Self.panelWidth
            page.path(
                SVGPage.rectangle(x, top, length, Self.bar.height), CurveStyle(place, of: resources.count).fill,
                title: "\(node.name), \(resource.rawValue), \(when): \(Format.percent(share))"
                    + (share > limit ? ", more than \(Format.percent(limit))" : ""))
            let number = Format.decimal(share * 100, 0)
            var end = x + length
            if limit < 1 || share > limit {
                let at = x + limit / full * Self.panelWidth
                page.line(at, top - 1, at, top + Self.bar.height + 1, .limit)
                // The number stands behind the mark where it would stand on it.
                if at >= end, at - end < SVGFont.width(number, 9) + 6 { end = at }
            }
            page.text(number, end + 4, top + Self.bar.height - 1, size: 9, .start, .mute)
        }
    }

    private var legend: SVGLegend {
        var legend = SVGLegend()
        for (number, resource) in resources.enumerated() {
            let style = CurveStyle(number, of: resources.count)
            legend.add("\(resource.rawValue) (bar \(number + 1) of each node)") { page, x, y in
                page.path(SVGPage.rectangle(x, y - 4.5, 16, 9), style.fill)
            }
        }
        if plan.limits.values.contains(where: { $0 < 1 }) || full > 1 {
            legend.add("what may be used", width: 6) { page, x, y in page.line(x + 3, y - 6, x + 3, y + 6, .limit) }
        }
        return legend
    }
}
