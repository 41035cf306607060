import Foundation
import Glibc
import Hypervisor
import Lab
import OperatingSystem
import Store
import Testing

extension SystemTests.MachineTests {
    /// A second node, on which the machine's disk is the same file.
    func withNode(_ body: (PrivateHost, Node) throws -> Void) throws {
        let state = MachineHost.state + "-2"
        let host = LabFiles(try StateDirectory(state)).host
        try host.end()
        defer {
            try? host.end()
            try? FileManager.default.removeItem(atPath: state)
        }
        _ = try host.start(interrupt: InterruptSignal())
        try host.makeBridge()
        try body(host, try Node(connect: host.uri("qemu")))
    }

    private func migrate(from: PrivateHost, to: PrivateHost, _ further: String...) -> [String] {
        let socket = to.directory + "/migration.sock"
        return [
            "cluster", "migrate", "vm1", "--connect", from.uri("qemu"), "--to", to.uri("qemu"), "--transport",
            "unix://\(socket)", "--shared-disks",
        ] + further
    }

    /// There and back while it runs: what is in its memory goes with it, and it is on one node only.
    @Test func aMachineGoesToAnotherNodeAndBack() throws {
        let first = try MachineHost.shared
        let (token, counter) = (try first.original.token, try first.original.counter)
        try withNode { second, node in
            let there = try Whatif.run(migrate(from: first.host, to: second, "--json"))
            #expect(there.status == 0, "\(there.errors)")
            #expect(try first.node.domain("vm1") == nil)
            #expect(try node.domain("vm1")?.state() == .running)
            let view = GuestView(try second.inside)
            #expect(Whatif.wait(seconds: 60) { view.isUp })
            #expect(try view.token == token && view.counter >= counter)
            let twice = try Whatif.run(migrate(from: first.host, to: second))
            #expect(twice.status == 1 && twice.errors.contains("there is no running domain 'vm1'"), "\(twice.errors)")

            let back = try Whatif.run(migrate(from: second, to: first.host))
            #expect(back.status == 0 && back.output.contains("vm1 runs at"), "\(back.errors)")
            #expect(try node.domain("vm1") == nil)
            #expect(try Whatif.wait(seconds: 60) { try first.original.isUp })
            #expect(try first.original.token == token)
        }
    }

    /// Too slow, interrupted, killed: the machine goes on where it was, and nothing of it is on the other node.
    @Test func aMigrationThatEndsEarlyChangesNothing() throws {
        let first = try MachineHost.shared
        let token = try first.original.token
        try withNode { second, node in
            let stays = {
                try Whatif.wait(seconds: 60) {
                    try node.domain("vm1") == nil && first.domain.state() == .running
                        && first.domain.migrationProgress() == nil
                } && first.original.token == token
            }
            let slow = migrate(from: first.host, to: second, "--bandwidth", "1 MiB/s", "--within", "1 s")
            let late = try Whatif.run(slow)
            #expect(late.status == 1 && late.errors.contains("goes on where it was"), "\(late.errors)")
            #expect(try stays())
            for signal in [SIGINT, SIGKILL] {
                let run = try Whatif.start(Array(slow.dropLast(2)), log: "migration.log")
                #expect(try Whatif.wait(seconds: 60) { try first.domain.migrationProgress() != nil })
                kill(run.pid, signal)
                run.wait()
                #expect(try stays(), "\(Whatif.log("migration.log"))")
            }
        }
    }
}
