import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
    /// The application and its database in one sandbox.
    private func joinedFile(_ replacements: [(String, String)] = []) throws -> String {
        try Self.serviceFile([("tier: app", "tier: app\n  with: [db]")] + replacements, named: "joined.yaml")
    }

    /// The clone of the application asks the clone of the database, at its on-line address; nobody answers for it, neither
    /// a proxy nor production.
    @Test func tiersThatAreClonedAlongAnswerThemselves() throws {
        // No page is made in 5 ms: one experiment, of the largest cell.
        let file = try joinedFile([
            ("[28%, 60%, 80%, 100%]", "[14%, 28%], with-cpu: [20%, 40%]"), ("find: exhaustive", "find: cheapest"),
            ("p95: 60 ms", "p95: 5 ms"),
            ("experiment: 5 s", "time-shift: 3 s\n  experiment: 5 s"),
        ])
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let connections = "SELECT pid, client_addr FROM pg_stat_activity WHERE client_addr IS NOT NULL ORDER BY pid"
        let before = try LabHost.psql("db1", connections)
        #expect(before.split(separator: "\n").allSatisfy { $0.hasSuffix("|10.50.0.20") } && !before.isEmpty)

        let run = try Whatif.start(["run", file], log: "run.log")
        let journal = try Journal(Whatif.state + "/journal.db")
        #expect(try Whatif.wait(seconds: 60) { try journal.entries().contains { $0.kind == .interface } })
        let bridge = try #require(try journal.entries().first { $0.kind == .bridge })
        let capture = Whatif.state + "/edge.pcap"
        let sniffer = try LabHost.sniff("wil" + bridge.clone, seconds: 60, to: capture)
        #expect(
            try Whatif.wait(seconds: 60) {
                try journal.entries().filter { $0.kind == .domain }.map(\.original) == ["db1", "app1"]
            })
        let clone = try #require(try journal.entries().first { $0.kind == .domain }?.identifier)
        #expect(
            try Whatif.wait(seconds: 60) {
                let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'auction'"
                return try LabHost.psql(clone, "SELECT client_addr FROM pg_stat_activity WHERE client_port > 0")
                    .contains("10.50.0.20") && Int(LabHost.psql(clone, commits)) ?? 0 > 50
            })
        // The clone of the database gets what is on its own axis.
        #expect(
            try Whatif.wait(seconds: 60) {
                guard let clone = try journal.entries().first(where: { $0.kind == .domain && $0.original == "db1" })
                else { return false }
                return try LabHost.virsh("schedinfo", clone.identifier).filter { $0 != " " }
                    .contains("vcpu_quota:40000\n")
            })
        #expect(try LabHost.psql("db1", connections) == before)
        #expect(run.wait() == 3, "\(Whatif.log("run.log"))")
        #expect(Whatif.log("run.log").contains("app1 with db of auction"))
        kill(sniffer.pid, SIGTERM)
        sniffer.wait()

        #expect(try LabHost.psql("db1", connections) == before)
        #expect(try LabHost.production() == production)
        #expect(try LabHost.inventory() == inventory)
        #expect(try journal.entries().isEmpty)
        // The proxies asked as web1, and heard nothing of the database.
        let seen = try ChildProcess.succeed(["tcpdump", "-n", "-r", capture])
        #expect(seen.contains("10.50.0.10.") && !seen.contains("10.50.0.30"))

        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.state == .done && record.tier == "app" && record.with == ["db"])
        #expect(record.onLine[.withCPU] != nil)
        #expect(record.matrix[Allocation([.cpu: 0.28, .withCPU: 0.4])]?.measurement != nil)
        let measurement = try #require(record.control).measurement
        #expect(measurement.requests.captured == measurement.requests.sent && measurement.requests.captured > 20)
        #expect(measurement.requests.answered == measurement.requests.captured)
        #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
        #expect(measurement.answers == AnswerAccount())
        #expect(try #require(measurement.comparison).compared > 20)
    }

    /// What a joined tier calls beyond the sandbox is heard at its own interface on-line, and answered by an out-proxy.
    @Test func whatAJoinedTierCallsIsAnswered() throws {
        // Somebody has to ask web1; it is not said to be the node, which is no domain.
        let all = "\(100 * ProcessInfo.processInfo.activeProcessorCount)%"
        let file = try Self.serviceFile(
            [
                ("tiers:\n", "tiers:\n  - { name: visitors, domains: [db1], serves: \"tcp:1\", calls: [web] }\n"),
                ("tier: app", "tier: web\n  with: [app]"), ("[28%, 60%, 80%, 100%]", "[10%, \(all)]"),
                ("find: exhaustive", "find: cheapest"), ("p95: 60 ms", "p95: 1 ms"),
                ("experiment: 5 s", "time-shift: 2 s\n  experiment: 5 s"),
            ], named: "edge.yaml")
        let run = try Whatif.run("run", file)
        #expect(run.status == 3, "\(run.errors)")
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.tier == "web" && record.with == ["app"])
        let measurement = try #require(record.control).measurement
        #expect(measurement.requests.answered == measurement.requests.captured && measurement.requests.captured > 20)
        #expect(measurement.requests.mismatched == 0)
        #expect(measurement.answers.exact > 50 && measurement.answers.unmatched == 0)
    }

    /// The database's clone runs and the application's cannot: neither stays.
    @Test func whenTheSecondCloneFailsNothingIsLeft() throws {
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let start = Whatif.state + "/lab/volume/app1/usr/local/sbin/tier-app"
        try LabHost.run(["mv", start, start + ".away"]).expectSuccess()
        defer { _ = try? LabHost.run(["mv", start + ".away", start]) }
        let run = try Whatif.run("run", try joinedFile())
        #expect(run.status == 1 || run.status == 4, "\(run.errors)")
        #expect(run.errors.contains("tier-app"), "\(run.errors)")
        #expect(try LabHost.production() == production)
        #expect(try LabHost.inventory() == inventory)
        #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
    }

    /// Killed while the second of two clones is made.
    @Test func afterAKillBetweenTwoClonesNothingIsLeft() throws {
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let run = try Whatif.start(["run", try joinedFile()], log: "run.log")
        let journal = try Journal(Whatif.state + "/journal.db")
        #expect(
            try Whatif.wait(seconds: 60) { try journal.entries().filter { $0.kind == .interface }.count == 2 })
        kill(run.pid, SIGKILL)
        run.wait()
        #expect(try journal.entries().count >= 7)
        let collected = try Whatif.run("sandbox", "gc")
        #expect(collected.status == 0 && collected.output.contains("of 2 clones"), "\(collected.errors)")
        #expect(try LabHost.inventory() == inventory)
        #expect(try LabHost.production() == production)
        #expect(try journal.entries().isEmpty)
    }
}
