package import Model
package import Planning

/// The response times of one service, minute by minute.
package struct MinuteCurve: Sendable {
    package let service: String
    package let sla: SLA
    /// Mean response time in seconds; nil without an answer.
    package private(set) var minutes: [Double?] = []
    /// How long the SLA's figure was above its limit.
    package private(set) var violated: Duration = .zero

    package init(_ course: Simulation.Course) {
        (service, sla, minutes, violated) = (course.service, course.sla, course.minutes, course.violated)
    }

    package init(_ service: String, _ sla: SLA) { (self.service, self.sla) = (service, sla) }

    /// A further minute: so many requests, and the sum of their response times in seconds; and for how much of it the SLA was violated.
    package mutating func add(requests: Double, busy: Double, violated: Duration) {
        minutes.append(requests > 0 ? busy / requests : nil)
        self.violated += violated
    }
}

/// Response times over minutes as SVG, a curve for each service, on a logarithmic scale, with the SLA's limit.
package struct SVGTimeline {
    private static let size = (width: 640.0, height: 300.0)
    private static let left = 64.0
    /// More curves cannot be told apart.
    package static let mostCurves = 8

    private let title: String
    private let subtitle: String
    private let courses: [MinuteCurve]

    /// The services that were violated longest come first; of others only as many as can be told apart are drawn. `origin` is where the
    /// figures come from, such as "simulated".
    package init(_ title: String, _ courses: [MinuteCurve], _ origin: String) {
        self.title = title
        let worst = courses.enumerated().sorted { a, b in
            (b.element.violated, a.offset) < (a.element.violated, b.offset)
        }
        self.courses = worst.prefix(Self.mostCurves).map(\.element)
        subtitle =
            "mean response time of each minute, \(origin)"
            + (courses.count > Self.mostCurves ? "; the \(Self.mostCurves) worst of \(courses.count) services" : "")
    }

    package var text: String {
        var page = SVGPage()
        let width = Self.left + Self.size.width + 24
        let top = page.head(title, subtitle, width: width) + 10
        let values = courses.flatMap(\.minutes).compactMap(\.self).filter { $0 > 0 }
        let limits = courses.map(\.sla.limit.seconds).uniqued()
        let all = values + limits
        let scale = PlotScale((all.min() ?? 0.001)...(all.max() ?? 1), isLogarithmic: true).padded(0.05)
        let minutes = Double(max(2, courses.map(\.minutes.count).max() ?? 2))
        let x = { (minute: Double) in Self.left + minute / minutes * Self.size.width }
        let y = { (seconds: Double) in top + (1 - scale.share(seconds)) * Self.size.height }
        let bottom = top + Self.size.height
        for tick in Ticks.decimal(scale.lower, scale.upper, count: 8) {
            page.line(Self.left, y(tick), Self.left + Self.size.width, y(tick), .grid)
            page.text(Format.milliseconds(tick), Self.left - 6, y(tick) + 4, size: 10, .end, .mute)
        }
        for tick in Ticks.linear(0, minutes, count: 8) {
            page.line(x(tick), bottom, x(tick), bottom + 4, .axis)
            page.text(Format.decimal(tick, 0), x(tick), bottom + 16, size: 10, .middle, .mute)
        }
        page.line(Self.left, bottom, Self.left + Self.size.width, bottom, .axis)
        page.text("minutes", Self.left + Self.size.width / 2, bottom + 32, .middle)
        for limit in limits {
            page.line(Self.left, y(limit), Self.left + Self.size.width, y(limit), .limit, dashes: "5 3")
        }
        for (number, course) in courses.enumerated() {
            let style = CurveStyle(number, of: courses.count)
            page.path(
                curve(course, x, y), "fill=\"none\" stroke-width=\"1.8\" \(style.stroke)\(style.dashes)",
                title: course.service)
        }
        let height = bottom + 44
        let drawn = legend.draw(&page, left: 16, top: height, width: width - 32)
        return page.document(
            title, subtitle, width: width, height: height + drawn + 12, idPrefix: "time-", curves: courses.count)
    }

    /// Broken where nobody was answered; each minute stands at its middle.
    private func curve(_ course: MinuteCurve, _ x: (Double) -> Double, _ y: (Double) -> Double) -> String {
        var (path, isOpen) = ("", false)
        for (minute, value) in course.minutes.enumerated() {
            guard let value else {
                isOpen = false
                continue
            }
            path += "\(isOpen ? "L" : "M")\(SVGPage.n(x(Double(minute) + 0.5))) \(SVGPage.n(y(value)))"
            isOpen = true
        }
        return path.isEmpty ? "M0 0" : path
    }

    private var legend: SVGLegend {
        var legend = SVGLegend()
        for (number, course) in courses.enumerated() {
            let style = CurveStyle(number, of: courses.count)
            legend.add(course.service, width: 22) { page, x, y in
                page.path(
                    "M\(SVGPage.n(x)) \(SVGPage.n(y))h22",
                    "fill=\"none\" stroke-width=\"1.8\" \(style.stroke)\(style.dashes)")
            }
        }
        legend.add("limit", width: 22) { page, x, y in page.line(x, y, x + 22, y, .limit, dashes: "5 3") }
        return legend
    }
}
