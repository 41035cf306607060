import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests {
    /// The main job on the real lab, short: what it does and leaves, not how fast.
    @Suite(.serialized, .lab) final class CampaignTests {
        private let load: Load

        init() throws { load = try Load() }
        deinit { load.end() }

        /// A campaign with short experiments: every mechanism, wide intervals. The control's limits are wide as well, and so is
        /// that of requests sent late: how near the sandbox is to production is a figure of the demonstration, not of a test,
        /// beside which others use the machine.
        static func serviceFile(
            _ replacements: [(String, String)] = [], named name: String = "short.yaml"
        ) throws -> String {
            var text = """
                service: auction
                connect: lxc:///system
                node: lab
                sla: { p95: 60 ms }
                tiers:
                  - { name: web, domains: [web1], serves: "http:80", calls: [app] }
                  - { name: app, domains: [app1], serves: "http:8080", calls: [db] }
                  - { name: db, domains: [db1], serves: "postgresql:5432" }
                campaign:
                  tier: app
                  axes: { cpu: [28%, 60%, 80%, 100%] }
                  experiment: 5 s
                  warm-up: 1 s
                  time-bound: 3 min
                  find: exhaustive
                  energy: { core: 10 W }
                  control: { mean: 10000%, throughput: 100%, load: 1000%, closing: false }
                  limits: { late: 30%, stolen: 100% }
                """
            for (from, to) in replacements {
                #expect(text.contains(from), "nothing to replace: \(from)")
                text = text.replacing(from, with: to)
            }
            let path = "\(Whatif.state)/\(name)"
            try FileManager.default.createDirectory(atPath: Whatif.state, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        @Test func aCampaignMeasuresAndLeavesNothing() throws {
            // No page is made in 5 ms: the answer is no, after the control and the largest allocation.
            let file = try Self.serviceFile([
                ("find: exhaustive", "find: cheapest"), ("p95: 60 ms", "p95: 5 ms"),
                ("closing: false", "closing: true"),
            ])
            let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
            let result = try Whatif.run("run", file)
            #expect(result.status == 3, "\(result.errors)")
            #expect(try LabHost.production() == production)
            #expect(try LabHost.inventory() == inventory)
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")

            let store = try MatrixStore(Whatif.state + "/matrices.db")
            let record = try #require(try store.campaign(nil))
            #expect(record.state == .done)
            let control = try #require(record.control)
            #expect(control.allocation == Allocation([.cpu: 0.28]))
            // One before the only experiment, and one behind it.
            #expect(record.controls.map(\.allocation) == [control.allocation, control.allocation])
            // The clone of the experiment serves the control behind it, too.
            #expect(record.controls.map(\.measurement.served) == [nil, 1] && record.isFresh == nil)
            #expect(record.answer?.verdict == .nothingMeets)
            #expect(record.matrix.measuredCount == 2)
            // The cells between were interpolated.
            #expect(record.matrix.cells.map(\.state) == ["measured", "interpolated", "interpolated", "measured"])
            for measurement in record.matrix.cells.compactMap(\.measurement) + [control.measurement] {
                #expect(measurement.requests.captured == measurement.requests.sent)
                #expect(measurement.requests.captured > 10)
                #expect(measurement.requests.lost == 0)
                #expect(measurement.requests.failed == 0)
                #expect(measurement.requests.mismatched == 0)
                #expect(measurement.answers.exact > measurement.answers.template * 5)
                #expect(measurement.answers.unmatched == 0)
                #expect(measurement.cpuUsed > 0 && measurement.energy != nil)
            }
            #expect(
                try ChildProcess.run(["readelf", "--notes", Whatif.binary]).output
                    .contains("Build ID: \(record.version ?? "none")\n"))
            try checkMatrixCommands(record)
        }

        /// A cloned database recovers as after a loss of power, is logged in to, and gets the application's statements.
        @Test func aDatabaseIsAskedWhatTheApplicationAsked() throws {
            let file = try Self.serviceFile(
                [
                    ("tier: app", "tier: db"), ("[28%, 60%, 80%, 100%]", "[30%, 60%]"),
                    ("find: exhaustive", "find: cheapest"), ("p95: 60 ms", "p95: 100 s"),
                    (
                        "serves: \"postgresql:5432\" }",
                        "serves: \"postgresql:5432\", log-in: { user: auction, database: auction } }"
                    ),
                ], named: "database.yaml")
            let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
            let result = try Whatif.run("run", file)
            #expect(result.status == 0, "\(result.errors)")
            #expect(try LabHost.production() == production)
            #expect(try LabHost.inventory() == inventory)
            let store = try MatrixStore(Whatif.state + "/matrices.db")
            let record = try #require(try store.campaign(nil))
            let measurements =
                record.matrix.cells.compactMap(\.measurement) + [try #require(record.control).measurement]
            for measurement in measurements {
                #expect(measurement.requests.captured == measurement.requests.sent)
                #expect(measurement.requests.captured > 50)
                #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
                #expect(try #require(measurement.comparison).compared > 50)
            }
        }

        /// A user and a password that only the clone has: its server asks for them because of what was run inside, in the
        /// container's own control groups and namespaces. The first attempts may come before the server is there.
        @Test func aCloneIsPrepared() throws {
            let password = "of-the-clone-only"
            let prepare = [
                "cmp /proc/self/cgroup /proc/1/cgroup",
                "[ \"$(grep CapBnd /proc/self/status)\" = \"$(grep CapBnd /proc/1/status)\" ]",
                "for kind in pid mnt net ipc uts; do [ /proc/self/ns/$kind -ef /proc/1/ns/$kind ] || exit 1; done",
                "sed -i '/^host/s/trust/scram-sha-256/' /var/lib/postgresql/auction/pg_hba.conf",
                "su postgres -c \"psql -c \\\"CREATE ROLE guest LOGIN PASSWORD '\(password)' IN ROLE auction\\\" "
                    + "-c 'SELECT pg_reload_conf()'\"",
            ].joined(separator: " && ")
            let file = try Self.serviceFile(
                [
                    ("tier: app", "tier: db"), ("[28%, 60%, 80%, 100%]", "[30%, 60%]"),
                    ("find: exhaustive", "find: cheapest"), ("p95: 60 ms", "p95: 100 s"),
                    (
                        "  - { name: db, domains: [db1], serves: \"postgresql:5432\" }",
                        """
                          - name: db
                            domains: [db1]
                            serves: "postgresql:5432"
                            log-in: { user: guest, password: \(password), database: auction }
                            prepare: |
                              \(prepare)
                        """
                    ),
                ], named: "prepared.yaml")
            let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
            let settings = try databaseSettings()
            let result = try Whatif.run("run", file)
            #expect(result.status == 0, "\(result.errors)")
            #expect(!result.errors.contains(password))
            #expect(try LabHost.production() == production)
            #expect(try LabHost.inventory() == inventory)
            #expect(try databaseSettings() == settings && settings.contains("trust"))
            let store = try MatrixStore(Whatif.state + "/matrices.db")
            let record = try #require(try store.campaign(nil))
            for measurement in record.matrix.cells.compactMap(\.measurement) {
                #expect(measurement.requests.captured == measurement.requests.sent)
                #expect(measurement.requests.captured > 50)
                #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
                #expect(try #require(measurement.comparison).compared > 50)
            }
        }

        /// Who may enter the on-line database, and with what.
        private func databaseSettings() throws -> String {
            let root = Whatif.state + "/lab/volume/db1"
            let pid = try LabHost.virsh("domid", "db1").filter(\.isNumber)
            let inside = try ChildProcess.succeed(["pgrep", "--parent", pid]).filter(\.isNumber)
            return try LabHost.run(["cat", root + "/var/lib/postgresql/auction/pg_hba.conf"]).output
                + ChildProcess.succeed([
                    "nsenter", "--target", inside, "--all", "--", "su", "postgres", "-c",
                    "psql -A -t -c 'SELECT rolname, rolpassword IS NULL FROM pg_authid ORDER BY 1'",
                ])
        }

        private func checkMatrixCommands(_ record: CampaignRecord) throws {
            #expect(try Whatif.run("matrix", "list").output.contains(record.id))
            #expect(try Whatif.run("matrix", "show").output.contains("measured"))
            let query = try Whatif.run(
                "matrix", "query", "--where", "cpu >= 60% and p95 > 1 ms", "--order=-cpu", "--csv")
            #expect(query.output.split(separator: "\n").count >= 2)
            #expect(try Whatif.run("matrix", "query", "--where", "p95 > 100 s").status == 3)
            #expect(try Whatif.run("matrix", "query", "--where", "p95 > 5").status == 2)
            #expect(try Whatif.run("ask", "cheapest cpu").output.hasPrefix("Nothing does"))
            #expect(try Whatif.run("ask", "cheapest cpu where p99 < 100 s").status == 0)
            let path = Whatif.state + "/plot.svg"
            #expect(try Whatif.run("matrix", "plot", "--output", path).status == 0)
            #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("<svg"))
        }

        @Test func anInterruptedCampaignCleansUp() throws {
            let inventory = try LabHost.inventory()
            let run = try Whatif.start(["run", try Self.serviceFile()], log: "run.log")
            let journal = try Journal(Whatif.state + "/journal.db")
            #expect(try Whatif.wait(seconds: 60) { try journal.entries().count == Whatif.thingsOfACampaign })
            kill(run.pid, SIGINT)
            #expect(run.wait() == 1)
            #expect(Whatif.log("run.log").contains("interrupted"))
            #expect(try LabHost.inventory() == inventory)
            #expect(try journal.entries().isEmpty)
        }

        /// Killed at each thing that is made, one kind after the other, and while measuring: what is left is found and
        /// removed.
        @Test(arguments: 1...Whatif.thingsOfACampaign + 1)
        func afterAKillNothingIsLeft(_ moment: Int) throws {
            let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
            let run = try Whatif.start(["run", try Self.serviceFile()], log: "run.log")
            let journal = try Journal(Whatif.state + "/journal.db")
            // The control clone may be measured up to three times before the first experiment.
            #expect(
                try Whatif.wait(seconds: 240) {
                    moment > Whatif.thingsOfACampaign
                        ? Whatif.log("run.log").contains("experiment at") : try journal.entries().count >= moment
                })
            kill(run.pid, SIGKILL)
            run.wait()
            let first = try Whatif.run("sandbox", "gc")
            #expect(first.status == 0, "\(first.errors)")
            #expect(try LabHost.inventory() == inventory)
            #expect(try LabHost.production() == production)
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
            #expect(try Whatif.run("sandbox", "gc").output == "nothing to remove\n")
            #expect(try !Whatif.run("matrix", "list").output.contains("running"))
            // Those of domains stay: whoever removed one could not know that nobody waits for it.
            let locks = try FileManager.default.contentsOfDirectory(atPath: Whatif.state + "/locks")
            #expect(locks.allSatisfy { $0.hasPrefix("domain-") }, "\(locks)")
        }

        /// The collector must not take a running campaign's clone away.
        @Test func theCollectorLeavesARunningCampaignAlone() throws {
            let run = try Whatif.start(["run", try Self.serviceFile()], log: "run.log")
            let journal = try Journal(Whatif.state + "/journal.db")
            #expect(try Whatif.wait(seconds: 60) { try journal.entries().count == Whatif.thingsOfACampaign })
            let collected = try Whatif.run("sandbox", "gc")
            #expect(collected.status == 0 && collected.output.contains("are in use or kept"))
            #expect(try journal.entries().count == Whatif.thingsOfACampaign)
            #expect(try Whatif.run("lab", "down").status == 1)
            kill(run.pid, SIGINT)
            run.wait()
        }

        /// Whatever clones send, nothing of it is seen outside their own bridge; they reach each other.
        @Test func clonesReachNothingButTheirProxiesAndEachOther() throws {
            let run = try Whatif.start(
                [
                    "run",
                    try Self.serviceFile([
                        ("experiment: 5 s", "experiment: 30 s"), ("tier: app", "tier: app\n  with: [db]"),
                    ]),
                ], log: "run.log")
            defer {
                kill(run.pid, SIGINT)
                run.wait()
            }
            let journal = try Journal(Whatif.state + "/journal.db")
            let clones = { try journal.entries().filter { $0.kind == .domain } }
            #expect(try Whatif.wait(seconds: 60) { try clones().count == 2 })
            #expect(
                try Whatif.wait(seconds: 60) {
                    try clones().allSatisfy { try LabHost.firstProcess(of: $0.identifier) != nil }
                })

            // On every interface of the host but the sandbox's own, while the clones try to get out. 777 bytes mark it.
            let capture = Whatif.state + "/leak.pcap"
            let sniffer = try LabHost.sniff(
                "br0", "icmp or arp or ip6 or (udp and port 5353)", seconds: 8, to: capture)
            // web1, app1 and db1: a proxy, and the clones themselves.
            let inside = ["10.50.0.10", "10.50.0.20", "10.50.0.30", "fd00:50::20", "fd00:50::30"]
            let outside = [
                "10.50.0.1", "10.50.0.99", "10.60.0.1", "224.0.0.1", "10.50.0.255", "fd00:50::1", "fd00:50::99",
                "fe80::5054:ff:fe00:5001%eth0",
            ]
            let pings = try clones().flatMap { clone in
                let target = try #require(try LabHost.firstProcess(of: clone.identifier))
                return try (inside + outside).map { address in
                    (
                        clone, address,
                        try ChildProcess([
                            "nsenter", "--target", target, "--net", "ping", "-b", "-c", "2", "-i", "0.2", "-W", "1",
                            "-s", "777", address,
                        ])
                    )
                } + [
                    (
                        // Not by itself, to whom its kernel hands a copy as well (-L).
                        clone, "ff02::1",
                        try ChildProcess([
                            "nsenter", "--target", target, "--net", "ping", "-6", "-L", "-c", "1", "-W", "1", "-s",
                            "777",
                            "ff02::1%eth0",
                        ])
                    )
                ]
            }
            for (clone, address, ping) in pings {
                let isAnswered = ping.wait() == 0
                #expect(isAnswered == inside.contains(address), "\(address) from the clone of \(clone.original)")
            }
            sniffer.wait()
            let seen = try ChildProcess.succeed([
                "tshark", "-n", "-r", capture, "-Y", "data.len == 769 || data.len == 777",
            ])
            #expect(seen.isEmpty, "packets of a clone outside: \(seen)")
            // The node itself took nothing either.
            let neighbours = try LabHost.run(["ip", "neigh", "show"]).output
            #expect(!neighbours.contains("52:54:60"))
        }
    }
}
