import Model
import Testing

@testable import Report

@Suite struct FigureTests {
    private static func chart(_ record: CampaignRecord, _ request: PlotRequest = PlotRequest()) throws -> Chart {
        guard case .chart(let chart) = try Figure(record, request).body else {
            throw PlotError.unfit("a chart was expected")
        }
        return chart
    }

    private static func map(_ record: CampaignRecord, _ request: PlotRequest = PlotRequest()) throws -> HeatMap {
        guard case .heat(let map) = try Figure(record, request).body else {
            throw PlotError.unfit("a heat map was expected")
        }
        return map
    }

    @Test func theAxesSayWhichKind() throws {
        for record in [PlotRecords.heat, PlotRecords.panels, PlotRecords.named, PlotRecords.many] {
            _ = try Self.map(record)
        }
        for record in [PlotRecords.slice, PlotRecords.curves, PlotRecords.oneName, PlotRecords.single] {
            _ = try Self.chart(record)
        }
        // What is left of the matrix counts, and not what it was.
        let row = PlotRecords.heat.matrix.cells.filter { $0.allocation[.cpu] == .number(0.4) }
        guard case .chart(let chart) = try Figure(PlotRecords.heat, cells: row).body else {
            Issue.record("a row is a slice")
            return
        }
        #expect(chart.x.title == "memory (MiB)" && chart.panels.count == 1)
    }

    /// Each cell of a heat map is one tile, in its row, its column and its panel, and of its state.
    @Test func tilesAreTheCells() throws {
        let record = PlotRecords.panels
        let map = try Self.map(record)
        #expect(map.panels.count == 6 && map.columns == 6 && map.rows == 6)
        #expect(map.panels.first?.title == "software as-is, node small")
        #expect(map.panels.flatMap(\.tiles).count == record.matrix.cells.count)
        for panel in map.panels {
            #expect(Set(panel.tiles.map { $0.row * 6 + $0.column }).count == 36)
            for tile in panel.tiles {
                let cell = tile.mark.cell
                #expect(cell == record.matrix[cell.allocation] && tile.mark.state.rawValue == cell.state)
                #expect(cell.allocation[.cpu] == .number(PlotRecords.cpu[tile.column]))
                #expect(cell.allocation[.memory] == .number(PlotRecords.memory[tile.row]))
                #expect((tile.share == nil) == (cell.estimate(.p95) == nil))
            }
        }
        let turned = try Self.map(record, PlotRequest(.heat, x: "software", y: "cpu"))
        #expect(turned.columns == 3 && turned.rows == 6 && turned.panels.count == 12)
    }

    @Test func aSliceHasACurveForEachValue() throws {
        let chart = try Self.chart(PlotRecords.curves)
        let curves = try #require(chart.panels.first?.curves)
        #expect(curves.map(\.name) == ["as-is", "tuned", "newer"] && chart.panels.count == 1)
        #expect(curves.reduce(0) { $0 + $1.points.count + $1.gaps.count } == 18)
        #expect(chart.onLine?.value == 300 * PlotRecords.mebibyte && chart.x.scale?.isLogarithmic == true)
        #expect(chart.yLimit?.value == 0.05)
        // Names have nothing between them.
        #expect(try Self.chart(PlotRecords.oneName).panels[0].curves.allSatisfy { $0.role == .dots })
        let other = try Self.chart(PlotRecords.heat, PlotRequest(.slice, metric: "mean", x: "cpu", y: "memory"))
        #expect(other.panels[0].curves.count == 6 && other.yLimit == nil && other.y.title == "mean response time (ms)")
        #expect(try Self.chart(PlotRecords.heat, PlotRequest(.slice, y: "p99")).y.title == "p99 response time (ms)")
    }

