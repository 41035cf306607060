import Arguments
import Cloning
import Hypervisor
import Model
import OperatingSystem
import Report
import Store
import Volumes

/// `whatif sandbox show ID`
enum SandboxShowCommand: Command {
    static let schema = CommandSchema(
        "sandbox show", "Show a clone: of what, since when, for whom, what it holds and what it costs.",
        discussion: """
            'space' is what on the volume belongs to the clone alone, in bytes; snapshots of logical volumes say what is used of
            their room, or of their pool. '--json' has no value for what cannot be read, as when the domain does not run.
            Needs root.
            """,
        operands: [.init("ID", "A clone, as 'whatif sandbox list' names it.")],
        options: [.flag("json", "One JSON object; times in seconds, sizes in bytes.")])

    private struct Thing: Encodable {
        var kind, name: String
        var seconds: Double
        /// Of snapshots of logical volumes: what is written to.
        var used, room: Int64?
    }

    private struct Record: Encodable {
        var id, of, node, connect, state, owner, requester, purpose: String
        var domain, address: String?
        /// All that it has, IPv4 first.
        var addresses: [String]
        /// Frames of the clone that were not its to send.
        var dropped: Int?
        var isRunning: Bool
        var seconds: Double
        /// How long it is still kept; none without a limit.
        var secondsLeft: Double?
        /// In cores; none is unlimited.
        var cpu: Double?
        var memory, space: Int64?
        var holds: [Thing]
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("looking into a sandbox")
        let holdings = try Holdings(try StateDirectory.standard())
        let entries = try holdings.entries(of: arguments.operand(0) ?? "")
        let first = entries[0]
        let owner = holdings.owners[first.owner]
        try Inputs.enter(node: first.node, holdings.state)
        let name = entries.first { $0.kind == .domain }?.identifier
        let domain = try name.flatMap { try Node(connect: first.connect).domain($0) }
        let runs = domain?.isActive ?? false
        let traffic = try Sandbox.traffic(of: first.clone)
        let addresses = traffic?.addresses.map(\.description) ?? []
        let fills = Sandbox.fills(entries)
        let until = owner?.keptUntil.flatMap { $0 == .distantFuture ? nil : $0 }
        let record = Record(
            id: first.clone, of: first.original, node: first.node ?? "this machine", connect: first.connect,
            state: holdings.state(of: first).rawValue, owner: first.owner, requester: owner?.requester ?? "",
            purpose: owner?.purpose ?? "", domain: name,
            address: addresses.first, addresses: addresses, dropped: traffic?.dropped, isRunning: runs,
            seconds: (holdings.now - first.created).seconds, secondsLeft: until.map { ($0 - holdings.now).seconds },
            cpu: runs ? try domain.flatMap(Self.cpu) : nil, memory: runs ? try domain?.memoryUsed() : nil,
            space: try Sandbox.space(entries),
            holds: entries.map { entry in
                Thing(
                    kind: entry.kind.rawValue, name: entry.identifier,
                    seconds: (holdings.now - entry.created).seconds, used: fills[entry.identifier]?.used,
                    room: fills[entry.identifier]?.room)
            })
        Terminal.print(arguments.flag("json") ? try MatrixData.encode(record) : text(record))
        return .done
    }

    /// Of the whole domain; nil is unlimited.
    private static func cpu(_ domain: Domain) throws -> Double? {
        try domain.cpuQuota() == nil ? nil : DomainAllocation(domain).setting(of: .cpu).number
    }

    private static func text(_ thing: Thing) -> String {
        let name = "\(thing.kind) \(thing.name.replacing("\n", with: ", "))"
        guard let used = thing.used, let room = thing.room else { return name }
        return "\(name) (\(Format.bytes(used)) of \(Format.bytes(room)) used)"
    }

    private static func text(_ record: Record) -> String {
        let mebibytes = { (bytes: Int64?) in bytes.map { "\(Format.decimal(Double($0) / 1_048_576, 1)) MiB" } ?? "–" }
        let kept = record.secondsLeft.map { ", for another \(Format.duration(.seconds($0)))" } ?? ""
        var lines = [
            ("clone", record.id), ("of", "\(record.of) on \(record.node), \(record.connect)"),
            ("state", record.state + kept + (record.isRunning ? "" : "; its domain does not run")),
            ("since", "\(Format.duration(.seconds(record.seconds))) ago"),
            ("for", "\(record.purpose) (\(record.owner)), asked by \(record.requester)"),
        ]
        if record.isRunning {
            lines.append(
                (
                    "address",
                    (record.addresses.isEmpty ? "–" : record.addresses.joined(separator: " and "))
                        + ", from inside 'whatif sandbox exec \(record.id) -- COMMAND'"
                ))
            lines.append(("dropped", "\(record.dropped ?? 0) frames that it may not send"))
            lines.append(("cpu", record.cpu.map(Format.percent) ?? "unlimited"))
            lines.append(("memory", mebibytes(record.memory)))
        }
        lines.append(("space", mebibytes(record.space)))
        let holds = record.holds.enumerated().map {
            ($0.offset == 0 ? "holds" : "", Self.text($0.element))
        }
        return (lines + holds).map { name, value in
            name + String(repeating: " ", count: 8 - name.count) + value
        }.joined(separator: "\n")
    }
}
