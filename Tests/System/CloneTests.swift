import Foundation
import Glibc
import OperatingSystem
import Store
import Testing

extension SystemTests {
    /// `whatif clone` and what shows, uses and removes its clones, on the real lab.
    @Suite(.serialized, .lab) final class CloneTests {
        struct Made: Decodable {
            var id, domain, address: String
            var addresses: [String]
            var made: Double
        }

        private let inventory: String
        private let production: String

        init() throws {
            inventory = try LabHost.inventory()
            production = try LabHost.production()
        }

        func clone(_ arguments: String...) throws -> [Made] {
            Whatif.prepare()
            let result = try ChildProcess.run([Whatif.binary, "clone"] + arguments + ["--node", "lab", "--json"])
            #expect(result.status == 0, "\(result.errors)")
            return try JSONDecoder().decode([Made].self, from: Data(result.output.utf8))
        }

        private func expectNothingLeft() throws {
            #expect(try LabHost.inventory() == inventory)
            #expect(try LabHost.production() == production)
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
            #expect(try LabHost.run(["ip", "netns", "list"]).output == "")
        }

        /// Libvirt's driver for tests has a domain that is neither a container nor a machine, as Xen's driver has.
        @Test func whatItsDriverCannotSnapshotIsRefused() throws {
            let result = try Whatif.run("clone", "test", "--connect", "test:///default")
            #expect(
                result.status == 2
                    && result.errors.contains(
                        "not supported by this driver: libvirt's for test domains takes no snapshots"),
                "\(result.errors)")
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
        }

