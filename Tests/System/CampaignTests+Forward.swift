import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
    /// Whoever logs in gets a token by chance, another from the clone than on-line: nobody has recorded what the database
    /// says of it. The clone of the database knows, as everything is asked of it too.
    @Test func whatIsNotRecordedIsAskedOfAClone() throws {
        // The control is the largest cell too, and no page is made in 5 ms: one experiment.
        let file = try Self.serviceFile(
            [
                ("[28%, 60%, 80%, 100%]", "[14%, 28%]"), ("find: exhaustive", "find: cheapest"),
                ("p95: 60 ms", "p95: 5 ms"),
                ("tier: app", "tier: app\n  answers: { match: exact, unmatched: forward }"),
                ("experiment: 5 s", "time-shift: 3 s\n  experiment: 5 s"),
                (
                    "serves: \"postgresql:5432\" }",
                    "serves: \"postgresql:5432\", log-in: { user: auction, database: auction } }"
                ),
            ], named: "forward.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let connections = "SELECT pid, client_addr FROM pg_stat_activity WHERE client_addr IS NOT NULL ORDER BY pid"
        let before = try LabHost.psql("db1", connections)

        // The load's visitors log in now and then; these do it all the time.
        let visitors = try LabHost.start([
            "sh", "-c",
            "for n in $(seq 300); do curl -s -o /dev/null -L -b '' -d \"user=user$n&password=secret$n\" "
                + "http://10.50.0.10/login; sleep 0.4; done",
        ])
        defer {
            kill(visitors.pid, SIGTERM)
            visitors.wait()
        }
        let run = try Whatif.start(["run", file], log: "run.log")
        let journal = try Journal(Whatif.state + "/journal.db")
        #expect(
            try Whatif.wait(seconds: 60) {
                try journal.entries().filter { $0.kind == .domain }.map(\.original) == ["db1", "app1"]
            })
        let bridges = try journal.entries().filter { $0.kind == .bridge }
        #expect(Set(bridges.map(\.identifier)).count == 2)
        let clone = try #require(try journal.entries().first { $0.kind == .domain }?.identifier)
        // It knows the proxies as the application, which it has heard of everything.
        #expect(
            try Whatif.wait(seconds: 60) {
                let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'auction'"
                return try LabHost.psql(
                    clone, "SELECT DISTINCT client_addr FROM pg_stat_activity WHERE client_port > 0")
                    == "10.50.0.20" && Int(LabHost.psql(clone, commits)) ?? 0 > 50
            })
        #expect(try LabHost.psql("db1", connections) == before)
        #expect(run.wait() == 3, "\(Whatif.log("run.log"))")

        #expect(try LabHost.psql("db1", connections) == before)
        #expect(try LabHost.production() == production)
        #expect(try LabHost.inventory() == inventory)
        #expect(try journal.entries().isEmpty)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.state == .done && record.forward == ["db"] && record.with == nil)
        let measurement = try #require(record.control).measurement
        #expect(measurement.requests.captured == measurement.requests.sent && measurement.requests.captured > 20)
        #expect(measurement.requests.answered == measurement.requests.captured)
        #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
        let answers = measurement.answers
        #expect(answers.forwarded > 5 && answers.exact > answers.forwarded, "\(answers)")
        #expect(answers.template + answers.nearest + answers.unmatched == 0, "\(answers)")
        #expect(try Whatif.run("matrix", "show").output.contains("asked of clones of db"))
    }
}
