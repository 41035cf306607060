import Foundation
import Glibc
import OperatingSystem
import Store
import Testing

/// Clones of a machine with disks on another machine's logical volumes, a classic and a thin one.
extension SystemTests.MachineCloneTests {
    static let volumes = [
        "--storage", "busybox nc 10.50.0.60 7000", "--volume", "vda=data/vm2", "--volume", "vdb=data/vm2-thin",
    ]
    static let nbd = ["--export", "nbd://10.50.0.60:10900-10999"]
    static let iscsi = ["--export", "iscsi://10.50.0.60"]

    private func vm2() throws -> GuestView { GuestView(try Self.inside, at: "10.50.0.41") }

    /// The numbers that the guest had written to each of its disks at one moment.
    private func expectOneMoment(_ view: GuestView) throws {
        let found = try view.state("found").split(separator: " ").compactMap { Int($0) }
        try #require(found.count == 2)
        #expect((0...1).contains(found[0] - found[1]), "the disks are not of one moment: \(found)")
        #expect(found[1] > 0)
    }

    @Test(arguments: [("background", "2"), ("live", "1")])
    func twinsGoOnFromSnapshotsElsewhere(_ way: String, _ count: String) throws {
        let original = try vm2()
        let (token, disk) = (try original.token, try original.ask("write?7"))
        let clones = try clone(
            "vm2", ["--from", "memory", "--capture", way, "--count", count] + Self.volumes + Self.nbd)
        try #require("\(clones.count)" == count)
        #expect(clones.allSatisfy { $0.way == way && $0.pause ?? 0 > 0 })
        let later = try original.ask("write?8")
        #expect(later != disk)
        // It writes to its own volumes, whatever the way was.
        #expect(try !Self.virsh("domblklist", "vm2").contains("whatif-"))
        for clone in clones {
            let view = try view(clone)
            #expect(Whatif.wait(seconds: 60) { view.isUp })
            #expect(try view.token == token && view.ask("disk") == disk)
            #expect(try view.ask("write?9") != disk)
        }
        #expect(try original.ask("disk") == later)
        #expect(try Whatif.run("sandbox", "remove", clones[0].id).status == 0)
        try expectNothingLeft()
        #expect(try original.token == token && original.ask("disk") == later)
    }

    @Test(arguments: ["nbd", "iscsi"]) func aTwinBootsFromOneMomentOfAllDisks(_ way: String) throws {
        let original = try vm2()
        let disk = try original.ask("write?3")
        let export = way == "nbd" ? Self.nbd : Self.iscsi
        let clone = try #require(try self.clone("vm2", Self.volumes + export).first)
        #expect(clone.pause ?? 0 > 0)
        let show = try Whatif.run("sandbox", "show", clone.id).output
        #expect(show.contains("snapshot lvm:data/\(clone.domain)-vda@vm2, through busybox nc"), "\(show)")
        #expect(show.contains("export \(way):\(clone.domain)-vdb"), "\(show)")
        // Of the classic snapshot its own room, which is 64 MiB where nobody says another; of the thin one its pool.
        let room = show.split(separator: "\n").filter { $0.contains("snapshot lvm:") }.map { $0.hasSuffix(" used)") }
        #expect(room == [true, true] && show.contains(" of 64 MiB used)"), "\(show)")
        let view = try view(clone)
        #expect(Whatif.wait(seconds: 60) { view.isUp })
        #expect(try view.ask("disk") == disk)
        try expectOneMoment(view)
        #expect(try view.ask("write?4") != disk && original.ask("disk") == disk)
        #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
        try expectNothingLeft()
    }

    /// LVM would invalidate a classic snapshot that the original has filled: the clone ends before. So it does when it is still being
    /// prepared.
    @Test func aCloneThatIsPreparedEndsBeforeItsSnapshotIsFull() throws {
        Whatif.prepare()
        let command =
            ["clone", "vm2", "--room", "4 MiB", "--prepare", "sleep 60"] + Self.place + Self.volumes + Self.nbd
        let cloning = try Whatif.start(command, log: "full.log")
        let journal = try Journal(Whatif.state + "/journal.db")
        #expect(try Whatif.wait(seconds: 60) { try journal.entries().contains { $0.kind == .domain } })
        let original = try vm2()
        for seed in 0..<7 { _ = try original.ask("write?\(seed)") }
        #expect(cloning.wait() == 1)
        #expect(Whatif.log("full.log").contains("ended before it would have been full"), "\(Whatif.log("full.log"))")
        try expectNothingLeft()
    }

    /// The same of one that runs, by whoever waits for it, or by the guard of what is kept.
    @Test(arguments: ["full.log", "guard.log"]) func aCloneEndsBeforeItsSnapshotIsFull(_ log: String) throws {
        Whatif.prepare()
        let isWaiting = log == "full.log"
        let command = ["clone", "vm2", "--room", "4 MiB"] + Self.place + Self.volumes + Self.nbd
        let cloning = try Whatif.start(command + (isWaiting ? ["--wait"] : []), log: "full.log")
        #expect(Whatif.wait(seconds: 60) { Whatif.log("full.log").contains("runs as") }, "\(Whatif.log("full.log"))")
        let original = try vm2()
        for seed in 0..<7 { _ = try original.ask("write?\(seed)") }
        #expect(cloning.wait() == (isWaiting ? 1 : 0))
        #expect(Whatif.wait(seconds: 60) { (try? Whatif.run("sandbox", "list").output) == "the sandbox is empty\n" })
        #expect(Whatif.log(log).contains("ended before it would have been full"), "\(Whatif.log(log))")
        try expectNothingLeft()
    }

    @Test(
        arguments: [
            ([], "its disk vda is on nbd vm2: say which logical volume that is (--volume vda=GROUP/NAME)"),
            (volumes + nbd + ["--room", "1 GiB"], "the volume group data has"),
            (volumes + nbd + ["--volume", "vdc=data/vm2"], "it has no disk vdc that can be written"),
            (
                volumes.map { $0.replacing("data/vm2-thin", with: "data/none") } + nbd,
                "there is no logical volume data/none"
            ),
            (volumes.map { $0.replacing("7000", with: "7999") } + nbd, "no answer from"),
            (volumes, "--storage: say --export, too"),
            (volumes + ["--export", "ftp://10.50.0.60"], "--export: found 'ftp://10.50.0.60', expected nbd://"),
        ] as [([String], String)])
    func volumesThatCannotBeSnapshotAreRefused(_ arguments: [String], _ words: String) throws {
        Whatif.prepare()
        let result = try ChildProcess.run([Whatif.binary, "clone", "vm2"] + arguments + Self.place)
        #expect([1, 2, 4].contains(result.status) && result.errors.contains(words), "\(result.errors)")
        try expectNothingLeft()
    }
}
