import Arguments
import Report
import Wire

/// `whatif trace export FILE`
enum TraceExportCommand: Command {
    static let schema = CommandSchema(
        "trace export", "Write a trace in a form that other programs read.",
        discussion: """
            json  an exchange a line: connection, number, protocol, client, server, time (ISO 8601 with nanoseconds),
                  requestFirst, requestLast, replyFirst, replyLast (nanoseconds since 1970), responseSeconds,
                  requestBytes, replyBytes, key, status, isError, endedByClose; with --payload also label, request and
                  reply, each with encoding (utf8 or base64) and data
            har   HTTP exchanges as HTTP Archive 1.2, with request lines and headers; with --payload also bodies
            pcap  the packets, in pcapng; only of a trace that was captured with --keep-packets
            What is exported holds what users sent; 'whatif trace redact' first takes credentials and values out.
            """,
        operands: [.init("FILE.wtrace", "The trace.")],
        options: [
            .value("format", "json|har|pcap", "Which form."),
            .value("output", "FILE", "Where to (default: standard output).", short: "o"), TraceFiles.force,
            .flag("payload", "With the bytes that users sent and received."),
        ])

    private enum Form: String, CaseIterable { case json, har, pcap }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let asked = arguments.value("format")
        guard let form = asked.flatMap(Form.init) else {
            throw UsageError("--format: " + (asked.map { "found '\($0)', " } ?? "") + "expected json, har or pcap")
        }
        let path = arguments.operand(0) ?? ""
        let reader = try TraceReader(path, form == .pcap ? .packets : .events)
        if form == .pcap, !reader.header.keepsPackets {
            throw TraceError(
                path, .refused, "it holds no packets to export; 'whatif capture --keep-packets' makes one that does")
        }
        if form == .har || arguments.flag("payload"), form != .pcap, !reader.header.keepsPayload {
            throw TraceError(path, .refused, "it was captured without payload, so there is none to export")
        }
        let sink = try TraceFiles.Sink(arguments, beside: [reader])
        do {
            switch form {
            case .json: try json(reader, sink, arguments.flag("payload"))
            case .har: try har(reader, sink, arguments.flag("payload"))
            case .pcap: try pcap(reader, sink)
            }
            try sink.flush()
        } catch {
            sink.discard()
            throw error
        }
        if let complaint = reader.complaint { Terminal.complain("trace \(path): \(complaint)") }
        return .done
    }

    private static func json(_ reader: TraceReader, _ sink: TraceFiles.Sink, _ withPayload: Bool) throws {
        let form = TraceJSON(withPayload: withPayload)
        while let record = try reader.next() {
            guard case .exchange(let id, let exchange) = record else { continue }
            try sink.write(try form.line(id, exchange, reader.connections[id]) + "\n")
        }
    }

    private static func har(_ reader: TraceReader, _ sink: TraceFiles.Sink, _ withPayload: Bool) throws {
        let form = HAR(withPayload: withPayload)
        var others = 0
        var isFirst = true
        try sink.write(HAR.start)
        while let record = try reader.next() {
            guard case .exchange(let id, let exchange) = record else { continue }
            if let entry = try form.entry(id, exchange, reader.connections[id]) {
                try sink.write((isFirst ? "" : HAR.separator) + entry)
                isFirst = false
            } else {
                others += 1
            }
        }
        try sink.write(HAR.end)
        if others > 0 { Terminal.note("\(others) exchanges are not of HTTP and are left out") }
    }

    private static func pcap(_ reader: TraceReader, _ sink: TraceFiles.Sink) throws {
        var form = PcapNG()
        try sink.write(form.start())
        while let record = try reader.next() {
            if case .packet(let packet) = record { try sink.write(form.encode(packet)) }
        }
    }
}
