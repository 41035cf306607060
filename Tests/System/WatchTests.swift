import Foundation
import Glibc
import Model
import OperatingSystem
import Report
import Testing

extension SystemTests {
    /// `whatif watch` on the real lab: what it counts, and how it ends.
    @Suite(.serialized, .lab) final class WatchTests {
        private static let rate = 6.0
        private static let file = Whatif.root + "/Experiments/auction.yaml"
        private let load: Load

        init() throws { load = try Load(rate: Int(Self.rate)) }
        deinit { load.end() }

        @Test func everyTierIsCountedOnce() throws {
            let (inventory, log) = (try LabHost.inventory(), Whatif.state + "/watch.hlog")
            // The first visitors have to be there.
            #expect(try Whatif.run("watch", Self.file, "--for", "1 s").output.contains("app "))
            let result = try Whatif.run("watch", Self.file, "--for", "8 s", "--json", "--log", log)
            #expect(result.status == 0 || result.status == 3, "\(result.errors)")
            var rows: [String: [[String: Any]]] = [:]
            for line in result.output.split(separator: "\n") {
                let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                rows[try #require(row["tier"] as? String), default: []].append(row)
            }
            #expect(Set(rows.keys) == ["web", "app", "db"])
            let sum = { (tier: String, key: String) in
                rows[tier, default: []].reduce(0) { $0 + ($1[key] as? Double ?? 0) }
            }
            for tier in ["web", "app", "db"] {
                #expect(rows[tier]?.count == 8)
                #expect(abs(sum(tier, "seconds") - 8) < 1)
                #expect(sum(tier, "errors") == 0 && sum(tier, "dropped") == 0)
                let served = rows[tier, default: []].filter { $0["requests"] as? Double ?? 0 > 0 }
                #expect(served.count >= 3)
                for row in served {
                    let order = ["p50", "p95", "p99", "p999"].compactMap { row[$0] as? Double }
                    #expect(order.count == 4 && order == order.sorted() && order[0] > 0 && order[3] < 60)
                }
            }
            // A request counted at two interfaces would be twice as many. How few are answered hangs on the machine: the
            // application has little CPU.
            let rate = sum("web", "requests") / sum("web", "seconds")
            #expect(rate > Self.rate * 0.2 && rate < Self.rate * 1.5, "\(rate)")
            // nginx answers the style sheet and such itself; every page of the application asks the database.
            let pages = sum("app", "requests")
            #expect(pages > 0 && pages <= sum("web", "requests") * 1.1)
            #expect(sum("db", "requests") > pages)
            let last = try #require(rows["web"]?.last)
            #expect(["meets", "violated"].contains(last["sla"] as? String))
            #expect((result.status == 3) == (last["sla"] as? String == "violated"))
            #expect(rows["db"]?.allSatisfy { $0["sla"] is NSNull } == true)

            let entries = try HistogramLog(String(contentsOfFile: log, encoding: .utf8)).entries
            #expect(entries.count == 24)
            #expect(
                entries.filter { $0.tag == "web" }.reduce(0) { $0 + Double($1.histogram.count) }
                    == sum("web", "requests"))
            #expect(result.errors.contains("all of 8") && result.errors.contains("SLA p95 < 80.0 ms at web"))
            #expect(try LabHost.inventory() == inventory)
        }

        @Test func anInterruptEndsItInOrder() throws {
            let watch = try Whatif.start(["watch", Self.file, "--every", "200 ms"], log: "watch.log")
            #expect(Whatif.wait(seconds: 60) { Whatif.log("watch.log").split(separator: "\n").count > 6 })
            kill(watch.pid, SIGINT)
            #expect(watch.wait() == 0)
            let text = Whatif.log("watch.log")
            #expect(text.contains("auction, all of ") && text.contains("p99.9"))
            // No terminal, no control codes.
            #expect(!text.contains("\u{1b}"))
        }

        /// On a terminal: redrawn in place, and a terminal again afterwards, also when the user has typed Ctrl-C.
        /// No shell stays between `script` and the command: Ctrl-C would be meant for it too, and which one it is hangs on
        /// the environment.
        @Test func aTerminalIsLeftAsItWas() throws {
            Whatif.prepare()
            let typescript = Whatif.state + "/typescript"
            try? FileManager.default.removeItem(atPath: typescript)
            let watch = "exec '\(Whatif.binary)' watch '\(Self.file)' --every '200 ms'"
            let result = try ChildProcess.run([
                "bash", "-c",
                """
                { until grep -q 'SLA p95.*over 1 s' '\(typescript)'; do sleep 0.1; done; printf '\\003'; } 2> /dev/null \
                | timeout 20 script --quiet --flush --return --command "\(watch)" '\(typescript)' > /dev/null
                """,
            ])
            #expect(result.status == 0, "\(result.errors)")
            let text = try String(contentsOfFile: typescript, encoding: .utf8)
            let parts = text.components(separatedBy: "\u{1b}[?25l")
            #expect(parts.count == 2, "hidden once")
            #expect(text.contains("\u{1b}[6A"), "redrawn")
            let after = try #require(text.components(separatedBy: "\u{1b}[?7h\u{1b}[?25h").dropFirst().first)
            #expect(after.contains("auction, all of ") && !after.contains("\u{1b}"))
        }

        @Test func aDomainThatGoesIsSaid() throws {
            let watch = try Whatif.start(["watch", Self.file, "--every", "200 ms"], log: "watch.log")
            #expect(Whatif.wait(seconds: 60) { Whatif.log("watch.log").contains("db ") })
            _ = try LabHost.virsh("destroy", "db1")
            #expect(watch.wait() == 1)
            #expect(
                Whatif.log("watch.log").contains("whatif: cannot capture on"), "\(Whatif.log("watch.log").suffix(300))")
            let again = try Whatif.run("watch", Self.file, "--for", "1 s")
            #expect(again.status == 2 && again.errors.contains("'db1' is not running"), "\(again.errors)")
            _ = try LabHost.virsh("start", "db1")
        }

        @Test(arguments: [("8 ms", "100 ms or more"), ("8", "a duration")])
        func aWrongIntervalIsSaid(_ every: String, _ words: String) throws {
            let result = try Whatif.run("watch", Self.file, "--every", every)
            #expect(result.status == 2 && result.errors.contains(words))
        }
    }
}
