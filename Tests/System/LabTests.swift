import Foundation
import Glibc
import OperatingSystem
import Testing

/// All that runs on the real machine, one after the other: the lab is one, and its measurements are real.
@Suite(
    .serialized, .enabled(if: ProcessIdentity.isRoot, "the system tests need root: they make namespaces and cgroups"),
    .noLab)
enum SystemTests {}

extension SystemTests {
    @Suite(.serialized, .noLab) struct LabTests {
        /// Everything of the machine that the lab could touch.
        func machine() throws -> String {
            let cgroups = try ChildProcess.run(["find", "/sys/fs/cgroup", "-maxdepth", "2", "-name", "whatif-lab*"])
                .output
            return [
                try ChildProcess.succeed(["ip", "-oneline", "link", "show"]),
                try ChildProcess.succeed(["ip", "route", "show", "table", "all"]),
                try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8),
                try ChildProcess.succeed(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"]),
                try ChildProcess.succeed(["hostname"]),
                cgroups,
            ].joined(separator: "\n")
        }

        /// What runs of the lab's kind. What has ended and was not yet reaped by the machine's init runs no more.
        private var processes: Set<String> {
            get throws {
                let kinds = ["libvirtd", "virtlogd", "libvirt_lxc", "nginx", "gunicorn", "postgres"]
                return Set(
                    try ChildProcess.succeed(["ps", "-e", "-o", "stat=,comm="]).split(separator: "\n").compactMap {
                        line in
                        let words = line.split(separator: " ").map(String.init)
                        return words.count == 2 && !words[0].hasPrefix("Z") && kinds.contains(words[1]) ? words[1] : nil
                    })
            }
        }

        @Test func theLabComesAndGoesWithoutATrace() throws {
            try Whatif.run("lab", "down")
            let (before, processesBefore) = (try machine(), try processes)
            let up = try Whatif.run("lab", "up", "--services", "2")
            #expect(up.status == 0, "\(up.errors)")
            let whileUp = try machine()
            // The loop device is the kernel's, and the cgroups are the lab's; neither is a change to the root namespaces.
            for (a, b) in zip(before.split(separator: "\n"), whileUp.split(separator: "\n")) where a.contains("/ ext4")
            {
                #expect(a == b)
            }
            let links = try ChildProcess.succeed(["ip", "-oneline", "link", "show"])
            #expect(before.hasPrefix(links))
            #expect(try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).contains("whatif") == false)

            let again = try Whatif.run("lab", "up")
            #expect(again.status == 1 && again.errors.contains("is up already"))
            let status = try Whatif.run("lab", "status", "--json")
            let list = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [[String: Any]]
            #expect(list?.compactMap { $0["name"] as? String } == ["app1", "app2", "db1", "db2", "web1", "web2"])
            #expect(list?.allSatisfy { $0["isRunning"] as? Bool == true } == true)

            // Each has its own database: what visitors of one leave there is not in the other's.
            let rows = { (domain: String) in
                try LabHost.psql(domain, "SELECT (SELECT count(*) FROM bid) + (SELECT count(*) FROM session)")
            }
            let count = try rows("db1")
            let load = try Whatif.run("lab", "load", "--service", "2", "--rate", "40", "--for", "4 s", "--json")
            let report = try JSONSerialization.jsonObject(with: Data(load.output.utf8)) as? [String: Any]
            #expect(try #require(report?["answered"] as? Int) > 40 && report?["failed"] as? Int == 0, "\(load)")
            #expect(try rows("db2") != count && rows("db1") == count)

            let down = try Whatif.run("lab", "down")
            #expect(down.status == 0, "\(down.errors)")
            #expect(try machine() == before)
            #expect(try Whatif.wait(seconds: 60) { try processes == processesBefore })
            #expect(!FileManager.default.fileExists(atPath: Whatif.state + "/lab"))
            #expect(try Whatif.run("lab", "down").status == 0)
            let gone = try Whatif.run("lab", "status")
            #expect(gone.status == 4 && gone.errors.contains("whatif lab up"))
        }

        /// A killed `lab up` leaves what the next `lab down` removes.
        @Test func aKilledUpIsTakenDown() throws {
            let before = try machine()
            let up = try Whatif.start(["lab", "up", "--nodes", "1"], log: "up.log")
            #expect(
                Whatif.wait(seconds: 60) { FileManager.default.fileExists(atPath: Whatif.state + "/lab-node1/pid") },
                "\(Whatif.log("up.log"))")
            kill(up.pid, SIGKILL)
            up.wait()
            let down = try Whatif.run("lab", "down")
            #expect(down.status == 0, "\(down.errors)")
            #expect(try machine() == before)
        }

        @Test func theDoctorFindsThisMachineFit() throws {
            let result = try Whatif.run("doctor", "--json")
            #expect(result.status == 0, "\(result.errors)")
            let findings = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]]
            #expect((findings?.count ?? 0) > 10)
            #expect(findings?.allSatisfy { ($0["remedy"] as? String)?.isEmpty == false } == true)
        }

        @Test func withoutRootTheDoctorSaysWhatToDo() throws {
            Whatif.prepare()
            let result = try ChildProcess.run(["setpriv", "--reuid=65534", "--clear-groups", Whatif.binary, "doctor"])
            #expect(result.status == 4)
            #expect(result.output.contains("run as root"))
        }
    }
}
