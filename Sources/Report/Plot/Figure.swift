import Model

/// A figure as values: what is drawn where, before it is known in what. Made by `Figure.init(_:cells:_:)`, drawn by `SVGFigure`
/// and `TerminalFigure`.
package struct Figure: Sendable {
    enum Body: Sendable {
        case heat(HeatMap)
        case chart(Chart)
    }

    let campaign: String
    let title: String
    let subtitle: String
    /// In sentences, for those who do not see it.
    let description: String
    let body: Body
}

/// A cell as it is drawn.
struct Mark: Sendable {
    enum State: String, CaseIterable, Sendable { case measured, checked, interpolated, invalid, blank }

    let cell: Cell
    let state: State
    /// With a finite value; nil where there is none to draw.
    let estimate: Estimate?
    let isOnLine: Bool
    let isAnswer: Bool

    /// `cpu 20%, memory 128 MiB: p95 41.3 ms [40.0 ms – 42.5 ms], measured, on-line`
    func words(_ quantities: [Quantity]) -> String {
        var parts: [String] = []
        for case .metric(let metric) in quantities {
            guard let estimate = cell.estimate(metric) else { continue }
            var text = "\(metric.rawValue) \(metric.format(estimate.value))"
            if estimate.lower < estimate.upper {
                text += " [\(metric.format(estimate.lower)) – \(metric.format(estimate.upper))]"
            }
            parts.append(text)
        }
        parts.append(state.rawValue)
        if case .invalid(_, let reasons) = cell.content { parts += reasons }
        if let check = cell.check {
            let predicted = check.predicted
            parts.append(
                "predicted \(check.metric.rawValue) \(check.metric.format(predicted.value)) "
                    + "[\(check.metric.format(predicted.lower)) – \(check.metric.format(predicted.upper))]")
        }
        if isOnLine { parts.append("on-line") }
        if isAnswer { parts.append("the answer") }
        let place = cell.allocation.description
        return (place.isEmpty ? "" : place + ": ") + parts.joined(separator: ", ")
    }
}

/// Cells as tiles, a panel for each combination of what is neither across nor up.
struct HeatMap: Sendable {
    struct Tile: Sendable {
        /// From the left, and from the bottom.
        let column: Int
        let row: Int
        let mark: Mark
        /// Of the colours' range; nil without a value.
        let share: Double?
    }

    struct Panel: Sendable {
        let title: String?
        let tiles: [Tile]
    }

    /// With a column, and a row, for each level or name.
    let x: PlotAxis
    let y: PlotAxis
    let columns: Int
    let rows: Int
    let panels: [Panel]
    let metric: Metric
    let colours: PlotAxis
    /// Where the SLA's limit lies, when the colours show its statistic.
    let limit: Chart.Limit?
}

/// Points over two directions, and what joins them.
struct Chart: Sendable {
    struct Point: Sendable {
        let x: Double
        /// The interval of `x`, where it is a metric.
        let xInterval: ClosedRange<Double>?
        let y: Estimate
        let mark: Mark
        /// What was predicted of `y` before the point was measured.
        let predicted: Double?
    }

    /// A cell without a value, of which only the place across is known.
    struct Gap: Sendable {
        let x: Double
        let mark: Mark
    }

    struct Curve: Sendable {
        enum Role: Sendable {
            /// Joined from point to point, with the band of what is interpolated.
            case curve
            /// Not joined: between names there is nothing.
            case dots
            /// In steps: what is given up from one point to the next, without anything between.
            case front
            /// The same with the interpolated points that would be better.
            case hoped
            /// What a point of the front is better than.
            case dominated
        }

        let role: Role
        let name: String?
        /// Its place among the curves: shape, dashes and colour.
        let style: Int
        /// By `x` ascending; of a front the best in `x` first.
        let points: [Point]
        let gaps: [Gap]
    }

    struct Panel: Sendable {
        let title: String?
        let curves: [Curve]
    }

    struct Limit: Sendable {
        let value: Double
        let label: String
    }

    let x: PlotAxis
    let y: PlotAxis
    /// What the tooltips tell of each point.
    let quantities: [Quantity]
    let panels: [Panel]
    /// Of the direction across, and of the one up.
    let xLimit: Limit?
    let yLimit: Limit?
    /// The place of the on-line allocation where it is none of the cells; and how it is called.
    let onLine: Limit?
    /// What the curves' names are values of.
    let key: String?
    let styleCount: Int

    /// One of each kind that has a name, what stands out first.
    static func named(_ curves: [Curve]) -> [Curve] {
        var seen: Set<String> = []
        let sorted = curves.enumerated().sorted { a, b in
            (a.element.role == .front ? 0 : 1, a.element.style, -a.offset)
                < (b.element.role == .front ? 0 : 1, b.element.style, -b.offset)
        }
        return sorted.map(\.element).filter { curve in curve.name.map { seen.insert($0).inserted } ?? false }
    }
}
