import Foundation
import Glibc
import Hypervisor
import Lab
import OperatingSystem
import Testing

extension SystemTests.MachineTests {
    /// Two private hosts as the nodes of a data centre, `vm1` on one of them. A node is off when its libvirt's socket has another
    /// name: nobody reaches it then, as nobody reaches a machine without power.
    private struct Centre {
        let folder: String
        let hosts: [PrivateHost]

        func socket(_ host: PrivateHost) -> String { String(host.uri("qemu").split(separator: "socket=")[1]) }

        func switching(_ host: PrivateHost) -> String {
            let socket = socket(host)
            return "switch: { on: 'mv \(socket).off \(socket)', off: 'mv \(socket) \(socket).off' }"
        }

        /// Writes a data-centre file in which everything is to leave the node that `vm1` is on, and the other one is off.
        func file(
            vm1On place: Int, named name: String = "vm1", bandwidth: String = "200 MB/s", memory: String = "256 MiB",
            further: String = ""
        ) throws -> String {
            let nodes = hosts.enumerated().map { number, host in
                "  - { name: n\(number + 1), cpu: 400%, memory: 128 TiB, boot: 5 s, connect: '\(host.uri("qemu"))', "
                    + "transport: 'unix://\(host.directory)/migration.sock', \(switching(host)), "
                    + (number == place ? "duty: leaves }" : "state: off }")
            }
            let text = """
                data-centre: two
                migration: { bandwidth: \(bandwidth), shared-disks: true, within: 2 min }
                nodes:
                \(nodes.joined(separator: "\n"))
                domains:
                  - { name: \(name), on: n\(place + 1), cpu: 100%, memory: \(memory) }
                \(further)
                """
            let path = "\(folder)/centre.yaml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        func plan(_ file: String) throws -> String {
            let said = try ChildProcess.run([Whatif.binary, "plan", file, "--json"])
            try #require(said.status == 0, "\(said.errors)\(said.output)")
            let path = "\(folder)/plan.json"
            try said.output.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        func power(_ host: PrivateHost, on: Bool) throws {
            let names = [socket(host), socket(host) + ".off"]
            let (from, to) = on ? (names[1], names[0]) : (names[0], names[1])
            if FileManager.default.fileExists(atPath: from) {
                try FileManager.default.moveItem(atPath: from, toPath: to)
            }
        }

        func isOn(_ host: PrivateHost) -> Bool { FileManager.default.fileExists(atPath: socket(host)) }
    }

    private func withCentre(_ body: (Centre, Node) throws -> Void) throws {
        let first = try MachineHost.shared
        try withNode { second, node in
            let folder = second.directory + "/plans"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let centre = Centre(folder: folder, hosts: [first.host, second])
            try centre.power(second, on: false)
            defer { for host in centre.hosts { try? centre.power(host, on: true) } }
            try body(centre, node)
        }
    }

    /// There: shown, killed in the midst, gone on with, and nothing done twice. And back.
    @Test func aPlanIsCarriedOut() throws {
        let first = try MachineHost.shared
        let token = try first.original.token
        try withCentre { centre, node in
            let slow = try centre.file(vm1On: 0, bandwidth: "1 MiB/s")
            let plan = try centre.plan(slow)

            let before = try first.footprint()
            let shown = try Whatif.run(["apply", slow, "--plan", plan, "--dry-run"])
            #expect(shown.status == 0 && shown.errors.contains("1. power on n2"), "\(shown.errors)")
            #expect(shown.errors.contains("2. migrate vm1 from n1 to n2") && shown.errors.contains("3. power off n1"))
            #expect(try first.footprint() == before && !centre.isOn(centre.hosts[1]))

            let run = try Whatif.start(["apply", slow, "--plan", plan, "--yes"], log: "plan.log")
            #expect(
                try Whatif.wait(seconds: 60) { try first.domain.migrationProgress() != nil },
                "\(Whatif.log("plan.log"))")
            kill(run.pid, SIGKILL)
            run.wait()
            #expect(
                try Whatif.wait(seconds: 60) {
                    try node.domain("vm1") == nil && first.domain.state() == .running
                        && first.domain.migrationProgress() == nil
                })

