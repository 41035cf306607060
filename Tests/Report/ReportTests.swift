import Foundation
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

    /// Of other software, times alone say nothing of whether it still does what it did.
    @Test func failuresStandBesideTimes() throws {
        let heading = { (record: CampaignRecord) in
            MatrixText.table(record).prefix { $0 != "\n" }.split(separator: " ").joined(separator: " ")
        }
        var campaign = record()
        #expect(!heading(campaign).contains("errors"))
        let cell = try #require(campaign.matrix.cells.first { $0.measurement != nil })
        guard case .measured(var measurement) = cell.content else { return }
        (measurement.requests.sent, measurement.requests.failed) = (800, 4)
        campaign.matrix[cell.allocation] = Cell(cell.allocation, .measured(measurement))
        #expect(heading(campaign).contains("energy errors requests"))
        #expect(MatrixText.table(campaign).contains(" 0.5% "))
        campaign.matrix = ResultMatrix(axes: [Axis(.software, [.name("as-is"), .name("next")])])
        #expect(heading(campaign).contains("energy errors differing requests"))
    }

    /// Why a cell is not to be used, and where energy comes from, is told in every format.
    @Test func reasonsAndSourcesAreTold() throws {
        var campaign = record()
        #expect(
            MatrixData.csv(campaign).split(separator: "\n").map { $0.hasSuffix(",3 requests lost") } == [
                false, false, false, false, true,
            ])
        #expect(FoundCells.csvLines(campaign).contains("3 requests lost"))
        #expect(!MatrixText.answer(campaign).contains("energy"))
        let model = "linear: 10.0 W for each busy core, idle power not counted"
        for (place, model) in [(0.2, model), (0.6, model)] {
            let allocation = Allocation([.cpu: .number(place)])
            guard case .measured(var measurement) = campaign.matrix[allocation]?.content else { continue }
            measurement.energy = EnergyEstimate(joulesPerRequest: 0.02, model: model)
            (measurement.cpuUsed, measurement.cpuHalf) = (0.3, 0.03)
            campaign.matrix[allocation] = Cell(allocation, .measured(measurement))
        }
        #expect(MatrixText.answer(campaign).hasSuffix("  - energy: \(model)"))
        let energy = try #require(campaign.matrix.cells[0].estimate(.energy))
        #expect(energy.value == 0.02 && abs(energy.lower - 0.018) < 1e-9 && abs(energy.upper - 0.022) < 1e-9)
        campaign.trace = "minute.wtrace (1200 exchanges)"
        let json = try MatrixData.json(campaign)
        for words in [
            "\"energyModel\" : \"\(model)\"", "\"trace\" : \"minute.wtrace", "\"node\" : \"lab\"", "\"started\" : 0",
        ] {
            #expect(json.contains(words), "\(words)")
        }
    }

    @Test func statesAreToldApartInText() {
        let lines = MatrixText.table(record()).split(separator: "\n").map(String.init)
        #expect(lines.count == 5)
        #expect(lines[1].contains("measured") && lines[1].contains("on-line, violates"))
        #expect(lines[2].contains("interpolated") && lines[2].contains("[40.0 ms – 120 ms]"))
        #expect(lines[3].contains("measured") && lines[3].hasSuffix("cheapest"))
        #expect(lines[4].contains("invalid") && lines[4].hasSuffix("3 requests lost"))
    }

    /// Measured and interpolated figures have intervals of different confidence.
    @Test func theHeadingIsTrueOfEveryInterval() {
        let (record, cells) = (record(), record().matrix.cells)
        for (cells, heading) in [
            (cells, "95 % (interpolated 90 %)"), ([cells[0], cells[3]], "95 % interval"), ([cells[1]], "90 % interval"),
        ] {
            let line = MatrixText.table(record, cells: cells).prefix { $0 != "\n" }
            #expect(line.contains("p95  \(heading)"), "\(line)")
        }
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
        #expect(try SVGFigure(Figure(joined)).text.contains("app1 with db, cache"))
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

    /// Memory by software: two numbers, two names.
    private func several() -> CampaignRecord {
        var record = record()
        let (memory, software): ([Double], [String]) = ([134_217_728, 268_435_456], ["tuned", "as-is"])
        record.matrix = ResultMatrix(axes: [Axis(.memory, memory), Axis(.software, software.map { .name($0) })])
        for (number, cell) in record.matrix.cells.enumerated() where number != 2 {
            let content = Surface.cell(0, p95: 0.1 - 0.02 * Double(number)).content
            record.matrix[cell.allocation] = Cell(cell.allocation, content)
        }
        record.onLine = Allocation([.memory: .number(268_435_456), .software: .asIs])
        record.answer = Answer(.cheapest(record.onLine), reasons: [])
        return record
    }

    @Test func severalAxesAreShown() throws {
        let lines = MatrixText.table(several()).split(separator: "\n").map(String.init)
        #expect(lines[0].hasPrefix(" memory  software  state"))
        #expect(lines[1].hasPrefix("128 MiB  tuned     measured") && lines[1].hasSuffix("violates"))
        #expect(lines[3].hasPrefix("256 MiB  tuned     blank"))
        #expect(lines[4].hasPrefix("256 MiB  as-is     measured") && lines[4].contains("on-line, cheapest"))
        #expect(MatrixText.answer(several()).contains("is memory 256 MiB, software as-is, which it has."))

        let csv = MatrixData.csv(several()).split(separator: "\n")
        #expect(csv[0].hasPrefix("memory,software,state,") && csv[1].hasPrefix("134217728.0,tuned,measured,"))
        let json = try JSONSerialization.jsonObject(with: Data(MatrixData.json(several()).utf8)) as? [String: Any]
        let answer = try #require(json?["answer"] as? [String: Any])
        #expect(answer["memory"] as? Double == 268_435_456 && answer["software"] as? String == "as-is")
        #expect(json?["clone"] as? String == "disk")
    }

    /// A field that holds commas is one field.
    @Test func fieldsOfCSVAreQuoted() {
        #expect(MatrixData.csv([["a", "0-1,3"], ["say \"b\"", ""]]) == "a,\"0-1,3\"\n\"say \"\"b\"\"\",")
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

    /// What a cell's figures were before they were corrected, and what its interval holds of other windows, is there to be read.
    @Test func correctionsAreTold() throws {
        var record = record()
        let place = try #require(record.matrix.cells.firstIndex { $0.measurement != nil })
        let cell = record.matrix.cells[place]
        var measurement = try #require(cell.measurement)
        var control = ControlResult(allocation: cell.allocation, measurement: measurement, limits: ControlLimits())
        control.measurement.onLine = measurement.clone
        measurement.correction = Correction([control], at: measurement.started, drift: [.p95: 0.125, .mean: 0])
        record.matrix[cell.allocation] = Cell(cell.allocation, .measured(measurement))
        let json = try JSONSerialization.jsonObject(with: Data(MatrixData.json(record).utf8)) as? [String: Any]
        let cells = try #require(json?["cells"] as? [[String: Any]])
        #expect(cells[place]["drift"] as? [String: Double] == ["p95": 0.125])
        let uncorrected = try #require(cells[place]["uncorrected"] as? [String: [String: Double]])
        let metrics = try #require(cells[place]["metrics"] as? [String: [String: Double]])
        #expect(abs(try #require(uncorrected["p95"]?["upper"]) - measurement.clone.p95.upper) < 1e-12)
        #expect(try #require(metrics["p95"]?["upper"]) > measurement.clone.p95.upper)
        let other = cells[(place + 1) % cells.count]
        #expect(other["drift"] == nil && other["uncorrected"] == nil)
    }

    /// Whatever went wrong in a replay stands in its text and in its object, each count by itself.
    @Test func aReplaysFaultsAreTold() throws {
        var account = RequestAccount()
        (account.captured, account.sent, account.answered, account.failed) = (100, 90, 70, 12)
        (account.lost, account.unanswered, account.mismatched, account.dropped) = (1, 8, 2, 10)
        (account.moved, account.waited, account.late) = (3, 4, 5)
        account.unseen = Unseen(dropped: 6, gaps: 7, missingBytes: 1460)
        let report = { (account: RequestAccount, cutOff: Int, malformed: Int, unsolicited: Int) in
            ReplayReport(
                start: Timestamp(nanoseconds: 0), seconds: 10, protocolName: .http, target: "10.0.0.7:80",
                requests: account, comparison: ComparisonAccount(), cutOff: cutOff, malformed: malformed,
                unsolicited: unsolicited, responseTimes: LatencyHistogram(), recorded: LatencyHistogram(),
                delays: LatencyHistogram())
        }
        let told = report(account, 9, 11, 13)
        for line in [
            "100 requests due in 10.0 s, 90 sent to 10.0.0.7:80, 70 answered (7.00/s)",
            "2 answered with another status than recorded", "9 cut off", "11 answered with what is not http",
            "8 without a reply", "10 dropped as the target did not take them", "1 lost when they were recorded",
            "6 packets that the kernel dropped before they were seen",
            "7 gaps in what was seen of the connections (1460 bytes)",
            "3 moved to a further connection, as the reply before them was still out",
            "4 waited for the reply before them", "5 left more than 20 ms late", "13 unasked answers",
        ] {
            #expect(told.text().split(separator: "\n").contains { $0 == line }, "\(line) in\n\(told.text())")
        }
        // What the recording missed is no fault of the target.
        #expect(told.differingShare == 0.4)
        let object = try JSONSerialization.jsonObject(with: Data(MatrixData.encode(told).utf8)) as? [String: Any]
        let requests = try #require(object?["requests"] as? [String: Any])
        #expect(requests["lost"] as? Int == 1 && requests["dropped"] as? Int == 10)
        #expect((requests["unseen"] as? [String: Int])?["dropped"] == 6)
        #expect(object?["cutOff"] as? Int == 9 && object?["unsolicited"] as? Int == 13)

        var fine = RequestAccount()
        (fine.captured, fine.sent, fine.answered) = (5, 5, 5)
        #expect(report(fine, 0, 0, 0).text().contains("\nall answered as recorded\n"))
    }

    @Test func tablesAreAligned() {
        var table = TextTable(["a", "bb"], [.right, .left])
        table.add(["100", "x"])
        #expect(table.text == "  a  bb\n100  x")
    }
}
