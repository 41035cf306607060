import Arguments
import Hypervisor
import Manager
import Model
import OperatingSystem
import Report

/// `whatif cluster migrate DOMAIN`
enum ClusterMigrateCommand: Command {
    static let schema = CommandSchema(
        "cluster migrate", "Move a running virtual machine to another node while it runs.",
        discussion: """
            Live, by pre-copy. The machine runs on the other node then and is defined there; or it goes on where it was, after any
            error, Ctrl-C, a kill, or when it was not there in time. What came of it is read from both nodes. Containers cannot be
            migrated.

            Needs libvirt's rights on both nodes, and disks that both can reach; where libvirt cannot see that they are the same,
            '--shared-disks' says so.

            For instance: whatif cluster migrate vm1 --to qemu+ssh://node2/system --pause '300 ms'
            """,
        operands: [.init("DOMAIN", "The machine.")],
        options: [
            .value("to", "URI", "libvirt of the node that it shall go to."),
            .value("connect", "URI", "libvirt of the node that it is on (default qemu:///system)."),
            .value("pause", "DURATION", "For how long it may stand at the end (default: the hypervisor's limit)."),
            .value("within", "DURATION", "After which it is given up (default 10 min)."),
            .value("bandwidth", "RATE", "At most so much, such as '100 MiB/s' (default: what there is)."),
            .value("transport", "URI", "How memory gets there, such as tcp://node2 (default: libvirt's choice)."),
            .flag("shared-disks", "Both nodes have the same disks, whatever libvirt thinks."),
            .flag("json", "What came of it as one JSON object, times in seconds."),
        ])

    private struct Document: Encodable {
        var domain: String
        var from, to: String
        var seconds: Double
        /// Null where the hypervisor does not tell.
        var pause: Double?
        var bytes: Double?
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let name = arguments.operand(0) ?? ""
        guard let to = arguments.value("to") else {
            throw UsageError("say where to, for instance --to qemu+ssh://node2/system")
        }
        let from = arguments.value("connect") ?? "qemu:///system"
        if from == to { throw UsageError("--to and --connect are the same node") }
        let rate = try arguments.value("bandwidth").map { text in
            do { return Double(try Units.byteRate(text)) } catch { throw UsageError("--bandwidth: \(error)") }
        }
        let terms = MigrationTerms(
            pause: try Inputs.duration(arguments, "pause"), bandwidth: rate, transport: arguments.value("transport"),
            sharesDisks: arguments.flag("shared-disks"))
        let within = try Inputs.duration(arguments, "within") ?? .seconds(600)
        let interrupt = try InterruptSignal()
        let migration = Migration(
            from: try Node(connect: from, isWatched: true), to: try Node(connect: to, isWatched: true),
            interrupt: interrupt)
        let report = try migration.run(name, terms, within: within) { Terminal.passing($0.text) }
        let document = Document(
            domain: name, from: from, to: to, seconds: report.duration.seconds, pause: report.pause?.seconds,
            bytes: report.sent)
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(document))
        } else {
            Terminal.print("\(name) runs at \(to) \(report.text)")
        }
        return .done
    }
}