        @Test func aCloneIsShownUsedAndRemoved() throws {
            let clone = try #require(try self.clone("db1", "--cpu", "50%").first)
            let shown = try Whatif.run("sandbox", "show", clone.id, "--json")
            let record = try #require(
                try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) as? [String: Any])
            #expect(record["of"] as? String == "db1" && record["domain"] as? String == clone.domain)
            #expect(record["state"] as? String == "kept" && record["isRunning"] as? Bool == true)
            #expect(record["cpu"] as? Double == 0.5 && record["address"] as? String == clone.address)
            #expect(record["addresses"] as? [String] == clone.addresses && clone.addresses.count == 2)
            #expect(record["memory"] as? Int ?? 0 > 1 << 20 && record["space"] as? Int ?? -1 >= 0)
            #expect(record["requester"] as? String == ProcessIdentity.requester)
            let kinds = (record["holds"] as? [[String: Any]])?.compactMap { $0["kind"] as? String }
            #expect(kinds == ["subvolume", "bridge", "rules", "namespace", "interface", "interface", "domain"])
            #expect(try Whatif.run("sandbox", "show", clone.domain).output.contains("asked by"))

            // The clone's own PostgreSQL, from where its callers stand; the original hears nothing of it.
            let ask = ["sandbox", "exec", clone.id, "--", "pg_isready", "-q", "-h", clone.address]
            #expect(
                try Whatif.wait(seconds: 60) { try ChildProcess.run([Whatif.binary] + ask).status == 0 })
            // The collector leaves it alone, and so does a clone of a clone.
            #expect(try Whatif.run("sandbox", "gc").output.contains("nothing to remove"))
            let again = try Whatif.run("clone", clone.domain, "--node", "lab")
            #expect(again.status == 2 && again.errors.contains("it is a clone itself"), "\(again.errors)")
            let removed = try Whatif.run("sandbox", "remove", clone.id)
            #expect(removed.status == 0 && removed.output.contains("of 1 clone\n"), "\(removed.errors)")
            try expectNothingLeft()
            let gone = try Whatif.run("sandbox", "show", clone.id)
            #expect(gone.status == 2 && gone.errors.contains("there is no clone '\(clone.id)'"))
        }

        @Test func itGetsWhatIsSaid() throws {
            let clone = try #require(
                try self.clone(
                    "db1", "--cpu-shares", "512", "--memory", "96 MiB", "--disk-write", "5 MiB", "--network", "1 MiB"
                ).first)
            let schedule = try LabHost.virsh("schedinfo", clone.domain).filter { $0 != " " }
            #expect(schedule.contains("cpu_shares:512\n"))
            #expect(
                try LabHost.virsh("memtune", clone.domain).filter { $0 != " " }.contains("hard_limit:\(96 << 10)\n"))
            #expect(try LabHost.virsh("blkiotune", clone.domain).contains(",\(5 << 20)\n"))
            for device in ["wic", "wil"] {
                let rules = try LabHost.run(["tc", "qdisc", "show", "dev", device + clone.id]).output
                #expect(rules.contains("tbf") && rules.contains("rate 8388Kbit"), "\(rules)")
            }
            #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
            let refused = try Whatif.run("clone", "db1", "--node", "lab", "--vcpus", "2")
            #expect(refused.status != 0 && refused.errors.contains("not supported"), "\(refused.errors)")
            try expectNothingLeft()
        }

        @Test func itGoesWithItsTime() throws {
            let id = try #require(try clone("web1", "--for", "1 s").first?.id)
            #expect(Whatif.wait(seconds: 60) { (try? Whatif.run("sandbox", "show", id).status) != 0 })
            #expect(Whatif.wait(seconds: 60) { guardians.isEmpty }, "it goes on without clones")
            #expect(Whatif.log("guard.log").contains("their time is over"))
            try expectNothingLeft()
        }

        /// Also when whoever looked after them was killed.
        @Test func theyAreCollectedBehindTheirTime() throws {
            let clones = try clone("web1", "--count", "20", "--for", "4 s")
            guardians.forEach { kill($0, SIGKILL) }
            #expect(Set(clones.map(\.id)).count == 20 && Set(clones.map(\.address)).count == 20)
            #expect(try LabHost.virsh("list", "--name").split(separator: "\n").count == 3 + 20)
            #expect(
                Whatif.wait(seconds: 60) {
                    (try? Whatif.run("sandbox", "gc").output.contains("of 20 clones")) == true
                })
            try expectNothingLeft()
        }

        /// Those that look after clones of this state directory.
        private var guardians: [pid_t] {
            let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return processes.compactMap { pid_t($0) }.filter { pid in
                let words = { (file: String) in
                    FileManager.default.contents(atPath: "/proc/\(pid)/\(file)")?.split(separator: 0).map {
                        String(decoding: $0, as: UTF8.self)
                    } ?? []
                }
                return words("cmdline").dropFirst() == ["sandbox", "guard"]
                    && words("environ").contains("WHATIF_STATE=\(Whatif.state)")
            }
        }

        @Test func itGoesWithItsCommand() throws {
            let command = try Whatif.start(["clone", "web1", "--node", "lab", "--wait"], log: "clone.log")
            #expect(Whatif.wait(seconds: 60) { Whatif.log("clone.log").contains("runs as whatif-") })
            let id = try #require(Whatif.log("clone.log").split(separator: " ").dropFirst().first)
            let refused = try Whatif.run("sandbox", "remove", String(id))
            #expect(refused.status == 1 && refused.errors.contains("is running already"), "\(refused.errors)")
            kill(command.pid, SIGINT)
            #expect(command.wait() == 0)
            try expectNothingLeft()
        }

        @Test func anImageAndAPreparation() throws {
            let image = Whatif.state + "/lab/volume/stored"
            try LabHost.run(["btrfs", "subvolume", "snapshot", Whatif.state + "/lab/volume/web1", image])
                .expectSuccess()
            defer { _ = try? LabHost.run(["btrfs", "subvolume", "delete", image]) }
            try LabHost.run(["sh", "-c", "echo of the image > \(image)/etc/what"]).expectSuccess()
            let clone = try #require(
                try self.clone("web1", "--from", image, "--prepare", "cat /etc/what > /etc/prepared").first)
            let root = Whatif.state + "/lab/volume/" + clone.domain
            #expect(try LabHost.run(["cat", root + "/etc/prepared"]).output == "of the image\n")
            #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
            #expect(try LabHost.run(["test", "-e", image + "/etc/prepared"]).status == 1)
        }

        @Test(arguments: [
            (["nobody"], 2, "there is no domain 'nobody' on this node; domains here: app1, db1, web1"),
            (["web1", "--from", "/etc"], 2, "/etc is not a btrfs subvolume"),
            (["web1", "--cpu", "half"], 2, "--cpu: found 'half', expected a percentage"),
            (["web1", "--cpu-set", "1-0"], 2, "--cpu-set: found '1-0', expected numbers and ranges"),
            (["web1", "--memory", "much"], 2, "--memory: found 'much', expected a size"),
            (["web1", "--count", "0"], 2, "--count: found '0', expected a number from 1 to 64"),
            (["web1", "--neighbour", "web2"], 2, "--neighbour: found 'web2', expected an IPv4 or IPv6 address"),
            (["web1", "--neighbour", "ff02::1"], 2, "--neighbour: found 'ff02::1', expected an IPv4 or IPv6 address"),
            (["web1", "--neighbour", "10.61.0.1"], 2, "10.61.0.1 is where clones have their addresses"),
            (["web1", "--address", "fe80::1"], 2, "--address: fe80::1 is link-local"),
            (["web1", "--address", "::1"], 2, "--address: found '::1', expected"),
            (
                ["web1", "--address", "fd00::1", "--address", "fd00::2"], 2,
                "--address: found fd00::1 and fd00::2, expected one of a family"
            ),
            (["web1", "--prepare", "exit 3", "--boot-limit", "1 s"], 1, "'exit 3' ended with exit code 3"),
        ])
        func whatCannotBeClonedIsRefused(_ arguments: [String], _ code: Int32, _ words: String) throws {
            Whatif.prepare()
            let result = try ChildProcess.run([Whatif.binary, "clone"] + arguments + ["--node", "lab"])
            #expect(result.status == code && result.errors.contains(words), "\(result.errors)")
            try expectNothingLeft()
        }

        /// Killed at every word of its journal, in the making and in the removing: the collector leaves nothing, and the original is
        /// as it was, file by file.
        @Test(arguments: ["disk", "image"]) func killedAtAnyMoment(_ source: String) throws {
            let image = Whatif.state + "/lab/volume/stored"
            if source == "image" {
                try LabHost.run(["btrfs", "subvolume", "snapshot", Whatif.state + "/lab/volume/app1", image])
                    .expectSuccess()
            }
            defer { _ = try? LabHost.run(["btrfs", "subvolume", "delete", image]) }
            let from = source == "image" ? image : "disk"
            let begun = source == "image" ? ["app1", "stored"] : ["app1"]
            let (inventory, files) = (try LabHost.inventory(), try begun.map(Self.files))
            var moment = 1
            while try isKilled(at: moment, "clone", "app1", "--from", from, "--node", "lab") {
                // Complete and kept just before it was killed: that is no remains.
                for id in try ids() where try isKept(id) {
                    #expect(try Whatif.run("sandbox", "remove", id).status == 0)
                }
                #expect(try Whatif.run("sandbox", "gc").status == 0)
                #expect(try ids().isEmpty)
                #expect(try LabHost.inventory() == inventory && LabHost.production() == production)
                moment += 1
            }
            let journal = try Journal(Whatif.state + "/journal.db")
            let entries = try journal.entries().count
            // Before and after each entry, and before and after it is kept.
            #expect(moment == 2 * (entries + 1) + 1)

            // Before and after it is released; then the collector each time at the first thing, gone and still known, and gone.
            let id = try #require(try ids().first)
            #expect(try isKilled(at: 1, "sandbox", "remove", id))
            #expect(try isKept(id))
            #expect(try isKilled(at: 2, "sandbox", "remove", id))
            for left in (0..<entries).reversed() {
                #expect(try isKilled(at: 1, "sandbox", "gc"))
                #expect(try isKilled(at: 2, "sandbox", "gc"))
                #expect(try journal.entries().count == left)
                // From anywhere on the way the collector goes on.
                if left == entries / 2 { #expect(try Whatif.run("sandbox", "list").output.contains("abandoned")) }
            }
            #expect(try Whatif.run("sandbox", "gc").status == 0)
            #expect(try LabHost.inventory() == inventory && LabHost.production() == production)
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
            #expect(try begun.map(Self.files) == files)
        }

        /// The sums of all files of a container's root, and of what stands beside them.
        private static func files(of name: String) throws -> String {
            let sums =
                "find . -xdev -type f -print0 | sort -z | xargs -0 md5sum; find . -xdev -printf '%p %M %U %G %l\\n' | sort"
            let text = try LabHost.run(["sh", "-c", "cd '\(Whatif.state)/lab/volume/\(name)' && { \(sums); } | md5sum"])
            #expect(text.status == 0 && text.output.count > 32, "\(text.errors)")
            return text.output
        }

        /// A moment that the command does not come to lets it end.
        private func isKilled(at moment: Int, _ arguments: String...) throws -> Bool {
            Whatif.prepare()
            let status = try ChildProcess.run(["env", "WHATIF_KILL_AT=\(moment)", Whatif.binary] + arguments).status
            try #require(status == 0 || status == 128 + SIGKILL, "\(status)")
            return status != 0
        }

        private func ids() throws -> [String] {
            Set(try Journal(Whatif.state + "/journal.db").entries().map(\.clone)).sorted()
        }

        private func isKept(_ id: String) throws -> Bool {
            try Whatif.run("sandbox", "show", id, "--json").output.contains("\"kept\"")
        }
    }
}
