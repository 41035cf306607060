/// Columns of text, aligned; the first row is the heading.
package struct TextTable {
    package enum Alignment: Sendable { case left, right }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    package init(_ headings: [String], _ alignments: [Alignment]) {
        rows = [headings]
        self.alignments = alignments
    }

    package mutating func add(_ row: [String]) { rows.append(row) }

    package var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return alignments[column] == .right ? space + row[column] : row[column] + space
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
