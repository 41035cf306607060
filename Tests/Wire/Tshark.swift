import Model
import OperatingSystem

@testable import Wire

/// What was said on one connection, as text that two programs can agree on.
struct Said: Equatable {
    /// "GET /", in order.
    var requests: [String] = []
    /// Final statuses of replies.
    var statuses: [String] = []
    var statements: [String] = []
}

/// Wireshark's dissectors, which we did not write: an oracle for ours.
enum Tshark {
    static let isInstalled = (try? ChildProcess.run(["tshark", "--version"]))?.status == 0

    /// By the client's port. tshark gives up less easily than we do: it shows requests that are not whole too.
    static func said(in file: String, port: UInt16, _ protocolName: ApplicationProtocol) throws -> [UInt16: Said] {
        if protocolName == .redis { return try redis(in: file, port: port) }
        let dissector =
            switch protocolName {
            case .http: "http"
            case .mysql: "mysql"
            default: "pgsql"
            }
        let fields = [
            "tcp.srcport", "tcp.dstport", "http.request.method", "http.request.uri", "http.response.code",
            "pgsql.query", "mysql.query", "mysql.packet_number", "mysql.error_code",
        ]
        // Several messages may end in one packet; a control character keeps them apart.
        let output = try ChildProcess.succeed(
            [
                "tshark", "-r", file, "-d", "tcp.port==\(port),\(dissector)", "-Y", dissector, "-T", "fields", "-E",
                "aggregator=\u{1f}",
            ] + fields.flatMap { ["-e", $0] })
        var all: [UInt16: Said] = [:]
        for line in output.split(separator: "\n") {
            let values = line.split(separator: "\t", omittingEmptySubsequences: false).map {
                $0.split(separator: "\u{1f}").map(String.init)
            }
            guard values.count == fields.count, let source = values[0].first.flatMap({ UInt16($0) }),
                let destination = values[1].first.flatMap({ UInt16($0) })
            else { throw ProgramError(command: ["tshark"], reason: "a line with other fields than asked for") }
            guard source == port || destination == port else { continue }
            let client = source == port ? destination : source
            all[client, default: Said()].requests += zip(values[2], values[3]).map { "\($0) \($1)" }
            all[client, default: Said()].statuses += values[4].filter { !$0.hasPrefix("1") || $0 == "101" }
            all[client, default: Said()].statements += values[5] + values[6]
            // The first packet of each answer of MySQL is number 1, and so is the client's part of the login.
            if source == port {
                all[client, default: Said()].statuses += values[7].filter { $0 == "1" }.map { _ in "" }
            }
            all[client, default: Said()].statuses += values[8].map { "error \($0)" }
        }
        return all
    }
}

extension Heard {
    /// By the client's port, and what was lost.
    func said(_ protocolName: ApplicationProtocol) -> [UInt16: Said] {
        if protocolName == .redis { return redis }
        var ports: [ConnectionID: UInt16] = [:]
        var all: [UInt16: Said] = [:]
        for event in events {
            switch event {
            case .opened(let id, let client, _, _): ports[id] = client.port
            case .request(let id, let request) where protocolName == .http:
                all[ports[id] ?? 0, default: Said()].requests.append("\(request.method) \(request.target)")
            case .request(let id, let request) where protocolName == .mysql:
                // QUERY and PREPARE; tshark shows no text for EXECUTE.
                guard request.bytes.count > 4, [0x03, 0x16].contains(request.bytes[4]) else { continue }
                let text = request.label.dropFirst(request.bytes[4] == 0x16 ? "PREPARE ".count : 0)
                all[ports[id] ?? 0, default: Said()].statements.append(Self.escaped(String(text)))
            case .exchange(let id, let exchange) where protocolName == .mysql:
                let error = exchange.reply.isError ? ["error \(exchange.reply.status)"] : []
                all[ports[id] ?? 0, default: Said()].statuses += [""] + error
            case .exchange(let id, let exchange):
                if case .postgresql(let round) = exchange.detail {
                    all[ports[id] ?? 0, default: Said()].statements += round.calls.map { Self.escaped($0.sql ?? "") }
                } else {
                    all[ports[id] ?? 0, default: Said()].statuses.append("\(exchange.reply.status)")
                }
            case .request, .recognised, .lost, .closed: break
            }
        }
        return all
    }

    /// As tshark prints text fields.
    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\t", with: "\\t")
            .replacing("\r", with: "\\r")
    }
}
