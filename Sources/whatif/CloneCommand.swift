import Arguments
import Cloning
import Experimenter
import Hypervisor
import Model
import OperatingSystem
import Report
import Store
import Volumes

/// `whatif clone DOMAIN`
enum CloneCommand: Command {
    static let schema = CommandSchema(
        "clone", "Make a harmless twin of a running domain, which goes on undisturbed.",
        discussion: """
            The clone keeps its addresses (IPv4, IPv6 or both) and MAC inside, and reaches nothing but a network namespace of
            its own, which stands where the domain's neighbours stand on-line: 'whatif sandbox exec ID -- COMMAND' runs a
            command there. It stays until 'whatif sandbox remove ID', or until the time of --for is over; with --wait, it
            goes when this command ends. A clone whose volume, or whose original's, is about to be full is ended before
            that. Needs root.

            --from disk: the clone boots from a snapshot of the disks, as after a loss of power. --from memory (QEMU
            machines): it goes on from a moment of the original, which stands meanwhile for some milliseconds. --from PATH:
            it begins with a stored image, a btrfs subvolume or the image of a disk.

            A machine's clones of one command share its moment, and go together. While they are there its disks are held as
            they were: of files, it writes to overlays, which are merged back when the clones go; of logical volumes LVM
            makes snapshots, on another machine too (--storage), which serves them for reading over NBD or iSCSI.

            '--json' writes a list: id, domain, address, addresses (all that it has, IPv4 first), made (seconds it took),
            pause (seconds that the original stood), way (of the capture), reason (why that way takes a longer pause than
            another would).
            """,
        operands: [.init("DOMAIN", "The domain to clone, as 'virsh list' names it.")],
        options: [
            .value("connect", "URI", "libvirt of the node (default lxc:///system)."),
            .value("node", "NAME", "The private host to enter first: lab."),
            .value("from", "disk|memory|PATH", "What the clone begins with (default disk)."),
            .value(
                "capture", "background|live",
                "How memory is taken: QEMU's way, with the shorter pause, or libvirt's (default: the first that can be had)."
            ),
            .value("cpu", "SHARE", "CPU quota, such as 60% of one core (default: as the original)."),
            .value("cpu-shares", "N", "CPU weight against others; 1024 is the usual one."),
            .value("vcpus", "N", "Virtual processors, of a machine."),
            .value("cpu-set", "LIST", "Processors of the node, such as 0-1,3."),
            .value(
                "memory", "SIZE", "Memory, such as '256 MiB': a container's limit, what a machine's balloon leaves it."),
            .value("disk-read", "SIZE", "What it may read from its disks in a second."),
            .value("disk-write", "SIZE", "What it may write to them in a second."),
            .value("network", "SIZE", "What it may send in a second, and what it may be sent."),
            .value(
                "prepare", "COMMAND",
                "Run this inside the clone until it succeeds (in a machine by QEMU's guest agent in it)."),
            .value("boot-limit", "DURATION", "How long --prepare may take (default 60 s)."),
            .value(
                "storage", "COMMAND",
                "What leads to whatif-storage on the machine that has the domain's volumes, such as 'ssh storage1 whatif-storage' (default: this machine's LVM)."
            ),
            .repeated(
                "volume", "DISK=GROUP/NAME", "The logical volume that a disk of the domain comes from over the network."
            ),
            .value("export", "URI", "Where that machine serves snapshots: \(ExportPlace.expected)."),
            .value(
                "room", "SIZE",
                "What the domain may write to a logical volume while its clones live (default 64 MiB)."),
            .repeated(
                "address", "ADDRESS",
                "The domain's address, one of IPv4 and one of IPv6, where neither its XML nor the node knows it, or another is meant."
            ),
            .repeated(
                "neighbour", "ADDRESS",
                "An address, IPv4 or IPv6, that stands behind the clone's network (default: the node's own on the domain's bridge)."
            ),
            .value("count", "N", "Make so many clones, each in a sandbox of its own (default 1)."),
            .value("for", "DURATION", "Keep it no longer than this."),
            .flag("wait", "Keep it until Ctrl-C, or until the time of --for is over, and remove it then."),
            .flag("json", "The clones as a JSON list."),
        ])

