/// Columns of text, aligned; the first row is the heading.
package struct TextTable {
    package enum Alignment: Sendable { case left, right }

    private let alignments: [Alignment]
    private let kept: Set<String>
    private var rows: [[String]] = []

    /// `kept`: headings of columns that are not left out, however narrow the terminal.
    package init(_ headings: [String], _ alignments: [Alignment], kept: Set<String> = []) {
        rows = [headings]
        self.alignments = alignments
        self.kept = kept
    }

    package mutating func add(_ row: [String]) { rows.append(row) }

    package var text: String { text(width: nil) }

    /// Of at most so many characters a line: the columns of figures that stand last are left out, and said; what is still
    /// too long is cut. Nil is however many it takes.
    package func text(width: Int?) -> String {
        var columns = Array(rows[0].indices)
        let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let taken = { (columns: [Int]) in columns.map { widths[$0] + 2 }.reduce(-2, +) }
        var leftOut: [String] = []
        if let width {
            // What has no heading is notes: these are cut, not left out.
            while taken(columns.filter { !rows[0][$0].isEmpty }) > width, columns.count > 2,
                let last = columns.last(where: { !rows[0][$0].isEmpty && !kept.contains(rows[0][$0]) })
            {
                columns.removeAll { $0 == last }
                leftOut.insert(rows[0][last], at: 0)
            }
        }
        let lines = rows.map { row in
            var line = columns.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return alignments[column] == .right ? space + row[column] : row[column] + space
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            guard let width, line.count > width else { return line }
            return line.prefix(max(0, width - 1)) + "…"
        }
        let note = leftOut.isEmpty ? [] : ["(no room for: \(leftOut.joined(separator: ", ")))"]
        return (lines + note).joined(separator: "\n")
    }
}
