import Foundation
import Glibc
import Hypervisor
import Lab
import OperatingSystem
import Store
import Synchronization
import Testing

/// A private host of the suite's own with one booted virtual machine, `vm1`.
final class MachineHost: Sendable {
    /// Another than the lab's, so that both can be up.
    static let state = Whatif.state + "-machines"
    private static let current = Mutex<MachineHost?>(nil)

    static var shared: MachineHost {
        get throws {
            let host = current.withLock(\.self)
            return try #require(host, "the machine's host is not up")
        }
    }

    let host: PrivateHost
    let node: Node
    let guest = Guest()
    /// For the files of captures and clones.
    let folder: String

    /// What the guest was filled with, and its checksum.
    let memory: String

    private init() throws {
        Whatif.prepare()
        try Guest.image { _ in }
        // One that a killed run has left.
        let files = LabFiles(try StateDirectory(Self.state))
        try files.host.end()
        host = files.host
        folder = host.directory + "/machines"
        do {
            _ = try host.start(interrupt: InterruptSignal())
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try host.makeBridge()
            try guest.start(on: host, disk: folder + "/vm1.qcow2")
            node = try Node(connect: host.uri("qemu"))
            let place = GuestView(try host.inside)
            try #require(Whatif.wait(seconds: 120) { place.isUp }, "vm1 does not boot")
            memory = try place.ask("fill?48")
        } catch {
            try? files.host.end()
            throw error
        }
    }

    static func up() throws {
        let new = try MachineHost()
        current.withLock { $0 = new }
    }

    static func down() throws {
        let host = current.withLock { host in
            defer { host = nil }
            return host?.host
        }
        try host?.end()
        try FileManager.default.removeItem(atPath: state)
    }

    var domain: Domain { get throws { try #require(try node.domain("vm1")) } }

    /// The original, from its own bridge.
    var original: GuestView { get throws { GuestView(try host.inside) } }

    func virsh(_ arguments: String...) throws -> String {
        try ChildProcess.succeed(["virsh", "--connect", host.uri("qemu")] + arguments)
    }

    /// What must be as before when a capture is over: both descriptions, the disk's chain, the files.
    func footprint() throws -> String {
        [
            // In one run of virsh, most of whose time is its start. Whether the guest's agent has come up is not ours.
            try virsh("dumpxml vm1; dumpxml --inactive vm1; list --all --name; snapshot-list vm1 --name")
                .replacing(/\sstate='(dis)?connected'/, with: ""),
            try ChildProcess.succeed(["ls", folder]),
            try virsh("qemu-monitor-command", "vm1", #"{"execute":"query-migrate-capabilities"}"#)
                .replacing(/"id":"libvirt-\d+"/, with: ""),
        ].joined(separator: "\n")
    }
}

/// The guest as it is seen from a network.
struct GuestView: Sendable {
    private let place: [String]
    private let address: String

    /// `place` are the words before a command that is to be run there.
    init(_ place: [String], at address: String = "10.50.0.40") { (self.place, self.address) = (place, address) }

    func ask(_ what: String) throws -> String {
        try ChildProcess.succeed(
            place + ["curl", "--silent", "--fail", "--max-time", "30", "http://\(address)/cgi-bin/\(what)"]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    var isUp: Bool {
        (try? ChildProcess.run(
            place + ["curl", "--silent", "--fail", "--max-time", "1", "http://\(address)/cgi-bin/state"]
        ).status) == 0
    }

    func state(_ key: String) throws -> String {
        let lines = try ask("state").split(separator: "\n")
        return String(try #require(lines.first { $0.hasPrefix(key + "=") }).dropFirst(key.utf8.count + 1))
    }

    var token: String { get throws { try state("token") } }
    var counter: Int { get throws { try #require(Int(try state("counter"))) } }
}

/// A bridge that leads nowhere but to a network namespace of its own, which is the gateway that the guest knows.
final class IsolatedBridge {
    let name: String
    private let holder: ChildProcess
    private let host: PrivateHost

    init(_ name: String, on host: PrivateHost) throws {
        self.name = name
        self.host = host
        let inside = try host.inside
        let outside = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        let home = try FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/\(try #require(host.holder))/ns/net")
        let holder = try ChildProcess(inside + ["unshare", "--net", "sleep", "infinity"])
        self.holder = holder
        try #require(
            Whatif.wait(seconds: 60) {
                let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(holder.pid)/ns/net")
                return own.map { $0 != home && $0 != outside } ?? false
            })
        try host.run(
            ["ip", "-batch", "-"],
            input: """
                link add name \(name) type bridge
                link add name \(name)v type veth peer name leg netns \(holder.pid)
                link set dev \(name)v master \(name) up
                link set dev \(name) up
                """)
        try ChildProcess.succeed(
            ["nsenter", "--target", "\(holder.pid)", "--net", "--", "ip", "-batch", "-"],
            input: """
                link set dev leg address 52:54:00:00:50:01
                address add 10.50.0.1/24 dev leg
                link set dev leg up
                """)
    }

    var view: GuestView { GuestView(["nsenter", "--target", "\(holder.pid)", "--net", "--"]) }

    func remove() {
        _ = try? host.run(["ip", "link", "delete", name])
        holder.end()
    }
}

/// The host for a whole suite: up before, down after, whatever happens between.
struct MachineTrait: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try MachineHost.up()
        do {
            try await function()
        } catch {
            try MachineHost.down()
            throw error
        }
        try MachineHost.down()
    }
}

extension Trait where Self == MachineTrait {
    static var machine: Self { MachineTrait() }
}
