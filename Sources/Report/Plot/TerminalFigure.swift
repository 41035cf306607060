/// A figure for a terminal, or for a text file.
package struct TerminalFigure {
    private let figure: Figure
    private let width: Int
    private let isColoured: Bool

    /// Narrower than this there is no figure.
    package static let leastWidth = 40

    /// `width` is in characters, at least `leastWidth`; `isColoured` says whether there are ANSI's 256 colours.
    package init(_ figure: Figure, width: Int, isColoured: Bool) {
        self.figure = figure
        self.width = max(Self.leastWidth, width)
        self.isColoured = isColoured
    }

    package var text: String {
        let body: [String] =
            switch figure.body {
            case .heat(let map): TerminalHeatMap(map, width: width, isColoured: isColoured).lines
            case .chart(let chart): TerminalChart(chart, width: width, isColoured: isColoured).lines
            }
        let head = [figure.title, figure.subtitle].flatMap { Self.wrapped($0, width) }
        return (head + [""] + body).joined(separator: "\n") + "\n"
    }

    static func wrapped(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// Meanings beside each other, as many as a line holds.
    static func legend(_ entries: [String], _ width: Int) -> [String] {
        var lines: [String] = []
        for entry in entries {
            if let last = lines.last, last.count + 3 + entry.count <= width {
                lines[lines.count - 1] = "\(last)   \(entry)"
            } else {
                lines += wrapped(entry, width)
            }
        }
        return lines
    }

    /// Under the panels, as far to the right as there is room for it.
    static func caption(_ text: String, indent: Int, _ width: Int) -> String {
        String(repeating: " ", count: max(0, min(indent, width - text.count))) + text
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// Labels around their places in a line of this many characters.
    static func ruler(_ labels: [(place: Int, label: String)], _ width: Int) -> String {
        var line = Array(repeating: Character(" "), count: width)
        var end = -1
        for (place, label) in labels {
            let start = max(0, min(width - label.count, place - (label.count - 1) / 2))
            if start <= end || start + label.count > width { continue }
            for (offset, character) in label.enumerated() { line[start + offset] = character }
            end = start + label.count
        }
        return trimmed(String(line))
    }

    /// Without spaces at the end.
    static func trimmed(_ line: String) -> String { String(line.reversed().drop { $0 == " " }.reversed()) }
}
