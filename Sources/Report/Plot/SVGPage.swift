/// What a figure is written into: elements of SVG, one after the other.
struct SVGPage {
    private(set) var body = ""

    /// Colours by class: attributes hold those on light paper, which every reader of SVG knows; the style sheet those on dark.
    enum Ink: String, CaseIterable {
        case paper, ink, mute, axis, grid, limit

        var light: String {
            switch self {
            case .paper: "#ffffff"
            case .ink: "#1f2328"
            case .mute: "#57606a"
            case .axis: "#6e7781"
            case .grid: "#e4e7eb"
            case .limit: "#b3261e"
            }
        }

        var dark: String {
            switch self {
            case .paper: "#14171c"
            case .ink: "#e6e8ec"
            case .mute: "#a3acb9"
            case .axis: "#8b949e"
            case .grid: "#2b313a"
            case .limit: "#ff8a7a"
            }
        }

        /// The class goes by where the colour is used, as a style sheet would else fill what is only drawn.
        var fill: String { "class=\"\(rawValue)\" fill=\"\(light)\"" }
        var stroke: String { "class=\"\(rawValue)-line\" fill=\"none\" stroke=\"\(light)\"" }
    }

    enum Anchor: String { case start, middle, end }

    mutating func add(_ element: String) {
        body += element
        body += "\n"
    }

    mutating func open(_ attributes: String) { add("<g \(attributes)>") }
    mutating func close() { add("</g>") }

    mutating func text(
        _ words: String, _ x: Double, _ y: Double, size: Double = 11, _ anchor: Anchor = .start, _ ink: Ink = .ink,
        bold: Bool = false, turned: Double? = nil
    ) {
        let at = "x=\"\(Self.n(x))\" y=\"\(Self.n(y))\""
        let turn = turned.map { " transform=\"rotate(\(Self.n($0)) \(Self.n(x)) \(Self.n(y)))\"" } ?? ""
        let weight = bold ? " font-weight=\"bold\"" : ""
        let side = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
        add("<text \(at) font-size=\"\(Self.n(size))\"\(side)\(weight)\(turn) \(ink.fill)>\(Self.escape(words))</text>")
    }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ ink: Ink, width: Double = 1, dashes: String? = nil
    ) {
        let dash = dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
        let width = width == 1 ? "" : " stroke-width=\"\(Self.n(width))\""
        add("<path d=\"M\(Self.n(x1)) \(Self.n(y1))L\(Self.n(x2)) \(Self.n(y2))\"\(width)\(dash) \(ink.stroke)/>")
    }

    /// Without a `title` it has none to show.
    mutating func path(_ data: String, _ attributes: String = "", title: String? = nil) {
        let space = attributes.isEmpty ? "" : " "
        if let title {
            add("<path d=\"\(data)\"\(space)\(attributes)><title>\(Self.escape(title))</title></path>")
        } else {
            add("<path d=\"\(data)\"\(space)\(attributes)/>")
        }
    }

    static func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> String {
        "M\(n(x)) \(n(y))h\(n(width))v\(n(height))h\(n(-width))z"
    }

    static func circle(_ x: Double, _ y: Double, _ r: Double) -> String {
        "M\(n(x - r)) \(n(y))a\(n(r)) \(n(r)) 0 1 0 \(n(2 * r)) 0a\(n(r)) \(n(r)) 0 1 0 \(n(-2 * r)) 0z"
    }

    static func n(_ value: Double) -> String { PlotNumber.coordinate(value) }

    /// Characters that XML does not allow at all are left out.
    static func escape(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x26 || $0 == 0x3c || $0 == 0x3e || $0 == 0x22 }) else {
            return text
        }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result += " "
            case _ where scalar.value < 0x20 || scalar.value == 0xfffe || scalar.value == 0xffff: continue
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// How wide words are, without a font at hand: Helvetica's widths (Adobe's metrics), which Arial and Liberation Sans share, and a
/// little more for other fonts.
enum SVGFont {
    /// From the space to the tilde, in thousandths of the size.
    private static let widths: [Double] = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
        556,
        556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556,
        833,
        722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500,
        556,
        556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500,
        334,
        260, 334, 584,
    ]

    static func width(_ text: String, _ size: Double = 11) -> Double {
        let thousandths = text.unicodeScalars.reduce(0.0) { sum, scalar in
            let index = Int(scalar.value) - 0x20
            return sum + (widths.indices.contains(index) ? widths[index] : 640)
        }
        return thousandths / 1000 * size * 1.05
    }

    /// Lines of at most this width, broken at spaces; a word that is longer stands alone.
    static func wrapped(_ text: String, _ size: Double, within width: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, Self.width("\(last) \(word)", size) <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// With its end left out where it is too long.
    static func clipped(_ text: String, _ size: Double, within width: Double) -> String {
        if Self.width(text, size) <= width { return text }
        var short = text
        while !short.isEmpty, Self.width(short + "…", size) > width { short.removeLast() }
        return short + "…"
    }
}
