import Foundation
import Model
import Report
import TestSupport
import Testing

@Suite struct FoundCellsTests {
    private func record(_ id: String, _ p95: [Double]) -> CampaignRecord {
        var record = CampaignRecord(
            id: id, service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation([.cpu: 0.2]),
            matrix: ResultMatrix(axes: [Axis(.cpu, p95.indices.map { 0.2 + 0.2 * Double($0) })]))
        for (cell, value) in zip(record.matrix.cells, p95) {
            record.matrix[cell.allocation] = Cell(
                cell.allocation, .interpolated([.p95: Estimate(value, lower: value * 0.9, upper: value * 1.1)]))
        }
        return record
    }

    /// On a narrow terminal, what cells are is told before what they have.
    @Test func columnsThatMatterStay() {
        var table = TextTable(
            ["cpu", "p95", "mean", "state", "p99"], [.right, .right, .right, .left, .right], kept: ["state"])
        table.add(["40%", "70.0 ms", "20.0 ms", "interpolated", "90.0 ms"])
        #expect(
            table.text(width: 28)
                == "cpu      p95  state\n40%  70.0 ms  interpolated\n(no room for: mean, p99)")
        #expect(table.text(width: 12).hasPrefix("cpu  state"))
    }

    @Test func whatChangedIsToldByIntervals() throws {
        var (before, after) = (record("a", [0.1, 0.05, 0.02, 0.01]), record("b", [0.2, 0.052, 0.01]))
        before.matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.1)
        let difference = MatrixDifference(before, after, .p95)
        #expect(difference.lines.map(\.change) == [.worse, .same, .better])
        #expect(difference.onlyBefore == 1 && difference.onlyAfter == 0)
        // How both were measured is told where it differs, and not of records that do not say.
        (before.manner, after.manner) = (
            ["experiment": "5 s", "warm-up": "1 s"], ["experiment": "10 s", "warm-up": "1 s"]
        )
        #expect(
            MatrixDifference(before, after, .p95).text(width: nil).hasSuffix("\n  - experiment: 5 s before, 10 s after")
        )
        after.manner = nil
        #expect(!MatrixDifference(before, after, .p95).text(width: nil).contains("experiment"))
        #expect(abs((difference.lines[0].relative ?? 0) - 1) < 0.05)
        let lines = difference.text(width: nil).split(separator: "\n")
        #expect(lines[1].contains("measured") && lines[1].contains("interpolated") && lines[1].hasSuffix("worse"))
        #expect(
            lines.last
                == "p95 from a to b: of 3 cells in both, 1 worse, 1 better, 1 with intervals that overlap, 0 without a figure in one; 1 only before, 0 only after"
        )
        after.matrix[Allocation([.cpu: 0.2])] = Cell(Allocation([.cpu: 0.2]), .invalid(nil, reasons: ["x"]))
        #expect(MatrixDifference(before, after, .p95).lines[0].change == .unknown)
        // More throughput is better.
        #expect(MatrixDifference(before, after, .throughput).count(.unknown) == 3)
        #expect(difference.csv().split(separator: "\n").count == 4)
        let json = try JSONSerialization.jsonObject(with: Data(difference.json().utf8)) as? [String: Any]
        #expect((json?["cells"] as? [[String: Any]])?.map { $0["change"] as? String } == ["worse", "same", "better"])
    }

    @Test func cellsOfSeveralCampaignsStandInOneTable() throws {
        let cells = [record("a", [0.1, 0.05]), record("b", [0.2])].flatMap { record in
            record.matrix.cells.indices.map { FoundCell(record, $0) }
        }
        let found = FoundCells(cells, metric: .p95)
        let lines = found.text(width: nil, near: Allocation([.cpu: 0.4])).split(separator: "\n").map { line in
            line.split(separator: " ").joined(separator: " ")
        }
        #expect(lines.count == 4 && lines[0].hasPrefix("campaign cpu state p95 90 % interval distance mean"))
        #expect(lines[1] == "a 20% interpolated 100 ms [90.0 ms – 110 ms] 0.50")
        let csv = found.csv().split(separator: "\n")
        #expect(csv.count == 4 && csv[3].hasPrefix("b,auction,app,app1,0,0.2,interpolated,"))
        // Of what was measured, what it rests on; the model of its energy has commas.
        var measured = record("a", [0.1])
        measured.matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.1)
        let rows = MatrixData.csv(measured).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let column = { (name: String) in try rows[1][#require(rows[0].firstIndex { $0 == name })] }
        #expect(try column("window") == "20.0" && column("started") == "0.0" && column("predicted") == "")
        // The heading of an export fits its lines.
        let exported = FoundCells.csvLines(record("a", [0.1]))
        let commas = { (text: String) in text.count { $0 == "," } }
        #expect(commas(FoundCells.csvHeading) == commas(exported))
        let json = try JSONSerialization.jsonObject(with: Data(found.json().utf8)) as? [[String: Any]]
        #expect(json?.count == 3 && json?[2]["campaign"] as? String == "b")
        let line = try MatrixData.jsonLine(record("a", [0.1]))
        #expect(!line.contains("\n") && line.contains("\"campaign\":\"a\""))
    }

    @Test(arguments: [10, 24, 40, 60, 80, 200]) func tablesFitTheTerminal(_ width: Int) {
        let text = MatrixText.table(record("a", [0.1, 0.05, 0.02]), width: width)
        let lines = text.split(separator: "\n").map(String.init)
        #expect(lines.dropLast().allSatisfy { $0.count <= width }, "\(text)")
        // What was left out is said.
        #expect(text.contains("(no room for: ") == (width < 90))
        #expect(text.hasPrefix("cpu"))
    }

    @Test func groupsAreShownInUnits() throws {
        let figures = CellGroup.Figures(least: 0.01, mean: 0.02, greatest: 0.05)
        let groups = CellGroups(
            [
                CellGroup(
                    values: [.number(0.4), nil], count: 3, states: ["measured": 1, "blank": 2], figures: [.p95: figures]
                )
            ],
            [.axis(.cpu), .axis(.software)], [.p95])
        let lines = groups.text(width: nil).split(separator: "\n")
        #expect(
            lines[1].split(separator: " ").joined(separator: " ")
                == "40% – 3 10.0 ms 20.0 ms 50.0 ms 1 2")
        #expect(groups.csv().hasSuffix("0.4,,3,1,0,0,0,2,0.01,0.02,0.05"))
        #expect(try groups.json().contains("\"cpu\" : 0.4"))
    }
}
