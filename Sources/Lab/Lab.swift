import Foundation
import Glibc
import Hypervisor
import Model
package import OperatingSystem
import Proxies
import Volumes

/// The embedded data centre: one private host in namespaces of its own, with a real three-tier auction service.
package struct Lab {
    package struct DomainStatus: Sendable, Codable {
        package var name: String
        package var isRunning: Bool
        package var address: String
        /// In cores; nil is unlimited.
        package var cpuQuota: Double?
        /// The node that it runs on, where there are several; nil is the lab's own host.
        package var node: String?
    }

    /// What a lab may have beside the service. The raw value is the name on the command line.
    package enum Addition: String, CaseIterable, Sendable {
        case machine = "vm"
        case storage
    }

    /// The virtual machine of a lab that was brought up with one.
    package static let machine = Guest()
    /// The storage machine of a lab that was brought up with one.
    package static let storage = StorageMachine()
    /// What the app tier starts with: too little for the demonstration's load, so that there is something to find.
    package static let appQuota = 0.28

    private let files: LabFiles
    private let interrupt: InterruptSignal
    private let say: (String) -> Void
    private var services = [AuctionService.first]

    package init(_ files: LabFiles, interrupt: InterruptSignal, say: @escaping (String) -> Void) {
        self.files = files
        self.interrupt = interrupt
        self.say = say
    }

    /// Brings the lab up with so many auction services and further nodes, and leaves the calling process inside the private host. What fails is
    /// undone.
    package mutating func up(with further: Set<Addition> = [], services count: Int = 1, nodes: Int = 0) throws {
        services = (1...max(1, count)).map(AuctionService.init)
        guard ProcessIdentity.isRoot else { throw LabError.notRoot }
        if files.holder != nil { throw LabError.alreadyUp }
        let recipes = try LabFiles.recipes()
        let archive = try files.rootArchive(recipes: recipes)
        try makeImages(recipes, archive, hasMachines: !further.isEmpty || nodes > 0, further)
        // What a killed `up` or `down` may have left.
        try down()
        let home = try NamespaceSet(of: "self")
        do {
            say("starting the private host")
            let holder = try files.host.start(interrupt: interrupt)
            try files.host.makeBridge()
            try startNodes(nodes)
            try Namespaces.enter(of: holder)
            try makeVolume(archive)
            for service in services { try start(service, recipes) }
            // They boot beside each other.
            if further.contains(.storage) { try startStorage() }
            if further.contains(.machine) { try startMachine() }
            if further.contains(.storage) { try startMachineOnStorage() }
            for number in 1...LabNode.most where number <= nodes { try waitForGuest(LabNode(number, files).guest) }
        } catch {
            // From inside, the host's own cgroups and processes could not be told from the lab's.
            try home.enter()
            try down()
            throw error
        }
    }

    /// What is made once on a machine is made by one: whoever comes up meanwhile waits for it, and takes it.
    private func makeImages(_ recipes: String, _ archive: String, hasMachines: Bool, _ further: Set<Addition>) throws {
        try FileManager.default.createDirectory(atPath: files.cache, withIntermediateDirectories: true)
        var turn = try FileLock.take(files.cache + "/lab.lock")
        while turn == nil {
            if interrupt.wait(seconds: 0.1) == .interrupted { throw LabError.hostFailed("interrupted") }
            turn = try FileLock.take(files.cache + "/lab.lock")
        }
        defer { withExtendedLifetime(turn) {} }
        if !FileManager.default.fileExists(atPath: archive) { try buildRoot(recipes, archive) }
        if hasMachines { try Guest.image(say: say) }
        if further.contains(.storage) { try StorageMachine.image(say: say) }
    }

    private func buildRoot(_ recipes: String, _ archive: String) throws {
        say("building the containers' root file system from Debian packages (once, about half a minute)")
        try ChildProcess.succeed([recipes + "/lab/image/build", archive])
        for name in try FileManager.default.contentsOfDirectory(atPath: files.cache)
        where name.hasPrefix("auction-") && "\(files.cache)/\(name)" != archive {
            try? FileManager.default.removeItem(atPath: "\(files.cache)/\(name)")
        }
    }

    /// btrfs in a sparse loop file, mounted in the host's mount namespace; the loop device goes with the mount.
    private func makeVolume(_ archive: String) throws {
        say("unpacking the root file systems onto btrfs")
        try ChildProcess.succeed(["truncate", "--size", "8G", files.image])
        try ChildProcess.succeed(["mkfs.btrfs", "--quiet", files.image])
        try FileManager.default.createDirectory(atPath: files.volume, withIntermediateDirectories: true)
        try ChildProcess.succeed(["mount", "-o", "loop,noatime", files.image, files.volume])
        try Subvolume.create(files.volume + "/base")
        try ChildProcess.succeed(["tar", "--extract", "--file", archive, "--directory", files.volume + "/base"])
        for service in services {
            for name in service.domains {
                let root = "\(files.volume)/\(name)"
                try Subvolume.snapshot(files.volume + "/base", to: root, needed: 0)
                guard service.number > 1 else { continue }
                let hosts = try String(contentsOfFile: root + "/etc/hosts", encoding: .utf8)
                try service.hosts(hosts).write(toFile: root + "/etc/hosts", atomically: false, encoding: .utf8)
            }
        }
    }

    private func start(_ service: AuctionService, _ recipes: String) throws {
        let names = service.domains
        say("starting \(names[0]) (PostgreSQL), \(names[1]) (auction application) and \(names[2]) (nginx)")
        let node = try Node(connect: "lxc:///system")
        for tier in AuctionService.tiers {
            try node.define(try service.definition(tier, recipes: recipes, volume: files.volume)).start()
        }
        // The first requests also fill the application's connection pool.
        let health = try Fetch.get(service.web, "/", times: 16, within: .seconds(30), interrupt: interrupt)
        guard health.allSatisfy({ $0 == 200 }), !health.isEmpty else {
            throw LabError.serviceFailed(
                "\(names[2]) answers \(health.map { "\($0)" }.joined(separator: ", ")) to GET /")
        }
        try node.domain(service.app)?.setCPUQuota(Self.appQuota)
        say("the auction service answers at \(service.web)")
    }

    /// From outside of the lab's own host. Their machines boot while the lab's containers start.
    private func startNodes(_ count: Int) throws {
        for number in 1...LabNode.most where number <= count {
            let node = LabNode(number, files)
            say("starting \(node.name) with \(node.guest.name) (a virtual machine of QEMU)")
            try node.powerOn(interrupt: interrupt)
            try node.startGuest()
        }
    }

    private func startMachine() throws {
        say("starting vm1 (a virtual machine of QEMU)")
        try Self.machine.start(on: files.host, disk: files.volume + "/vm1.qcow2")
        try waitForGuest(Self.machine)
    }

    private func waitForGuest(_ guest: Guest) throws {
        guard let address = IPAddress(guest.address) else { return }
        let server = Endpoint(address, 80)
        let health = try Fetch.get(server, "/cgi-bin/state", times: 1, within: .seconds(60), interrupt: interrupt)
        guard health == [200] else { throw LabError.serviceFailed("\(guest.name) does not answer") }
        say("\(guest.name) answers at http://\(server)/cgi-bin/state")
    }

    private func startStorage() throws {
        say("starting store1 (a storage machine with LVM)")
        try Self.storage.start(on: files.host, disk: files.volume + "/store1.raw")
    }

    private func startMachineOnStorage() throws {
        try Self.storage.prepareVolumes(isInterrupted: { interrupt.hasCome })
        say("starting vm2 (a virtual machine on store1's logical volumes)")
        try StorageMachine.machine.start(on: files.host, disks: Self.storage.disks)
        try waitForGuest(StorageMachine.machine)
    }

    /// Takes the lab down. Everything the lab made is gone afterwards; without a lab it does nothing.
    package func down() throws {
        try endUsers()
        try files.alone(interrupt) {
            for node in LabNode.all(files) { try node.remove() }
            try files.host.end { !loopIsAttached }
        }
    }

    /// A process that entered the host keeps its mounts alive: it has to end first, by its owner.
    private func endUsers() throws {
        guard let holder = files.holder else { return }
        let link = { (pid: Int32) in try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/mnt") }
        guard let namespace = link(holder) else { return }
        let members = files.group.members.union([ProcessIdentity.current])
        let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        let users = all.filter { !members.contains($0) && link($0) == namespace }
        if !users.isEmpty { throw LabError.inUse(pids: users.sorted()) }
    }

    private var loopIsAttached: Bool {
        let list =
            (try? ChildProcess.run(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]))?.output ?? ""
        return list.split(separator: "\n").contains { $0.hasPrefix(files.image) }
    }

    /// From inside the private host.
    package static func status(_ files: LabFiles) throws -> [DomainStatus] {
        let containers = try status(try Node(connect: files.host.uri("lxc")))
        // QEMU's driver needs its time for a first connection, and is not asked without need.
        let hasMachines = ["vm1.qcow2", "store1.raw"].contains {
            FileManager.default.fileExists(atPath: "\(files.volume)/\($0)")
        }
        let further = try LabNode.all(files).filter(\.isOn).flatMap { node in
            try status(try Node(connect: node.host.uri("qemu"))).map { domain in
                var domain = domain
                domain.node = node.name
                domain.address =
                    (1...LabNode.most).map { LabNode($0, files).guest }.first { $0.name == domain.name }?.address ?? ""
                return domain
            }
        }
        guard hasMachines else { return containers + further }
        var machines = try status(try Node(connect: files.host.uri("qemu")))
        let addresses = [
            machine.name: machine.address, StorageMachine.machine.name: StorageMachine.machine.address,
            storage.name: storage.address,
        ]
        for index in machines.indices { machines[index].address = addresses[machines[index].name] ?? "" }
        return containers + machines + further
    }

    private static func status(_ node: Node) throws -> [DomainStatus] {
        try node.domains().sorted { $0.name < $1.name }.map { domain in
            let description = try domain.description()
            return DomainStatus(
                name: domain.name, isRunning: domain.isActive,
                address: description.interfaces.first?.addresses.first?.description ?? "",
                cpuQuota: domain.isActive ? try domain.cpuQuota() : nil)
        }
    }
}
