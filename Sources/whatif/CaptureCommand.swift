import Arguments
import Model
import OperatingSystem
import Report
import Wire

/// `whatif capture`
enum CaptureCommand: Command {
    static let schema = CommandSchema(
        "capture", "Record exchanges from packets into a trace.",
        discussion: """
            For instance: whatif capture -o auction.wtrace --interface eth0 --server 10.0.0.5:80=http --for '10 min'
            From a pcap or pcapng file: whatif capture --read FILE.pcap; from another program: tcpdump -w - … | whatif
            capture --read - --server … A trace holds what users sent and received: only its owner can read it, and
            'whatif trace redact' takes credentials and values out. Ends at Ctrl-C, closing the trace. Capturing from
            an interface needs root or CAP_NET_RAW. With --json it ends with the object of 'whatif trace info --json'.
            """,
        options: [
            .value("output", "FILE.wtrace", "Where to (default: capture-TIME.wtrace).", short: "o"),
            .repeated("interface", "NAME", "Listen there.", short: "i"),
            .value("read", "FILE|-", "Read a capture file; - is standard input.", short: "r"),
            .repeated(
                "server", "ADDRESS:PORT=PROTOCOL",
                "Whose exchanges (a file can do without: those on usual ports).", short: "s"),
            .value("for", "DURATION", "Not longer than that; of a file by the times of its packets."),
            .value("max-size", "SIZE", "End when the trace has that size, such as '2 GiB'."),
            .flag("keep-packets", "Keep the packets too, for 'trace export --format pcap'."),
            .flag("no-payload", "Keep times, sizes, status and key only; such a trace cannot be replayed."),
            .flag("append", "Go on with the trace when it is there."),
            TraceFiles.force, .flag("json", "What was captured as one JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let interfaces = arguments.values("interface")
        let file = arguments.value("read")
        guard interfaces.isEmpty != (file == nil) else {
            throw UsageError("say from where: --interface NAME, or --read FILE.pcap")
        }
        let limits = CaptureLimits(
            duration: try Inputs.duration(arguments, "for"), bytes: try size(arguments, "max-size"))
        var servers = try arguments.values("server").map(server)
        if servers.isEmpty {
            guard let file, file != "-" else {
                throw UsageError("say whose exchanges: --server ADDRESS:PORT=PROTOCOL, such as 10.0.0.5:80=http")
            }
            servers = try serversOnUsualPorts(in: file)
        }
        // Before anything is written: what cannot be captured leaves no file.
        let interrupt = try InterruptSignal()
        let source = try CaptureSource(interfaces: interfaces, file: file, servers, interrupt)
        let session = CaptureSession(try writer(arguments, source.description), servers, limits)
        try source.run(into: session, until: interrupt)
        let writer = session.writer
        if arguments.flag("json") {
            Terminal.print(try TraceJSON.info(writer.path, writer.header, writer.summary))
        }
        Terminal.note("\(writer.path) (\(Format.bytes(writer.byteCount))): \(TraceText.line(writer.summary))")
        return .done
    }

    private static func writer(_ arguments: ParsedArguments, _ source: String) throws -> TraceWriter {
        let now = Timestamp(nanoseconds: SteadyClock().now)
        let stamp = TimeText.iso(now).prefix(19).filter { $0 != "-" && $0 != ":" }
        let path = arguments.value("output") ?? "capture-\(stamp)Z.wtrace"
        if arguments.flag("append") {
            do {
                let writer = try TraceWriter.append(path)
                guard writer.header.keepsPackets == arguments.flag("keep-packets"),
                    writer.header.keepsPayload != arguments.flag("no-payload")
                else {
                    throw UsageError(
                        "--append: \(path) was begun with other choices of --keep-packets and --no-payload")
                }
                return writer
            } catch let error as TraceError where error.isMissing {}
        }
        var header = TraceHeader(created: now, source: source)
        header.keepsPackets = arguments.flag("keep-packets")
        header.keepsPayload = !arguments.flag("no-payload")
        return try TraceWriter.create(path, header, replacing: arguments.flag("force"))
    }

    private static func size(_ arguments: ParsedArguments, _ name: String) throws -> Int64? {
        guard let text = arguments.value(name) else { return nil }
        do { return try Units.bytes(text) } catch { throw UsageError("--\(name): \(error)") }
    }

    /// `10.0.0.5:80=http`
    private static func server(_ text: String) throws -> WatchedServer {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        let place = parts.first?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        let names = ProtocolTable.all.map(\.name.rawValue).joined(separator: ", ")
        guard parts.count == 2, place.count == 2, let address = IPAddress(String(place[0])),
            let port = UInt16(place[1]), port > 0, let name = ApplicationProtocol(rawValue: String(parts[1])),
            ProtocolTable.entry(name) != nil
        else {
            throw UsageError(
                "--server: found '\(text)', expected ADDRESS:PORT=PROTOCOL such as 10.0.0.5:80=http "
                    + "(protocols: \(names))")
        }
        return WatchedServer(Endpoint(address, port), name)
    }

    private static func serversOnUsualPorts(in file: String) throws -> [WatchedServer] {
        let ports = Dictionary(
            ProtocolTable.all.flatMap { entry in entry.ports.map { ($0, entry.name) } },
            uniquingKeysWith: { first, _ in first })
        var found: Set<Endpoint> = []
        let capture = try Capture.file(file)
        let link = capture.link
        while try capture.process({ packet, _ in
            guard case .segment(let segment) = PacketDecoder.decode(packet, link: link) else { return }
            for endpoint in [segment.source, segment.destination]
            where ports[endpoint.port] != nil && found.count < 100_000 { found.insert(endpoint) }
        }) {}
        return found.compactMap { endpoint in ports[endpoint.port].map { WatchedServer(endpoint, $0) } }
    }
}
