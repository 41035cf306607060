import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests {
    /// A lab whose tiers find each other at IPv6 addresses only.
    @Suite(.serialized, .lab) final class IPv6CampaignTests {
        private let load: Load

        init() throws {
            Whatif.prepare()
            let etc = { (name: String) in Whatif.state + "/lab/volume/\(name)/etc/hosts" }
            for (name, callee, last) in [("app1", "db1", "30"), ("web1", "app1", "20")] {
                try LabHost.run(["sed", "-i", "s/^10.50.0.\(last).*/fd00:50::\(last) \(callee)/", etc(name)])
                    .expectSuccess()
                _ = try LabHost.virsh("destroy", name)
                _ = try LabHost.virsh("start", name)
            }
            #expect(
                try Whatif.wait(seconds: 60) {
                    try LabHost.run([
                        "curl", "--silent", "--fail", "--max-time", "5", "--output", "/dev/null", "http://10.50.0.10/",
                    ]).status == 0
                })
            _ = try LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=28000")
            load = try Load()
        }

        deinit { load.end() }

        /// The application is asked over IPv6, and so is its clone; it asks over IPv6 what its out-proxy answers, or the clone
        /// of the database that was made along with it.
        @Test(arguments: [false, true]) func aCampaignOverIPv6(_ isJoined: Bool) throws {
            var changes = [
                ("[28%, 60%, 80%, 100%]", "[14%, 28%]"), ("find: exhaustive", "find: cheapest"),
                ("p95: 60 ms", "p95: 5 ms"), ("experiment: 5 s", "time-shift: 3 s\n  experiment: 5 s"),
            ]
            if isJoined { changes.append(("tier: app", "tier: app\n  with: [db]")) }
            let file = try CampaignTests.serviceFile(changes, named: "ipv6.yaml")
            let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
            let run = try Whatif.start(["run", file], log: "run.log")
            let journal = try Journal(Whatif.state + "/journal.db")
            let domains = { try journal.entries().filter { $0.kind == .domain } }
            #expect(try Whatif.wait(seconds: 60) { try domains().count == (isJoined ? 2 : 1) })
            let bridge = try #require(try journal.entries().first { $0.kind == .bridge })
            let capture = Whatif.state + "/ipv6.pcap"
            let sniffer = try LabHost.sniff("wil" + bridge.clone, "tcp", seconds: 60, to: capture)
            if isJoined {
                let clone = try #require(try domains().first?.identifier)
                #expect(
                    try Whatif.wait(seconds: 60) {
                        try LabHost.psql(clone, "SELECT client_addr FROM pg_stat_activity WHERE client_port > 0")
                            .contains("fd00:50::20")
                    })
            }
            #expect(run.wait() == 3, "\(Whatif.log("run.log"))")
            kill(sniffer.pid, SIGTERM)
            sniffer.wait()
            #expect(try LabHost.production() == production)
            #expect(try LabHost.inventory() == inventory)
            #expect(try journal.entries().isEmpty)

            let seen = try ChildProcess.succeed(["tcpdump", "-n", "-r", capture])
            #expect(seen.contains("IP6 fd00:50::10.") && !seen.contains("IP 10."))
            #expect(seen.contains("fd00:50::30.5432") == !isJoined)
            let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
            #expect(record.state == .done)
            let measurement = try #require(record.control).measurement
            #expect(measurement.requests.captured == measurement.requests.sent && measurement.requests.captured > 10)
            #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
            #expect(isJoined || measurement.answers.exact > 20 && measurement.answers.unmatched == 0)
        }
    }
}
