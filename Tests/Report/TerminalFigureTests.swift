import Foundation
import Model
import Testing

@testable import Report

@Suite struct TerminalFigureTests {
    private static func plain(_ text: String) -> String { text.replacing(/\u{1b}\[[0-9;]*m/, with: "") }

    /// No line is wider than the terminal, coloured or not, and plain text has no colours.
    @Test(arguments: PlotRecords.figures, [40, 80, 132])
    func theWidthIsKept(_ named: NamedFigure, _ width: Int) {
        for isColoured in [false, true] {
            let text = TerminalFigure(named.figure, width: width, isColoured: isColoured).text
            #expect(isColoured || !text.contains("\u{1b}"))
            for line in Self.plain(text).split(separator: "\n") {
                #expect(line.count <= width || !line.contains(" "), "\(line)")
            }
            // What was opened is closed.
            let last = text.matches(of: /\u{1b}\[([0-9;]*)m/).last?.1 ?? "0"
            #expect(last == "0")
        }
    }

    @Test func aHeatMapTellsFiguresAndStates() throws {
        let lines = try TerminalFigure(Figure(PlotRecords.heat), width: 80, isColoured: false).text
            .split(separator: "\n").map(String.init)
        let words = lines.first { $0.hasPrefix("  64 │") }?.split(separator: " ").dropFirst(2).map(String.init)
        let expected = PlotRecords.cpu.map { cpu -> String in
            let allocation = Allocation([.cpu: cpu, .memory: PlotRecords.memory[0]])
            guard let cell = PlotRecords.heat.matrix[allocation] else { return "?" }
            let sign = ["checked": "+", "interpolated": "~", "invalid": "x", "blank": "."][cell.state] ?? ""
            guard let value = cell.estimate(.p95)?.value else { return sign }
            return Format.significant(value * 1e3) + sign + (value >= 0.05 ? "!" : "")
        }
        #expect(words == expected)
        #expect(lines.contains { $0.contains("@ on-line") && $0.contains("* answer") })
        #expect(lines.contains { $0.split(separator: " ") == ["20", "30", "40", "60", "80", "100"] })
    }

    /// Colours add to the characters, and take nothing away.
    @Test func coloursOnlyAdd() throws {
        let figure = try Figure(PlotRecords.heat)
        let plain = TerminalFigure(figure, width: 80, isColoured: false).text.split(separator: "\n")
        let coloured = TerminalFigure(figure, width: 80, isColoured: true).text.split(separator: "\n")
        for (a, b) in zip(plain, coloured) where a.contains("│") { #expect(a == Self.plain(String(b))) }
        #expect(coloured.contains { $0.contains("\u{1b}[48;5;") })
    }

    /// A row that is wider than the terminal goes on below.
    @Test func wideMatricesAreCutIntoBlocks() throws {
        let (record, cells) = PlotRecords.square(100)
        let text = TerminalFigure(try Figure(record, cells: cells), width: 60, isColoured: false).text
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("  64 │") }
        #expect(rows.reduce(0) { $0 + $1.count - 6 } == 100)
        let signs = Set(rows.joined().dropFirst(6))
        #expect(
            signs.isSuperset(of: ["x", "."]) && signs.contains { $0.isLowercase } && signs.contains { $0.isNumber })
    }

    /// Dots as Unicode numbers them: those of the left column are 1, 2, 3 and 7.
    @Test func dotsAreBraille() {
        var canvas = TerminalCanvas(columns: 2, rows: 1)
        for y in 0..<4 { canvas.dot(0, y, ink: nil) }
        canvas.dot(3, 3, ink: nil)
        canvas.dot(4, 0, ink: nil)
        canvas.dot(0, -1, ink: nil)
        #expect(canvas.line(0, coloured: false) == "⡇⢀")
        canvas.put("●", 0, 0, ink: 30)
        #expect(canvas.line(0, coloured: true) == "\u{1b}[38;5;30m●\u{1b}[0m⢀")
    }

    /// The points lie where their values are: higher up what takes longer.
    @Test func aSliceFallsAsItsValuesDo() throws {
        let record = PlotRecords.campaign([Axis(.cpu, PlotRecords.cpu)]) { number, allocation in
            Cell(allocation, PlotRecords.measured(0.3 / Double(number + 1)))
        }
        let text = try TerminalFigure(Figure(record), width: 80, isColoured: false).text
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0) }
        let points = rows.enumerated().flatMap { row, line in
            line.enumerated().filter { $0.element == "●" && row < rows.count - 3 }.map { (column: $0.offset, row: row) }
        }.sorted { $0.column < $1.column }
        #expect(points.count == 6 && points.map(\.row) == points.map(\.row).sorted())
        #expect(text.contains("╌ SLA 50.0 ms"))
    }

    @Test(arguments: [("#000000", 16), ("#ffffff", 231), ("#5f87af", 67), ("#080808", 232)])
    func coloursAreTheNearestOfTheTerminals(_ hex: String, _ number: Int) {
        let part = { (at: Int) in UInt8(hex.dropFirst(at).prefix(2), radix: 16) ?? 0 }
        #expect(TerminalColour.nearest(Viridis.Colour(red: part(1), green: part(3), blue: part(5))) == number)
    }
}
