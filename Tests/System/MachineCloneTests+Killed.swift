import Foundation
import Glibc
import OperatingSystem
import Store
import Testing

extension SystemTests.MachineCloneTests {
    /// Every way to a clone of a machine.
    enum Way: String, CaseIterable, Sendable {
        case disk, memory, live, image, volumes, iscsi
        case volumesMemory = "volumes-memory"
        case volumesLive = "volumes-live"

        /// Each moment is tried with `WHATIF_FAULTS=all` (`Tools/faults`); every run of the tests has one in so many of them, more where the
        /// ways are not the same.
        var stride: Int {
            if ProcessInfo.processInfo.environment["WHATIF_FAULTS"] == "all" { return 1 }
            return switch self {
            case .memory: 2
            case .disk, .live, .volumes: 5
            case .image, .iscsi, .volumesMemory, .volumesLive: 11
            }
        }

        var isOnVolumes: Bool { [.volumes, .iscsi, .volumesMemory, .volumesLive].contains(self) }

        /// The first machine has an image in the node's files, the other one volumes of another machine.
        func command(image: String) -> [String] {
            let beginning =
                switch self {
                case .disk, .volumes, .iscsi: ["--from", "disk"]
                case .image: ["--from", image]
                case .memory, .volumesMemory: ["--from", "memory", "--capture", "background"]
                case .live, .volumesLive: ["--from", "memory", "--capture", "live"]
                }
            let tests = SystemTests.MachineCloneTests.self
            let volumes = isOnVolumes ? tests.volumes + (self == .iscsi ? tests.iscsi : tests.nbd) : []
            return ["clone", isOnVolumes ? "vm2" : "vm1"] + beginning + volumes + tests.place
        }
    }

    /// What production is asked: that it is the same run, goes on, and has on its disk what it wrote.
    private struct Alive: Equatable {
        let token, disk: String

        init(_ view: GuestView) throws { (token, disk) = (try view.token, try view.ask("disk")) }
    }

    /// Killed at the moments of making, of removing, and of the collector's work behind it: nothing is left, and the original runs on its
    /// own disk as it did, and is the one that it was.
    @Test(arguments: Way.allCases) func killedAtAnyMoment(_ way: Way) throws {
        let image = Self.volume + "/stored.qcow2"
        if way == .image {
            try LabHost.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"]).expectSuccess()
        }
        defer {
            // Of a test that fails.
            for id in Set((try? Journal(Whatif.state + "/journal.db").entries().map(\.clone)) ?? []) {
                _ = try? Whatif.run("sandbox", "remove", id)
            }
            _ = try? LabHost.run(["rm", "-f", image])
        }
        let command = way.command(image: image)
        let view = GuestView(try Self.inside, at: way.isOnVolumes ? "10.50.0.41" : "10.50.0.40")
        let (before, alive) = (try Self.footprint(), try Alive(view))
        var counter = try view.counter
        let journal = try Journal(Whatif.state + "/journal.db")
        let expectUntouched = { (moment: String) in
            #expect(try Self.footprint() == before, "\(moment)")
            #expect(try Alive(view) == alive, "\(moment)")
            let now = try view.counter
            #expect(now >= counter, "\(moment)")
            counter = now
        }

        var moment = 1
        while try isKilled(at: moment, command) {
            if let owner = try journal.owners().values.first(where: { $0.keptUntil != nil })?.name {
                // Complete and kept just before it was killed: that is no remains.
                let id = try journal.entries().first { $0.owner == owner }?.clone ?? ""
                #expect(try Whatif.run("sandbox", "remove", id).status == 0)
            }
            let collected = try Whatif.run("sandbox", "gc")
            #expect(collected.status == 0, "\(moment): \(collected.errors)")
            try expectUntouched("made until \(moment)")
            moment += way.stride
        }
        // Before and after each entry and its being kept, and in the capture.
        let entries = try journal.entries().count
        #expect(moment > 2 * (entries + 1))

        // Before and behind its release; then the collector, at every moment of every thing: where it comes no further it is killed one
        // moment later.
        let id = try #require(try journal.entries().first?.clone)
        #expect(try isKilled(at: 1, ["sandbox", "remove", id]) && isKilled(at: 2, ["sandbox", "remove", id]))
        var (left, at, kills) = (entries, way.stride, 0)
        while try isKilled(at: at, ["sandbox", "gc"]) {
            kills += 1
            let now = try journal.entries().count
            (left, at) = (now, now < left ? way.stride : at + 1)
            try #require(kills < 100)
        }
        #expect(kills > 0 && (way.stride > 1 || kills >= 2 * entries))
        let gone = try Whatif.run("sandbox", "gc")
        #expect(gone.status == 0, "\(gone.errors)")
        #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
        try expectUntouched("removed")
    }

    /// A moment that the command does not come to lets it end.
    private func isKilled(at moment: Int, _ arguments: [String]) throws -> Bool {
        Whatif.prepare()
        let status = try ChildProcess.run(["env", "WHATIF_KILL_AT=\(moment)", Whatif.binary] + arguments).status
        try #require(status == 0 || status == 128 + SIGKILL, "\(moment): \(status)")
        return status != 0
    }
}
