import Foundation
import Glibc
import OperatingSystem
import Store
import Testing

extension SystemTests {
    /// Everything that can be wrong around a campaign: a clear message, the documented exit code, nothing left behind.
    @Suite(.serialized, .lab) struct FaultTests {
        /// Runs and expects a code and words; the lab is afterwards what it was before.
        private func expect(_ code: Int32, _ words: [String], _ arguments: [String]) throws {
            let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
            Whatif.prepare()
            let result = try ChildProcess.run([Whatif.binary] + arguments)
            #expect(result.status == code, "\(result.errors)")
            for word in words { #expect(result.errors.contains(word), "\(result.errors)") }
            #expect(try LabHost.production() == production)
            #expect(try LabHost.inventory() == inventory)
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
        }

        private func serviceFile(_ replacements: [(String, String)] = []) throws -> String {
            try CampaignTests.serviceFile(replacements, named: "fault.yaml")
        }

        @Test func wrongYAML() throws {
            try expect(
                2, ["fault.yaml:11:", "found '28'", "expected a percentage"],
                ["run", try serviceFile([("[28%", "[28")])])
            try expect(2, ["no such file"], ["run", "/nowhere.yaml"])
            try expect(2, ["FILE.yaml is missing"], ["run"])
            try expect(2, ["did you mean 'run'"], ["rnu", "x", "y"])
        }

        @Test func unknownDomain() throws {
            try expect(2, ["no domain 'app7'", "app1, db1, web1"], ["run", try serviceFile([("[app1]", "[app7]")])])
        }

        @Test func noRights() throws {
            let file = try serviceFile()
            Whatif.prepare()
            unsafe chmod(Whatif.state, 0o755)
            let result = try ChildProcess.run([
                "setpriv", "--reuid=65534", "--clear-groups", Whatif.binary, "run", file,
            ])
            #expect(result.status == 4 && result.errors.contains("needs root"), "\(result.errors)")
        }

        @Test func noLibvirtThere() throws {
            let file = try serviceFile([("lxc:///system", "lxc+unix:///system?socket=/nowhere")])
            try expect(4, ["cannot connect to libvirt at lxc+unix", "/nowhere"], ["run", file])
        }

        @Test func noTraffic() throws {
            try expect(1, ["no request to 'app1' was seen", "under load"], ["run", try serviceFile()])
        }

        @Test func diskFull() throws {
            let load = try Load()
            defer { load.end() }
            let volume = Whatif.state + "/lab/volume"
            let filler = volume + "/filler"
            // What suites before have deleted comes free later.
            try LabHost.run(["btrfs", "subvolume", "sync", volume]).expectSuccess()
            let free = try LabHost.run(["sh", "-c", "echo $(($(stat -f -c '%a * %S' \(volume))))"]).output.filter(
                \.isNumber)
            let bytes = try #require(Int64(free)) - (20 << 20)
            // btrfs gives the room back when it commits.
            defer { _ = try? LabHost.run(["sh", "-c", "rm -f \(filler); sync -f \(volume)"]) }
            #expect(try LabHost.run(["fallocate", "--length", "\(bytes)", filler]).status == 0)
            try expect(
                4, ["MiB free and a clone needs at least 64 MiB", "btrfs filesystem resize"],
                ["run", try serviceFile()])
        }

        /// Two next tiers at one address: the sandbox cannot answer for both.
        @Test func portInUse() throws {
            let load = try Load()
            defer { load.end() }
            let file = try serviceFile([
                ("calls: [db]", "calls: [db, copy]"),
                ("campaign:", "  - { name: copy, domains: [db1], serves: \"postgresql:5432\" }\ncampaign:"),
            ])
            try expect(1, ["cannot listen on 10.50.0.30:5432", "Address already in use"], ["run", file])
        }

        @Test func aCloneThatDoesNotBoot() throws {
            let load = try Load()
            defer { load.end() }
            let start = Whatif.state + "/lab/volume/app1/usr/local/sbin/tier-app"
            #expect(try LabHost.run(["mv", start, start + ".away"]).status == 0)
            defer { _ = try? LabHost.run(["mv", start + ".away", start]) }
            try LabHost.run(["sh", "-c", "printf '#!/bin/sh\\nexec sleep 60\\n' > \(start); chmod 755 \(start)"])
                .expectSuccess()
            try expect(
                1, ["the clone of app1 did not answer within 2 s", "boot-limit"],
                ["run", try serviceFile([("find: exhaustive", "boot-limit: 2 s")])])
        }

        /// A command that fails until the limit, one that is not there, and one that does not end.
        @Test func aCloneThatCannotBePrepared() throws {
            let load = try Load()
            defer { load.end() }
            let file = { (command: String) in
                try serviceFile([
                    ("find: exhaustive", "boot-limit: 2 s"),
                    ("serves: \"http:8080\"", "serves: \"http:8080\", prepare: \"\(command)\""),
                ])
            }
            try expect(
                1,
                [
                    "the clone of tier app", "within 2 s", "'echo no cache here >&2; exit 3'", "exit code 3",
                    "no cache here",
                ],
                ["run", try file("echo no cache here >&2; exit 3")])
            try expect(1, ["exit code 127", "warm-up"], ["run", try file("warm-up --all")])
            try expect(1, ["did not end", "boot-limit"], ["run", try file("exec sleep 1000")])
        }

        /// libvirtd dies in mid-campaign: the campaign ends with a message, and what it could not remove is removed when
        /// libvirtd is back.
        @Test func libvirtdGone() throws {
            let load = try Load()
            defer { load.end() }
            let inventory = try LabHost.inventory()
            let run = try Whatif.start(["run", try serviceFile()], log: "run.log")
            let journal = try Journal(Whatif.state + "/journal.db")
            #expect(try Whatif.wait(seconds: 60) { try journal.entries().count == Whatif.thingsOfACampaign })
            let pid = try LabHost.run(["cat", "/run/libvirtd.pid"]).output.filter(\.isNumber)
            kill(try #require(Int32(pid)), SIGKILL)
            let status = run.wait()
            #expect(status == 1 || status == 4, "\(status)")
            #expect(Whatif.log("run.log").contains("whatif: cannot"), "\(Whatif.log("run.log"))")

            let absent = try Whatif.run("run", try serviceFile())
            #expect(absent.status == 4 && absent.errors.contains("cannot connect to libvirt"), "\(absent.errors)")
            let refused = try Whatif.run("sandbox", "gc")
            #expect(refused.status == 4, "\(refused.errors)")
            #expect(try !journal.entries().isEmpty)

            // Back in the cgroups of its host, where `lab down` looks for it.
            try LabHost.run([
                "sh", "-c",
                "for group in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do "
                    + "[ ! -e $group ] || echo $$ > $group; done; exec libvirtd --daemon",
            ]).expectSuccess()
            #expect(
                try Whatif.wait(seconds: 60) {
                    try LabHost.run(["virsh", "--connect", "lxc:///system", "list"]).status == 0
                })
            let collected = try Whatif.run("sandbox", "gc")
            #expect(collected.status == 0, "\(collected.errors)")
            #expect(try LabHost.inventory() == inventory)
        }

        @Test func theLabIsNotUp() throws {
            unsafe setenv("WHATIF_STATE", Whatif.state + "-empty", 1)
            defer {
                Whatif.prepare()
                try? FileManager.default.removeItem(atPath: Whatif.state + "-empty")
            }
            let result = try ChildProcess.run([Whatif.binary, "run", try serviceFile()])
            #expect(
                result.status == 4 && result.errors.contains("bring it up with 'whatif lab up'"), "\(result.errors)")
        }
    }
}

extension ProgramResult {
    func expectSuccess() { #expect(status == 0, "\(errors)") }
}
