import Foundation
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
    /// A clone that becomes slow with time: the control on it is out of line, one on a fresh clone is not, and what was
    /// measured on it is measured again.
    @Test func clonesThatWearOutAreNotUsedAgain() throws {
        let spin = "(sleep 16; while :; do :; done) > /dev/null 2>&1 &"
        let file = try Self.serviceFile(
            [
                ("calls: [db] }", "calls: [db], prepare: \"\(spin) \(spin) true\" }"),
                ("[28%, 60%, 80%, 100%]", "[28%, 60%, 80%]"), ("p95: 60 ms", "p95: 100 s"),
                (
                    "mean: 10000%, throughput: 100%, load: 1000%, closing: false",
                    "mean: 200%, throughput: 100%, load: 1000%"
                ),
            ], named: "worn.yaml")
        let inventory = try LabHost.inventory()
        let result = try Whatif.run("run", file)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try LabHost.inventory() == inventory)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.isFresh == true, "\(result.errors)")
        #expect(result.output.contains("clones that served several experiments were out of line"))
        #expect(record.matrix.cells.map { $0.measurement?.served ?? 0 } == [0, 0, 0])
        #expect(record.matrix.measuredCount == 3)
    }

    /// Half as many sessions again, and those whose weight says so once more: twice the requests reach the clone, more than
    /// either alone makes, and each has its on-line original to be compared with.
    @Test func moreAndOtherLoad() throws {
        let file = try Self.serviceFile(
            [
                ("p95: 60 ms", "p95: 100 s"),
                ("cpu: [28%, 60%, 80%, 100%]", "cpu: [60%, 100%], load: [150%], mix: [more]"),
                ("find: exhaustive", "find: cheapest"),
                // What need not be known well is sooner done.
                ("experiment: 5 s", "experiment: { from: 4 s, to: 60 s, until: 10000% }"),
                ("campaign:", "mixes: { more: { \"GET *\": 1.4, \"POST *\": 1.4 } }\ncampaign:"),
            ], named: "load.yaml")
        let result = try Whatif.run("run", file)
        #expect(result.status == 0, "\(result.errors)")
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        let allocation = Allocation([.cpu: .number(0.6), .load: .number(1.5), .mix: .name("more")])
        #expect(record.answer?.verdict == .cheapest(allocation))
        let measurement = try #require(record.matrix[allocation]?.measurement)
        #expect(measurement.window >= 4 && measurement.window < 30)
        #expect(Double(measurement.clone.count) > 1.8 * Double(measurement.onLine.count))
        #expect(measurement.requests.captured == measurement.requests.sent)
        #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
        let control = try #require(record.control)
        #expect(control.allocation == Allocation([.cpu: .number(0.28), .load: .number(1), .mix: .name("as-is")]))
        // What users do is nothing to apply.
        let dry = try Whatif.run("apply", file, "--dry-run")
        #expect(dry.status == 0 && dry.errors.contains("cpu 28% → 60%"))
        #expect(!dry.errors.contains("load") && !dry.errors.contains("mix"))
    }

    /// Two clones under the same live requests, with different allocations; what the one says may make the other
    /// needless, which then leaves nothing either.
    @Test func severalSandboxesAtOnce() throws {
        let file = try Self.serviceFile(
            [
                ("p95: 60 ms", "p95: 100 s"), ("[28%, 60%, 80%, 100%]", "[33%, 60%, 80%]"),
                ("find: exhaustive", "sandboxes: 2"),
            ], named: "several.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let run = try Whatif.start(["run", file], log: "run.log")
        let journal = try Journal(Whatif.state + "/journal.db")
        var most = 0
        var status: Int32?
        while status == nil {
            status = run.poll()
            most = max(most, try journal.entries().filter { $0.kind == .domain }.count)
            usleep(20_000)
        }
        #expect(status == 0, "\(Whatif.log("run.log"))")
        #expect(most == 2)
        #expect(try LabHost.production() == production)
        #expect(try LabHost.inventory() == inventory)
        #expect(try journal.entries().isEmpty)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.answer?.verdict == .cheapest(Allocation([.cpu: 0.33])))
        for measurement in record.matrix.cells.compactMap(\.measurement) {
            #expect(measurement.requests.captured == measurement.requests.sent)
            #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
        }
        // Two at a time, and each says so.
        let beside = record.matrix.cells.compactMap(\.measurement?.beside)
        #expect(beside.count >= 2 && beside.allSatisfy { !$0.isEmpty })
        // So was the control, that what they take from each other is in it.
        #expect(record.control?.measurement.beside == [record.onLine])
    }
}
