import Model
import Testing

@testable import Experimenter

@Suite struct GoingOnTests {
    private func record(_ service: String = "auction", tier: String = "app", with: [String]? = nil) -> CampaignRecord {
        CampaignRecord(
            id: service + "-1", service: service, tier: tier, with: with, domain: tier + "1", connect: "lxc:///system",
            node: nil, started: Timestamp(nanoseconds: 0),
            sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
            onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])]))
    }

    /// Cells of something else are not gone on with, and not repeated either.
    @Test func whatIsOfSomethingElseIsRefused() throws {
        try record().requireSubject(of: record())
        for (other, words) in [
            (record("shop"), "its service is 'shop', and the file's is 'auction'"),
            (record(tier: "db"), "its tier is 'db'"), (record(with: ["db"]), "what is cloned along is 'db'"),
        ] {
            #expect { try record().requireSubject(of: other) } throws: { "\($0)".contains(words) }
            #expect(throws: CampaignError.self) { try record().goingOn(with: other) }
        }
    }
}