    private struct Line: Encodable {
        var id, domain, address: String
        var addresses: [String]
        var made: Double
        var pause: Double?
        var way, reason: String?
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("cloning")
        let request = try Request(arguments)
        let state = try StateDirectory.standard()
        // Before the node is entered, whose processes go with it.
        let guardian = try arguments.flag("wait") ? nil : CloneGuard(state)
        let (node, nodeName) = try Inputs.node(arguments, state)
        let source = try CloneMaker.resolved(request.source)
        let interrupt = try InterruptSignal()
        let clock = SteadyClock()
        let domain = try Campaign.find(request.domain, node)
        var original = try domain.description()
        try CloneMaker.requireDriver(of: original)
        original.learn(request.addresses)
        let neighbours = try request.neighbours.isEmpty ? NodeAddresses.onBridge(of: original) : request.neighbours
        var allocation = request.allocation
        if allocation[.cpu] == nil, try domain.cpuQuota() != nil {
            allocation.values[.cpu] = try DomainAllocation(domain).setting(of: .cpu)
        }
        let journal = try Journal(state.journal)
        var groups: [KeptClones] = []
        do {
            for _ in 0..<request.count {
                // Clones of a machine's one moment stay together.
                if groups.isEmpty || !original.isMachine || source.isImage {
                    groups.append(try KeptClones(of: original, on: node, nodeName, state, journal, clock))
                }
                try groups[groups.count - 1].make(
                    from: source, on: request.site, by: request.way, neighbours: neighbours, allocation)
                if interrupt.hasCome { throw Interrupted() }
            }
            if let preparation = request.preparation {
                for made in groups.flatMap(\.made) {
                    try preparation.run(in: made.clone, clock: clock) {
                        if interrupt.wait(seconds: $0) == .interrupted { throw Interrupted() }
                        for group in groups { try group.watchRoom() }
                    }
                }
            }
            if !arguments.flag("wait") {
                let end = request.period.map { Timestamp(nanoseconds: clock.now) + $0 } ?? .distantFuture
                for group in groups {
                    try group.keep(until: end)
                    try guardian?.lookAfter(group.owner)
                }
            }
            try show(groups.flatMap(\.made), arguments)
            if !arguments.flag("wait") { return .done }
            let end = Timestamp(nanoseconds: clock.now) + (request.period ?? .seconds(1_000_000_000))
            while Timestamp(nanoseconds: clock.now) < end, interrupt.wait(seconds: 1) == .timedOut {
                for group in groups { try group.requireRoom() }
            }
        } catch {
            do { try remove(groups) } catch let left { throw CleanUpError(cause: error, left: left) }
            throw error
        }
        try remove(groups)
        return .done
    }

    private static func remove(_ groups: [KeptClones]) throws {
        for group in groups.reversed() { try group.remove() }
    }

    private static func show(_ made: [KeptClones.Made], _ arguments: ParsedArguments) throws {
        let lines = made.map { made in
            let identity = made.clone.identity
            let addresses = identity.addresses.map { "\($0.outside)" }
            return Line(
                id: identity.id, domain: identity.domain, address: addresses.first ?? "", addresses: addresses,
                made: made.seconds, pause: made.clone.capture?.pause?.seconds, way: made.clone.capture?.way?.rawValue,
                reason: made.clone.capture?.ability?.reason)
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(lines))
            return
        }
        for (number, line) in lines.enumerated() {
            if number == 0, let pause = line.pause, let ability = made[0].clone.capture?.ability {
                Terminal.note("the original stood for \(Format.duration(.seconds(pause))) (\(ability))")
            }
            Terminal.print(
                "clone \(line.id) runs as \(line.domain), made in \(Format.decimal(line.made, 2)) s; it answers at "
                    + "\(line.addresses.joined(separator: " and ")), from inside 'whatif sandbox exec \(line.id) -- COMMAND'"
            )
        }
    }
}

/// What was asked for on the command line.
private struct Request {
    let domain: String
    let source: CloneSource
    let period: Duration?
    let count: Int
    let allocation: Allocation
    let preparation: Preparation?
    let addresses: [IPAddress]
    let neighbours: [IPAddress]
    let site: VolumeSite
    let way: CaptureWay?

