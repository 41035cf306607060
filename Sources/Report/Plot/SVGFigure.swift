/// A figure as SVG 1.1 for a paper and a browser: text stays text, light and dark by what the reader prefers, and a title behind
/// every cell and point.
package struct SVGFigure {
    private let figure: Figure

    package init(_ figure: Figure) { self.figure = figure }

    package var text: String {
        var page = SVGPage()
        let size: (width: Double, height: Double)
        var curves = 0
        switch figure.body {
        case .heat(let map):
            let drawing = SVGHeatMap(map, idPrefix: idPrefix)
            let head = head(&page, drawing.width)
            size = (drawing.width, head + drawing.draw(&page, top: head))
        case .chart(let chart):
            let drawing = SVGChart(chart)
            let head = head(&page, drawing.width)
            size = (drawing.width, head + drawing.draw(&page, top: head))
            curves = chart.styleCount
        }
        return page.document(
            figure.title, figure.description, width: size.width, height: size.height, idPrefix: idPrefix, curves: curves
        )
    }

    /// Figures of several campaigns may stand in one page.
    private var idPrefix: String {
        let plain = figure.campaign.unicodeScalars.filter {
            $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "-")
        }
        return "m" + String(String.UnicodeScalarView(plain)) + "-"
    }

    /// What is left begins below.
    private func head(_ page: inout SVGPage, _ width: Double) -> Double {
        page.head(figure.title, figure.subtitle, width: width)
    }
}

/// How a curve is told from others, also without colour: by shade, dashes and the shape of its points.
struct CurveStyle {
    private let number: Int
    private let count: Int

    init(_ number: Int, of count: Int) {
        self.number = number
        self.count = count
    }

    private var share: Double { count < 2 ? 0.25 : Double(number) / Double(count - 1) }

    /// Of viridis the part that stands out from light paper, and from dark.
    var light: String { Viridis.colour(share * 0.78).hex }
    var dark: String { Viridis.colour(0.4 + share * 0.6).hex }

    var fill: String { "class=\"c\(number)\" fill=\"\(light)\"" }
    var stroke: String { "class=\"c\(number)-line\" stroke=\"\(light)\"" }

    var dashes: String {
        ["", " stroke-dasharray=\"6 3\"", " stroke-dasharray=\"2 2.5\"", " stroke-dasharray=\"8 3 2 3\""][number % 4]
    }

    enum Shape: Int { case circle, square, triangle, diamond, wedge }

    var shape: Shape { Shape(rawValue: number % 5) ?? .circle }

    /// About as large for each shape.
    func marker(_ x: Double, _ y: Double, _ radius: Double = 4.2) -> String {
        let n = SVGPage.n
        let r = radius
        switch shape {
        case .circle:
            return SVGPage.circle(x, y, r)
        case .square:
            let side = r * 0.9
            return SVGPage.rectangle(x - side, y - side, 2 * side, 2 * side)
        case .triangle:
            return "M\(n(x)) \(n(y - r * 1.25))L\(n(x + r * 1.15)) \(n(y + r * 0.85))H\(n(x - r * 1.15))z"
        case .diamond:
            let half = r * 1.3
            return "M\(n(x)) \(n(y - half))L\(n(x + half)) \(n(y))L\(n(x)) \(n(y + half))L\(n(x - half)) \(n(y))z"
        case .wedge:
            return "M\(n(x)) \(n(y + r * 1.25))L\(n(x + r * 1.15)) \(n(y - r * 0.85))H\(n(x - r * 1.15))z"
        }
    }
}