    @Test func scalesAreChosenOrTaken() throws {
        #expect(try Self.map(PlotRecords.decades).colours.scale?.isLogarithmic == true)
        #expect(try Self.map(PlotRecords.alike).colours.scale?.isLogarithmic == false)
        var request = PlotRequest(.slice)
        #expect(try Self.chart(PlotRecords.slice, request).x.scale?.isLogarithmic == false)
        (request.xScale, request.yScale) = (.log, .log)
        let chart = try Self.chart(PlotRecords.slice, request)
        #expect(chart.x.scale?.isLogarithmic == true && chart.y.scale?.isLogarithmic == true)
        request.yScale = .linear
        #expect(try Self.chart(PlotRecords.decades, request).y.scale?.lower == 0)
    }

    /// Against the definition: no other measured cell is as good in both and better in one.
    @Test(arguments: [(PlotRecords.heat, "cpu"), (PlotRecords.heat, "cost"), (PlotRecords.panels, "throughput")])
    func theFrontIsWhatNothingDominates(_ record: CampaignRecord, _ x: String) throws {
        let chart = try Self.chart(record, PlotRequest(.pareto, x: x))
        let front = try #require(chart.panels[0].curves.first { $0.role == .front })
        let sign = x == "throughput" ? -1.0 : 1
        let measured = record.matrix.cells.enumerated().filter { $0.element.measurement != nil }.map { index, cell in
            let across =
                x == "cost"
                ? Double(index + 1) : x == "cpu" ? cell.allocation[.cpu]?.number : cell.estimate(.throughput)?.value
            return (cell, (across ?? .nan) * sign, cell.estimate(.p95)?.value ?? .nan)
        }
        let best = measured.filter { a in
            !measured.contains { b in b.1 <= a.1 && b.2 <= a.2 && (b.1 < a.1 || b.2 < a.2) }
        }
        let places = { (points: [(Double, Double)]) in Set(points.map { "\($0.0) \($0.1)" }) }
        #expect(places(front.points.map { ($0.x * sign, $0.y.value) }) == places(best.map { ($0.1, $0.2) }))
        #expect(front.points.map { $0.x * sign } == front.points.map { $0.x * sign }.sorted())
        let drawn = chart.panels[0].curves.filter { $0.role != .hoped }.reduce(0) { $0 + $1.points.count }
        let hoped = chart.panels[0].curves.filter { $0.role == .hoped }.flatMap(\.points)
            .count { $0.mark.state == .interpolated }
        let all = record.matrix.cells.count { cell in
            cell.estimate(.p95) != nil && (x != "throughput" || cell.estimate(.throughput) != nil)
        }
        #expect(drawn + hoped == all)
    }

    @Test(arguments: [
        (PlotRecords.slice, PlotRequest(.heat), "only cpu has more than one here; --kind slice would work"),
        (PlotRecords.single, PlotRequest(.heat), "there is one cell; --kind slice would work"),
        (PlotRecords.heat, PlotRequest(.heat, x: "cpu", y: "cpu"), "are the same axis"),
        (PlotRecords.heat, PlotRequest(.heat, x: "cpuu"), "--x: found 'cpuu', expected one of cpu, memory"),
        (PlotRecords.slice, PlotRequest(metric: "p96"), "--metric: found 'p96', expected one of throughput, mean"),
        (PlotRecords.slice, PlotRequest(.slice, y: "memori"), "--y: found 'memori', expected one of cpu, throughput"),
        (PlotRecords.slice, PlotRequest(.slice, metric: "p50", y: "p95"), "are two metrics"),
        (PlotRecords.named, PlotRequest(.pareto, x: "node"), "the values of node are names"),
        (PlotRecords.heat, PlotRequest(.pareto, x: "p95"), "--x and --y are both p95"),
        (PlotRecords.blank, PlotRequest(), "has no p95 to draw: 36 blank; 'whatif matrix show' tells why"),
        (PlotRecords.slice, PlotRequest(metric: "energy"), "has no energy to draw"),
        (PlotRecords.slice, PlotRequest(metric: "energy"), "there is throughput, mean, p50, p95, p99, cpu-used"),
        (PlotRecords.many, PlotRequest(.slice, x: "cpu", y: "variant"), "30 curves, one for each value of variant"),
    ])
    func whatCannotBeDrawnSaysWhatCould(_ record: CampaignRecord, _ request: PlotRequest, _ words: String) throws {
        let error = try #require(throws: PlotError.self) { try Figure(record, request) }
        #expect(error.description.contains(words), "\(error)")
    }

