import Foundation
import FoundationXML
import Model
import Report
import TestSupport
import Testing

@Suite struct ReportTests {
    private func record() -> CampaignRecord {
        var record = CampaignRecord(
            id: "20261121-083000-a1b2", service: "auction <&>", tier: "app", domain: "app1", connect: "lxc:///system",
            node: "lab", started: Timestamp(nanoseconds: 0),
            sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation([.cpu: 0.2]),
            matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6, 0.8])]))
        record.matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.120)
        record.matrix[Allocation([.cpu: 0.4])] = Cell(
            Allocation([.cpu: 0.4]), .interpolated([.p95: Estimate(0.08, lower: 0.04, upper: 0.12)]))
        record.matrix[Allocation([.cpu: 0.6])] = Surface.cell(0.6, p95: 0.040)
        record.matrix[Allocation([.cpu: 0.8])] = Cell(
            Allocation([.cpu: 0.8]), .invalid(nil, reasons: ["3 requests lost"]))
        record.answer = Answer(.cheapest(Allocation([.cpu: 0.6])), reasons: ["because"])
        return record
    }

    @Test func statesAreToldApartInText() {
        let lines = MatrixText.table(record()).split(separator: "\n").map(String.init)
        #expect(lines.count == 5)
        #expect(lines[1].contains("measured") && lines[1].contains("on-line, violates"))
        #expect(lines[2].contains("interpolated") && lines[2].contains("[40.0 ms – 120 ms]"))
        #expect(lines[3].contains("measured") && lines[3].hasSuffix("cheapest"))
        #expect(lines[4].contains("invalid") && lines[4].hasSuffix("3 requests lost"))
    }

    @Test func theAnswerIsASentence() {
        #expect(
            MatrixText.answer(record()).hasPrefix(
                "The cheapest allocation of app1 that meets p95 < 50.0 ms is cpu 60% (on-line now: cpu 20%)."))
    }

    /// Tiers that were cloned along are said; a record from before there were any is read.
    @Test func whatWasClonedAlongIsSaid() throws {
        var joined = record()
        joined.with = ["db", "cache"]
        #expect(MatrixText.answer(joined).contains("\n  - cloned along and joined with it: db, cache\n"))
        #expect(SVGPlot(joined)?.text.contains("app1 with db, cache") == true)
        let with = { (record: CampaignRecord) in
            let document = try JSONSerialization.jsonObject(with: Data(try MatrixData.json(record).utf8))
            return (document as? [String: Any])?["with"] as? [String]
        }
        #expect(try with(joined) == ["db", "cache"])
        #expect(try with(record()) == nil)
        let stored = try JSONEncoder().encode(record())
        #expect(!String(decoding: stored, as: UTF8.self).contains("\"with\""))
        #expect(try JSONDecoder().decode(CampaignRecord.self, from: stored).with == nil)
        #expect(try JSONDecoder().decode(CampaignRecord.self, from: JSONEncoder().encode(joined)).with == joined.with)
    }

    @Test(arguments: [
        ("p95 < 50ms", nil, [0.6]), ("p95 >= 0.1 s", nil, [0.2]), ("cpu >= 40% and p95 < 1 s", "-cpu", [0.6, 0.4]),
        ("", "p95", [0.6, 0.4, 0.2, 0.8]), ("cpu = 60%", nil, [0.6]), ("cpu != 60%", "cpu", [0.2, 0.4, 0.8]),
    ])
    func queriesSelectAndOrder(_ condition: String, _ order: String?, _ expected: [Double]) throws {
        let cells = try MatrixQuery(where: condition, order: order).select(from: record().matrix)
        #expect(cells.compactMap { $0.allocation[.cpu] } == expected)
    }

    @Test(arguments: [
        ("p96 < 50ms", "unknown name 'p96'"), ("p95 < 50", "expected a duration"), ("p95 50ms", "is no condition"),
        ("p95 < 1s and", "is no condition"), ("cpu < 0.5", "expected a percentage"), ("< 5", "unknown name ''"),
    ])
    func wrongQueriesSayWhere(_ condition: String, _ words: String) throws {
        let error = try #require(throws: QueryError.self) { try MatrixQuery(where: condition) }
        #expect(error.description.contains(words))
    }

    /// libxml2 is the judge of the SVG, and the figures of what it shows.
    @Test func thePlotIsWellFormedAndShowsEveryCell() throws {
        let plot = try #require(SVGPlot(record()))
        let document = try XMLDocument(xmlString: plot.text)
        let circles = try document.nodes(forXPath: "//*[local-name()='circle']")
        // Three cells with a figure, the ring of the answer, three circles of the legend.
        #expect(circles.count == 7)
        for name in ["x", "y", "cx", "cy", "x1", "x2", "y1", "y2"] {
            for node in try document.nodes(forXPath: "//@\(name)") {
                let value = try #require(Double(node.stringValue ?? ""))
                #expect(value >= 0 && value <= 760)
            }
        }
        #expect(plot.text.contains("auction &lt;&amp;&gt;"))
    }

    @Test func anEmptyMatrixHasNoPlot() {
        var empty = record()
        empty.matrix = ResultMatrix(axes: empty.matrix.axes)
        #expect(SVGPlot(empty) == nil)
    }

    @Test func jsonAndCSVCarryTheSameFigures() throws {
        let json = try JSONSerialization.jsonObject(with: Data(MatrixData.json(record()).utf8)) as? [String: Any]
        let cells = try #require(json?["cells"] as? [[String: Any]])
        #expect(cells.count == 4)
        #expect(json?["verdict"] as? String == "cheapest")
        let csv = MatrixData.csv(record()).split(separator: "\n")
        #expect(csv.count == 5)
        let column = try #require(csv[0].split(separator: ",").firstIndex(of: "p95"))
        let metrics = try #require(cells[1]["metrics"] as? [String: [String: Double]])
        let fields = csv[2].split(separator: ",", omittingEmptySubsequences: false)
        #expect(Double(fields[column]) == metrics["p95"]?["value"])
    }

    @Test func tablesAreAligned() {
        var table = TextTable(["a", "bb"], [.right, .left])
        table.add(["100", "x"])
        #expect(table.text == "  a  bb\n100  x")
    }
}
