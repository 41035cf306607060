import Foundation
import Model
import Store
import TestSupport
import Testing

/// A kind of store, and how one is opened: whatever was saved in `folder` before is in it.
struct StoreKind: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let open: @Sendable (_ folder: String) throws -> any CampaignStore

    /// Every store that there is passes what follows.
    static let all = [StoreKind(testDescription: "SQLite") { try MatrixStore($0 + "/m.db") }]
}

/// What any store of campaigns promises.
@Suite struct StoreContract {
    @Test(arguments: StoreKind.all) func whatIsSavedIsReadBackWhole(_ kind: StoreKind) throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder.path)
        var saved = Sample.record("a", started: 1)
        try store.save(saved)
        #expect(try store.campaign("a") == saved)
        saved.state = .done
        saved.finished = Timestamp(nanoseconds: 99)
        saved.answer = Answer(.nothingMeets, reasons: ["x"])
        saved.with = ["db"]
        saved.control = try ControlResult(
            allocation: saved.onLine, measurement: #require(Surface.measurement(p95: 0.1)),
            limits: ControlLimits(), repeated: 2)
        try store.save(saved)
        #expect(try store.campaign("a") == saved)
        #expect(try kind.open(folder.path).campaign("a") == saved)
        #expect(try store.campaign("b") == nil)
    }

    /// Each kind of cell, and numbers and names that a store could lose or take for others.
    @Test(arguments: StoreKind.all) func cellsAreReadBackAsTheyWere(_ kind: StoreKind) throws {
        let folder = try TemporaryFolder()
        let saved = Sample.oddities("odd")
        try kind.open(folder.path).save(saved)
        let found = try #require(try kind.open(folder.path).campaign("odd"))
        #expect(found.matrix.cells.count == saved.matrix.cells.count)
        for (a, b) in zip(found.matrix.cells, saved.matrix.cells) { #expect(a == b) }
        #expect(found == saved)
    }

    @Test(arguments: StoreKind.all) func aMatrixMayGrowChangeAndShrink(_ kind: StoreKind) throws {
        let folder = try TemporaryFolder()
        let (mine, other) = (try kind.open(folder.path), try kind.open(folder.path))
        var random = SeededGenerator(7)
        var record = Sample.record("a", started: 1)
        for round in 0..<40 {
            // Sizes about those at which a store may cut.
            if round % 5 == 0 { record.matrix = Sample.wide([1, 3, 255, 256, 257, 512, 700][round / 5 % 7]) }
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                let index = Int.random(in: 0..<record.matrix.cells.count, using: &random)
                let cell = record.matrix.cells[index]
                record.matrix[cell.allocation] = Sample.cell(cell.allocation, &random)
            }
            // Two that save in turn: neither takes what the other wrote for what it wrote itself.
            try (random.once(in: 3) ? other : mine).save(record)
            #expect(try mine.campaign("a") == record)
            let head = try #require(try other.heads().heads.first)
            #expect(head.cells == record.matrix.cells.count && head.measured == record.matrix.measuredCount)
        }
    }

    @Test(arguments: StoreKind.all) func theLatestIsTheDefault(_ kind: StoreKind) throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder.path)
        #expect(try store.campaign(nil) == nil)
        #expect(try store.heads().heads.isEmpty && store.campaigns().records.isEmpty)
        #expect(try store.head(nil) == nil && store.head("new") == nil)
        try store.save(Sample.record("new", started: 2))
        try store.save(Sample.record("old", started: 1))
        #expect(try store.campaign(nil)?.id == "new")
        #expect(try store.campaigns().records.map(\.id) == ["new", "old"])
        #expect(try store.heads().heads.map(\.record.id) == ["new", "old"])
        #expect(try store.heads().heads == [store.head(nil), store.head("old")])
        #expect(
            try store.heads().heads.allSatisfy { $0.record.matrix.axes.count == 1 && $0.record.matrix.cells.isEmpty })
        #expect(try store.latestDone(service: "auction", tier: "app") == nil)
        var done = Sample.record("old", started: 1)
        done.state = .done
        try store.save(done)
        #expect(try store.latestDone(service: "auction", tier: "app") == done)
        #expect(try store.latestDone(service: "auction", tier: "web") == nil)
        #expect(try store.latest(service: "auction", tier: "app", state: nil)?.id == "new")
        #expect(try store.latest(service: "auction", tier: "app", state: .failed) == nil)
    }

    @Test(arguments: StoreKind.all) func whatIsRemovedIsGoneAndNothingElse(_ kind: StoreKind) throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder.path)
        let records = (0..<4).map { Sample.record("c\($0)", started: Int64($0)) }
        for record in records { try store.save(record) }
        try store.remove(["c1", "c3", "there is none"])
        #expect(try store.campaigns().records == [records[2], records[0]])
        // A name may come again, with another matrix.
        var again = records[1]
        again.matrix = Sample.wide(300)
        try store.save(again)
        #expect(try store.campaign("c1") == again && store.campaign("c0") == records[0])
    }
}

