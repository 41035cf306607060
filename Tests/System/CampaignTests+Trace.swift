import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
    /// A recorded minute instead of the live one: every cell measures the same requests, and so does the control, which
    /// stands before and behind them, and so does who repeats the campaign.
    @Test func everyCellIsAskedTheSame() throws {
        let trace = Whatif.state + "/minute.wtrace"
        let capture = try Whatif.run(
            "capture", try Self.serviceFile(), "--output", trace, "--for", "9 s", "--force")
        #expect(capture.status == 0, "\(capture.errors)")
        let file = try Self.serviceFile(
            [
                ("cpu: [28%, 60%, 80%, 100%]", "cpu: [28%, 60%]"), ("tier: app", "tier: app\n  trace: minute.wtrace"),
                (", closing: false", ""), ("experiment: 5 s", "experiment: { from: 2 s, to: 5 s, until: 0.1% }"),
            ], named: "recorded.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let result = try Whatif.run("run", file)
        #expect([0, 3].contains(result.status), "\(result.errors)")
        #expect(try LabHost.production() == production)
        #expect(try LabHost.inventory() == inventory)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.trace?.hasPrefix("minute.wtrace, ") == true)
        #expect(record.controls.count == 2 && record.openCells == 0)
        let cell = try #require(record.matrix[Allocation([.cpu: 0.6])]?.measurement)
        #expect(cell.correction?.deviations[.p50] != nil)
        let measurements = record.controls.map(\.measurement) + [cell]
        for measurement in measurements {
            #expect(measurement.requests.captured == measurement.requests.sent)
            #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
            #expect(measurement.answers.unmatched == 0 && measurement.answers.total > 20)
            // As long as it may take: it is never known that well.
            #expect((4.9..<8).contains(measurement.window + (measurement.settling ?? 0)))
        }
        // But for a few at the end, which is when it is looked, and for what was left out as too slow.
        let counts = measurements.filter { $0.settling == nil }.map(\.requests.captured)
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 8, "\(counts)")
        let again = try Whatif.run("run", file, "--repeat")
        #expect([0, 3].contains(again.status), "\(again.errors)")
        let second = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(second.id != record.id && second.trace == record.trace)
        #expect(again.output.contains(record.id), "what it repeats is shown beside it")
        let repeated = try #require(second.matrix[Allocation([.cpu: 0.6])]?.measurement)
        if repeated.settling == nil, cell.settling == nil {
            #expect(abs(repeated.requests.captured - cell.requests.captured) <= 8)
        }
        // What it measured is not what live requests would have been.
        let other = try Whatif.run("run", try Self.serviceFile(), "--campaign", record.id)
        #expect(
            other.status == 2 && other.errors.contains("it played other requests (minute.wtrace"), "\(other.errors)")
    }
}
