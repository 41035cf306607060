import Foundation
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
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
    }
}
