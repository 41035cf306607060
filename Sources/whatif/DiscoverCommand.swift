import Arguments
import Foundation
import Hypervisor
import Model
import Survey
import OperatingSystem
import Report
import Store

/// `whatif discover`
enum DiscoverCommand: Command {
    static let schema = CommandSchema(
        "discover", "Listen who talks to whom, and draw a service file that 'whatif run' takes.",
        discussion: """
            Listens at the interfaces of the running domains: clients, servers, protocols (by what is said, not by port), rates
            and response times. Domains are known by their addresses. Nothing is sent and nothing is kept of what is said.
            With --output, a service file is written: its tiers, who calls whom, an SLA to start from and a campaign. Needs
            root. Exit code 3 when nothing was heard, or when no tier heard can be searched.
            """,
        options: [
            .value("connect", "URI", "libvirt of the node (default lxc:///system)."),
            .value("node", "NAME", "The private host to enter first: lab."),
            .value("for", "DURATION", "How long to listen (default '10 s')."),
            .value("service", "NAME", "The service's name in the file (default: discovered)."),
            .value("output", "FILE.yaml", "Write a service file; a file that is there is not overwritten."),
            .flag("json", "The flows as a JSON list, times in seconds."),
        ])

    /// The documented form of `--json`.
    private struct FlowData: Encodable {
        var client: String
        var clientDomain: String?
        var server: String
        var serverDomain: String?
        var `protocol`: String?
        var connections: Int
        var encryptedConnections: Int
        var exchanges: Int
        var exchangesPerSecond: Double
        var errors: Int
        var lost: Int
        var gaps: Int
        var missingBytes: Int
        var mean: Double?
        var p95: Double?
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("listening to domains")
        let duration = try Inputs.duration(arguments, "for") ?? .seconds(10)
        if let output = arguments.value("output"), FileManager.default.fileExists(atPath: output) {
            throw UsageError("--output: \(output) is there already; give another name, or remove it")
        }
        let (node, nodeName) = try Inputs.node(arguments, try StateDirectory.standard())
        let interrupt = try InterruptSignal()
        let domains = try Discovery.domains(node)
        guard !domains.isEmpty else {
            throw Lacking(
                description: "no running domain of \(node.uri) has an interface to listen at; start one first")
        }
        Terminal.note("listening to \(Set(domains.map(\.name)).sorted().joined(separator: ", "))")
        let result = try Discovery.listen(to: domains, for: duration, interrupt: interrupt) { seconds, exchanges in
            Terminal.passing("  \(Format.decimal(seconds, 0)) s, \(exchanges) exchanges heard")
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(result.flows.map { data($0, result.listened) }))
        } else {
            Terminal.print(table(result))
        }
        return try write(result, arguments, uri: node.uri, node: nodeName)
    }

    private static func write(
        _ result: Discovery.Result, _ arguments: ParsedArguments, uri: String, node: String?
    ) throws -> ExitCode {
        guard result.flows.contains(where: { $0.traffic.exchanges > 0 }) else {
            Terminal.complain(
                result.flows.isEmpty
                    ? "nothing was heard; is there traffic? Listen longer with --for"
                    : "connections were heard, but no exchange that can be read")
            return .no
        }
        guard let output = arguments.value("output") else { return .done }
        let sketch = ServiceSketch(result.flows)
        guard
            let text = sketch.yaml(
                service: arguments.value("service") ?? "discovered", connect: uri, node: node, heardFor: result.listened
            )
        else {
            Terminal.complain(
                "no service file is written: a campaign needs a domain that serves http and calls nothing but postgresql, and "
                    + "none was heard")
            return .no
        }
        do {
            try Descriptor.open(output, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644).writeAll(Array(text.utf8))
        } catch {
            throw FileError(description: "\(output): \(error)")
        }
        Terminal.note("\(output) is written: look it over, then 'whatif run \(output)'")
        return .done
    }

    private static func data(_ flow: ObservedFlow, _ listened: Duration) -> FlowData {
        let traffic = flow.traffic
        return FlowData(
            client: "\(flow.client)", clientDomain: flow.clientDomain, server: "\(flow.server)",
            serverDomain: flow.serverDomain, protocol: traffic.protocolName?.rawValue, connections: traffic.connections,
            encryptedConnections: traffic.encrypted, exchanges: traffic.exchanges,
            exchangesPerSecond: listened > .zero ? Double(traffic.exchanges) / listened.seconds : 0,
            errors: traffic.errors, lost: traffic.lost, gaps: traffic.gaps,
            missingBytes: traffic.missingBytes, mean: traffic.responseTimes.mean,
            p95: traffic.responseTimes.percentile(0.95))
    }

    private static func table(_ result: Discovery.Result) -> String {
        var table = TextTable(
            ["client", "server", "protocol", "rate", "errors", "mean", "p95", "lost", "gaps"],
            [.left, .left, .left, .right, .right, .right, .right, .right, .right])
        for flow in result.flows {
            let traffic = flow.traffic
            let time = { (seconds: Double?) in seconds.map(Format.milliseconds) ?? "–" }
            let rate = result.listened > .zero ? Double(traffic.exchanges) / result.listened.seconds : 0
            table.add([
                flow.clientDomain.map { "\($0) (\(flow.client))" } ?? "\(flow.client)",
                flow.serverDomain.map { "\($0) (\(flow.server))" } ?? "\(flow.server)",
                traffic.encrypted > 0 ? "encrypted" : traffic.protocolName?.rawValue ?? "silent",
                "\(Format.significant(rate))/s", "\(traffic.errors)", time(traffic.responseTimes.mean),
                time(traffic.responseTimes.percentile(0.95)), "\(traffic.lost)", "\(traffic.gaps)",
            ])
        }
        var text = table.text
        if result.flows.contains(where: { $0.traffic.encrypted > 0 }) {
            text +=
                "\nEncrypted connections cannot be read: listen behind what ends the encryption (the load balancer or\n"
            text += "proxy that holds the certificate), or have the service speak plainly on a private network.\n"
        }
        if !result.unseen.isNothing {
            text += "\nNot seen: \(result.unseen.dropped) packets dropped, \(result.unseen.gaps) gaps of "
            text += "\(result.unseen.missingBytes) bytes in all.\n"
        }
        return text
    }
}
