import Foundation
import FoundationXML
import Model
import OperatingSystem
import Testing

@testable import Report

@Suite struct SVGFigureTests {
    /// What Foundation's reader finds in it. Elements last no longer than their document.
    private struct Drawing {
        let document: XMLDocument

        init(_ svg: String) throws { document = try XMLDocument(xmlString: svg) }

        var root: XMLElement? { document.rootElement() }

        func nodes(_ path: String) throws -> [XMLElement] {
            try document.nodes(forXPath: path).compactMap { $0 as? XMLElement }
        }
    }

    /// By its plain name: Foundation's `attribute(forName:)` finds none of an element that is in a namespace.
    private static func attribute(_ element: XMLElement, _ name: String) -> String? {
        element.attributes?.first { $0.name == name }?.stringValue
    }

    private static func number(_ element: XMLElement, _ name: String) -> Double? {
        attribute(element, name).flatMap { Double($0) }
    }

    static let hasXMLLint = (try? ChildProcess.run(["xmllint", "--version"]))?.status == 0

    /// libxml2's own tool is the judge, with each shape in each kind.
    @Test(
        .enabled(if: hasXMLLint, "xmllint is not installed (apt install libxml2-utils)"), arguments: PlotRecords.figures
    )
    func isWellFormed(_ named: NamedFigure) throws {
        let svg = SVGFigure(named.figure).text
        let result = try ChildProcess.run(["xmllint", "--noout", "--nonet", "-"], input: svg)
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        #expect(!svg.contains("nan") && !svg.contains("inf\"") && !svg.contains("∞\""))
    }

    static let hasRasterizer = (try? ChildProcess.run(["rsvg-convert", "--version"]))?.status == 0