/// Campaigns to save.
enum Sample {
    static func record(_ id: String, started: Int64) -> CampaignRecord {
        var record = CampaignRecord(
            id: id, service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: "lab",
            started: Timestamp(nanoseconds: started), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])]))
        record.matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.1)
        record.matrix[Allocation([.cpu: 0.4])] = Cell(
            Allocation([.cpu: 0.4]), .interpolated([.p95: Estimate(0.08, lower: 0.04, upper: 0.12)]))
        return record
    }

    /// So many blank cells.
    static func wide(_ count: Int) -> ResultMatrix {
        ResultMatrix(axes: [Axis(.memory, (1...count).map { Double($0) * 1_048_576 })])
    }

    /// Whatever a cell may be.
    static func cell(_ allocation: Allocation, _ random: inout SeededGenerator) -> Cell {
        let p95 = Double.random(in: 0.001...0.2, using: &random)
        let estimate = Estimate(p95, lower: p95 * 0.8, upper: p95 * 1.3)
        guard var measurement = Surface.measurement(p95: p95) else { return Cell(allocation) }
        (measurement.requests.sent, measurement.requests.failed) = (400, Int.random(in: 0...8, using: &random))
        measurement.comparison = ComparisonAccount()
        measurement.comparison?.same = 390
        measurement.comparison?.differing = Int.random(in: 0...2, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return Cell(allocation)
        case 1: return Cell(allocation, .interpolated([.p95: estimate]))
        case 2:
            return Cell(
                allocation,
                .interpolated(Dictionary(Metric.allCases.map { ($0, estimate) }, uniquingKeysWith: { a, _ in a })))
        case 3: return Cell(allocation, .measured(measurement))
        case 4:
            return Cell(
                allocation, .measured(measurement),
                check: Check(metric: .p95, predicted: estimate, measured: p95, threshold: 0.1))
        default:
            return Cell(
                allocation, .invalid(Bool.random(using: &random) ? measurement : nil, reasons: ["5 % lost, \"é\""]))
        }
    }

    static func oddities(_ id: String) -> CampaignRecord {
        var record = record(id, started: 5)
        record.service = "O'Brien; DROP TABLE cell -- \u{1F600}"
        let axes = [
            Axis(.diskRead, [.number(1_048_576.5), .unlimited]),
            Axis(.processors, [.name("0"), .name("007"), .name("0-1,3")]),
            Axis(.software, [.asIs, .name("1e3"), .name("NULL")]),
        ]
        var matrix = ResultMatrix(axes: axes)
        let estimates: [Estimate] = [
            Estimate(0.1, lower: 0.1, upper: 0.1), Estimate(0, lower: -0.0, upper: 0), Estimate(5, lower: 4, upper: 6),
            Estimate(.leastNonzeroMagnitude, lower: 0, upper: .greatestFiniteMagnitude),
            Estimate(1, lower: 0, upper: .infinity), Estimate(0.1 + 0.2, lower: 1.0 / 3, upper: 2.0 / 3),
            Estimate(1e-300, lower: -1e300, upper: 1e300), Estimate(9_007_199_254_740_992, lower: 0, upper: 1e18),
        ]
        var random = SeededGenerator(3)
        for (number, cell) in matrix.cells.enumerated() {
            matrix[cell.allocation] =
                number < estimates.count
                ? Cell(cell.allocation, .interpolated([.p95: estimates[number], .energy: estimates[number]]))
                : self.cell(cell.allocation, &random)
        }
        // A prediction beside what was not measured, and estimates of nothing.
        let last = matrix.cells.suffix(2).map(\.allocation)
        matrix[last[0]] = Cell(last[0], .interpolated([:]))
        matrix[last[1]] = Cell(
            last[1], .blank, check: Check(metric: .mean, predicted: estimates[0], measured: .infinity, threshold: 0.1))
        record.matrix = matrix
        return record
    }
}