            let quick = try centre.file(vm1On: 0)
            let done = try Whatif.run(["apply", quick, "--plan", plan, "--yes", "--json"])
            #expect(done.status == 0, "\(done.errors)")
            #expect(
                done.errors.contains("1. power on n2 (done)") && done.errors.contains("step 2 of 3"), "\(done.errors)")
            #expect(
                done.output.contains("\"doneBefore\" : 1") && done.output.contains("\"left\" : 0"), "\(done.output)")
            #expect(try node.domain("vm1")?.state() == .running && !centre.isOn(centre.hosts[0]))
            let view = GuestView(try centre.hosts[1].inside)
            #expect(Whatif.wait(seconds: 60) { view.isUp })
            #expect(try view.token == token)

            let again = try Whatif.run(["apply", quick, "--plan", plan, "--yes"])
            #expect(again.status == 0 && !again.errors.contains("step "), "\(again.errors)")

            let back = try centre.file(vm1On: 1)
            // Killed before and behind each of its three steps: the next one goes on from where everything is.
            let home = ["apply", back, "--plan", try centre.plan(back), "--yes"]
            var kills = 0
            while true {
                let moment = "WHATIF_KILL_AT=\(kills % 2 + 1)"
                let run = try ChildProcess.run(["env", moment, Whatif.binary] + home)
                if run.status == 0 { break }
                try #require(run.status == 128 + SIGKILL && kills < 6, "\(run.errors)")
                kills += 1
            }
            #expect(kills == 6)
            #expect(
                try centre.isOn(centre.hosts[0]) && !centre.isOn(centre.hosts[1]) && first.domain.state() == .running)
            #expect(try Whatif.wait(seconds: 60) { try first.original.isUp } && first.original.token == token)
        }
    }

    /// What does not fit where everything is, is not begun; and a machine is not sent where there is no room for it.
    @Test func aPlanThatDoesNotFitIsNotCarriedOut() throws {
        let first = try MachineHost.shared
        try withCentre { centre, node in
            let gone = try centre.file(vm1On: 0, further: "  - { name: vm9, on: n1, cpu: 100%, memory: 1 GiB }")
            let astray = try Whatif.run(["apply", gone, "--plan", centre.plan(gone), "--yes"])
            #expect(
                astray.status == 3 && astray.errors.contains("domain vm9 is not running, where the plan has it on n1"),
                "\(astray.errors)")
            let ignorant = try centre.file(vm1On: 0, named: "vm9")
            let unknown = try Whatif.run(["apply", ignorant, "--plan", centre.plan(ignorant), "--yes"])
            #expect(unknown.status == 1 && unknown.errors.contains("domain vm1 runs on n1"), "\(unknown.errors)")
            #expect(!centre.isOn(centre.hosts[1]))

            let started = try centre.file(vm1On: 0, further: "  - { name: vm9, cpu: 10%, memory: 1 MiB }")
            let plain = try centre.plan(started)
            try first.domain.suspend()
            let paused = try Whatif.run(["apply", started, "--plan", plain, "--yes", "--json"])
            try first.domain.resume()
            #expect(
                paused.status == 1 && paused.errors.contains("vm1 is paused on n1")
                    && paused.output.contains("\"error\" : \"domain vm1 is paused"), "\(paused)")

            let large = try centre.file(vm1On: 0, memory: "70 TiB")
            let full = try Whatif.run(["apply", large, "--plan", centre.plan(large), "--yes"])
            #expect(
                full.status == 1 && full.errors.contains("vm1 may take 70 TiB, and n2 has")
                    && full.errors.contains("2 steps of the plan not done"), "\(full.errors)")
            #expect(centre.isOn(centre.hosts[0]))
            #expect(try node.domain("vm1") == nil && first.domain.state() == .running)

            let other = try centre.file(vm1On: 0)
            let stale = try Whatif.run(["apply", other, "--plan", "\(centre.folder)/plan.json", "--yes"])
            #expect(stale.status == 3 && stale.errors.contains("does not hold any more"), "\(stale)")
        }
    }
}