    /// librsvg takes it without a complaint, and finds the size that we say.
    @Test(
        .enabled(if: hasRasterizer, "rsvg-convert is not installed (apt install librsvg2-bin)"),
        arguments: PlotRecords.figures)
    func isDrawnByAnother(_ named: NamedFigure) throws {
        let svg = SVGFigure(named.figure).text
        let folder = NSTemporaryDirectory() + "whatif-plot-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let result = try ChildProcess.run(["rsvg-convert", "--output", folder + "/a.png"], input: svg)
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        // The header of a PNG holds width and height as its first eight bytes (ISO 15948, 11.2.2).
        let bytes = Array(try #require(FileManager.default.contents(atPath: folder + "/a.png")))
        try #require(bytes.count > 24)
        let size = { (at: Int) -> Int in
            var value = 0
            for byte in bytes[at..<at + 4] { value = value << 8 | Int(byte) }
            return value
        }
        let drawing = try Drawing(svg)
        let root = try #require(drawing.root)
        #expect(Double(size(16)) == Self.number(root, "width")?.rounded(.up))
        #expect(Double(size(20)) == Self.number(root, "height")?.rounded(.up))
    }

    /// Each cell has one title that tells its allocation and its state.
    @Test(arguments: [PlotRecords.heat, PlotRecords.panels, PlotRecords.curves, PlotRecords.slice, PlotRecords.named])
    func everyCellTellsWhatItIs(_ record: CampaignRecord) throws {
        let svg = try SVGFigure(Figure(record)).text
        let drawing = try Drawing(svg)
        let titles = try drawing.nodes("//*[local-name()='path']/*[local-name()='title']").compactMap(\.stringValue)
        #expect(titles.count == record.matrix.cells.count)
        for cell in record.matrix.cells {
            let own = titles.filter { $0.hasPrefix("\(cell.allocation): ") }
            #expect(own.count == 1 && own[0].contains(cell.state), "\(cell.allocation)")
            if let estimate = cell.estimate(.p95) {
                let interval = "[\(Metric.p95.format(estimate.lower)) – \(Metric.p95.format(estimate.upper))]"
                #expect(own.first?.contains(interval) == true)
            }
        }
    }

    /// Without any colour: another texture, dot or shape for each state, and a word for it.
    @Test func statesAreToldApartWithoutColour() throws {
        let heat = try SVGFigure(Figure(PlotRecords.heat)).text
        for words in ["measured", "predicted, then measured", "interpolated", "invalid", "blank", "answer", "on-line"] {
            #expect(heat.contains(">\(words)</text>"), "\(words)")
        }
        for texture in ["hatch-light", "hatch-dark", "invalid", "blank"] {
            #expect(heat.components(separatedBy: "-\(texture))\"").count > 1, "\(texture)")
        }
        let slice = try SVGFigure(Figure(PlotRecords.curves)).text
        for words in [
            "measured, 95 % interval", "interpolated, its interval", "invalid", "blank", "on-line: memory 300 MiB",
        ] {
            #expect(slice.contains(">\(words)</text>"), "\(words)")
        }
        #expect(slice.contains(">SLA 50.0 ms</text>"))
    }

    /// Words do not lie on words, nor beyond the edge.
    @Test(arguments: PlotRecords.figures)
    func wordsKeepApart(_ named: NamedFigure) throws {
        let svg = SVGFigure(named.figure).text
        let drawing = try Drawing(svg)
        let root = try #require(drawing.root)
        let (width, height) = (try #require(Self.number(root, "width")), try #require(Self.number(root, "height")))
        var boxes: [(words: String, x: Double, y: Double, right: Double, bottom: Double)] = []
        for text in try drawing.nodes("//*[local-name()='text'][not(@transform)]") {
            let x = try #require(Self.number(text, "x"))
            let y = try #require(Self.number(text, "y"))
            let size = Self.number(text, "font-size") ?? 10
            let words = text.stringValue ?? ""
            let length = SVGFont.width(words, size) / 1.05
            let anchor =
                Self.attribute(text, "text-anchor")
                ?? (Self.attribute(text, "font-size") == nil ? "middle" : "start")
            let start = anchor == "middle" ? x - length / 2 : anchor == "end" ? x - length : x
            boxes.append((words, start, y - size * 0.72, start + length, y))
            #expect(start >= 0 && start + length <= width && y <= height, "'\(words)' beyond the edge")
        }
        for (index, a) in boxes.enumerated() {
            for b in boxes.dropFirst(index + 1) {
                let touch = a.x < b.right && b.x < a.right && a.y < b.bottom && b.y < a.bottom
                #expect(!touch, "'\(a.words)' on '\(b.words)'")
            }
        }
    }

    @Test func lightAndDarkAndThoseWhoDoNotSee() throws {
        let svg = try SVGFigure(Figure(PlotRecords.curves)).text
        let drawing = try Drawing(svg)
        let root = try #require(drawing.root)
        #expect(Self.attribute(root, "role") == "img" && Self.attribute(root, "viewBox") != nil)
        let labels = Self.attribute(root, "aria-labelledby")?.split(separator: " ") ?? []
        #expect(labels.count == 2)
        for label in labels { #expect(try drawing.nodes("//*[@id='\(label)']").count == 1) }
        let style = try #require(try drawing.nodes("//*[local-name()='style']").first?.stringValue)
        #expect(style.hasPrefix("@media (prefers-color-scheme:dark){"))
        // A colour that is not of a cell has another one in the dark.
        for element in try drawing.nodes("//*[@class]") {
            for name in Self.attribute(element, "class")?.split(separator: " ") ?? [] {
                #expect(style.contains(".\(name){"))
            }
        }
    }

    /// Ten thousand cells, each with its title, and more than those without.
    @Test func largeMatricesStayReasonable() throws {
        let (record, cells) = PlotRecords.square(100)
        let svg = SVGFigure(try Figure(record, cells: cells)).text
        #expect(svg.utf8.count < 2_000_000 && svg.components(separatedBy: "<title>").count > 10_000)
        let pareto = SVGFigure(try Figure(record, cells: cells, PlotRequest(.pareto))).text
        #expect(pareto.utf8.count < 2_000_000)
        let (larger, more) = PlotRecords.square(112)
        #expect(SVGFigure(try Figure(larger, cells: more)).text.utf8.count < 2_000_000)
    }

    /// Neighbours that share a path cover as much as the tiles that have their own.
    @Test func runsCoverTheSameTiles() throws {
        let (record, cells) = PlotRecords.square(20)
        guard case .heat(let map) = try Figure(record, cells: cells).body else { return }
        var page = SVGPage()
        _ = SVGHeatMap(map, idPrefix: "m-").draw(&page, top: 0)
        let area = { (fill: String) -> Double in
            var sum = 0.0
            for line in page.body.split(separator: "\n") where line.contains(fill) {
                for match in line.matches(of: /h([0-9.]+)v([0-9.]+)h-/) {
                    sum += (Double(match.1) ?? 0) * (Double(match.2) ?? 0)
                }
            }
            return sum
        }
        let interpolated = cells.count { $0.state == "interpolated" }
        // Of tiles of 28 by 21 a unit each way stays free; the legend has a sample.
        #expect(area("url(#m-hatch") == Double(interpolated) * 27 * 20 + 16 * 12)
    }

    @Test func whatIsNoXMLIsLeftOut() {
        #expect(SVGPage.escape("a<b>&\"c\"\u{1}\n\u{fffe}é") == "a&lt;b&gt;&amp;&quot;c&quot; é")
        #expect(
            SVGPage.n(12.34) == "12.3" && SVGPage.n(-0.04) == "0" && SVGPage.n(-0.3) == "-0.3" && SVGPage.n(.nan) == "0"
        )
    }
}