    /// With prices the cost is theirs, and a budget is drawn; without any, it is the order of the axes.
    @Test func costsAreThoseOfTheCampaign() throws {
        var record = PlotRecords.heat
        record.search = SearchSpecification()
        #expect(try Self.chart(record, PlotRequest(.pareto)).x.title == "CPU quota (% of one core)")
        record.search?.prices.byResource = [.cpu: .each(2), .memory: .each(1)]
        record.search?.budget = 1.7
        record.answer = Answer(.best(record.onLine), reasons: [])
        let chart = try Self.chart(record, PlotRequest(.pareto))
        #expect(chart.x.title == "cost" && chart.xLimit?.value == 1.7 && chart.xLimit?.label == "budget 1.70")
        for point in chart.panels[0].curves.flatMap(\.points) {
            #expect(point.x == record.search?.prices.cost(of: point.mark.cell.allocation))
            #expect(point.mark.isAnswer == (point.mark.cell.allocation == record.onLine))
        }
    }

    /// What was measured in search of the answer is no check; what is forbidden is no tile.
    @Test func whatASearchLeavesBehindIsShown() throws {
        var record = PlotRecords.heat
        let checked = try #require(record.matrix.cells.first { $0.state == "checked" })
        var searched = checked
        searched.check?.isBySearch = true
        record.matrix[checked.allocation] = searched
        let tile = try Self.map(record).panels[0].tiles.first { $0.mark.cell == searched }
        #expect(tile?.mark.state == .measured)

        let allowed = record.matrix.cells.filter {
            $0.allocation[.cpu] != .number(0.2) || $0.allocation[.memory]?.number ?? 0 > 1e9
        }
        guard case .heat(let map) = try Figure(record, cells: allowed).body else {
            Issue.record("two axes are a heat map")
            return
        }
        #expect(map.panels[0].tiles.count == allowed.count && map.columns == 6 && map.rows == 6)
    }

    @Test func tooManyPanelsAreRefused() throws {
        let axes = [
            Axis(.cpu, [0.2, 0.4]), Axis(.memory, PlotRecords.memory), Axis(.variant, (0..<40).map { .name("v\($0)") }),
        ]
        let record = PlotRecords.campaign(axes, content: PlotRecords.mixed)
        let error = try #require(throws: PlotError.self) { try Figure(record) }
        #expect(error.description.contains("40 combinations of variant") && error.description.contains("--where"))
    }

    @Test func aHeatMapHasNoScaleAcross() throws {
        var request = PlotRequest(.heat)
        request.xScale = .log
        let error = try #require(throws: PlotError.self) { try Figure(PlotRecords.heat, request) }
        #expect(error.description.contains("--x-scale") && error.description.contains("--kind slice"))
    }

    @Test func aLogarithmOfNothingIsRefused() throws {
        var record = PlotRecords.slice
        let cell = record.matrix.cells[0]
        record.matrix[cell.allocation] = Cell(cell.allocation, .interpolated([.p95: Estimate(0, lower: 0, upper: 1)]))
        var request = PlotRequest(.slice)
        request.yScale = .log
        let error = try #require(throws: PlotError.self) { try Figure(record, request) }
        #expect(error.description.contains("--y-scale log: p95 0.00 ms has no logarithm"))
    }

    /// What is told to those who do not see the figure.
    @Test func theDescriptionCounts() throws {
        let text = try Figure(PlotRecords.invalid).description
        #expect(text.contains("Slice of 6 cells: 1 measured, 5 invalid.") && text.contains("100 ms at cpu 20%"))
    }
}