    init(_ arguments: ParsedArguments) throws {
        domain = arguments.operand(0) ?? ""
        do throws(UnitError) { source = try CloneSource(parsing: arguments.value("from") ?? "disk") } catch {
            throw UsageError("--from: \(error)")
        }
        period = try Inputs.duration(arguments, "for")
        count = try Inputs.count(arguments, "count", in: 1...64) ?? 1
        allocation = try Self.allocation(arguments)
        let limit = try Inputs.duration(arguments, "boot-limit") ?? .seconds(60)
        let tier = domain
        preparation = arguments.value("prepare").map {
            Preparation(tier: tier, command: $0, limit: limit, secret: nil)
        }
        addresses = try arguments.values("address").map { try Self.address($0, "address") }
        for family in [IPAddress.Family.v4, .v6] where addresses.count(where: { $0.family == family }) > 1 {
            throw UsageError(
                "--address: found \(addresses.map(\.description).joined(separator: " and ")), expected one of a family")
        }
        if let local = addresses.first(where: \.isLinkLocal) {
            throw UsageError("--address: \(local) is link-local: the domain needs one that its neighbours know")
        }
        neighbours = try arguments.values("neighbour").map { try Self.address($0, "neighbour") }
        site = try Self.site(arguments)
        way = try arguments.value("capture").map { text in
            guard let way = CaptureWay(rawValue: text) else {
                throw UsageError("--capture: found '\(text)', expected background or live")
            }
            return way
        }
        if way != nil, source != .memory { throw UsageError("--capture: only with --from memory") }
    }

    private static func site(_ arguments: ParsedArguments) throws -> VolumeSite {
        var site = VolumeSite()
        site.through = arguments.value("storage")
        if site.through?.contains("\n") == true { throw UsageError("--storage: expected one line") }
        for text in arguments.values("volume") {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let volume = LogicalVolume(parts[1]) else {
                throw UsageError("--volume: found '\(text)', expected DISK=GROUP/NAME, such as vda=data/vm1")
            }
            site.volumes[String(parts[0])] = volume
        }
        site.export = try arguments.value("export").map { text in
            guard let place = ExportPlace(text) else {
                throw UsageError("--export: found '\(text)', expected \(ExportPlace.expected)")
            }
            return place
        }
        if site.through != nil, site.export == nil { throw UsageError("--storage: say --export, too") }
        if site.export != nil, site.through == nil { throw UsageError("--export: say --storage, too") }
        site.room = try size(arguments, "room") ?? VolumeSite.usualRoom
        return site
    }

    private static func size(_ arguments: ParsedArguments, _ name: String) throws -> Int64? {
        guard let text = arguments.value(name) else { return nil }
        do { return try Units.bytes(text) } catch { throw UsageError("--\(name): \(error)") }
    }

    private static let options: [(name: String, resource: Resource)] = [
        ("cpu", .cpu), ("cpu-shares", .shares), ("vcpus", .vcpus), ("cpu-set", .processors), ("memory", .memory),
        ("disk-read", .diskRead), ("disk-write", .diskWrite), ("network", .network),
    ]

    private static func allocation(_ arguments: ParsedArguments) throws -> Allocation {
        var allocation = Allocation()
        for (name, resource) in options {
            guard let text = arguments.value(name) else { continue }
            do throws(UnitError) { allocation.values[resource] = try resource.parse(text) } catch {
                throw UsageError("--\(name): \(error)")
            }
        }
        return allocation
    }

    private static func address(_ text: String, _ option: String) throws -> IPAddress {
        guard let address = IPAddress(text), address.isUnicast else {
            throw UsageError("--\(option): found '\(text)', expected an IPv4 or IPv6 address of one host")
        }
        guard !CloneIdentity.isOutside(address) else {
            throw UsageError(
                "--\(option): \(address) is where clones have their addresses (\(CloneIdentity.outsideNetwork(address.family)))"
            )
        }
        return address
    }
}

extension CloneSource {
    fileprivate var isImage: Bool { if case .image = self { true } else { false } }
}
