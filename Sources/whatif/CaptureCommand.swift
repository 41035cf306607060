import Arguments
import Hypervisor
import Manager
import Model
import OperatingSystem
import Report
import Store
import Wire

/// `whatif capture`
enum CaptureCommand: Command {
    static let schema = CommandSchema(
        "capture", "Record exchanges from packets into a trace.",
        discussion: """
            At the domains of a service: whatif capture auction.yaml -o auction.wtrace --for '10 min'. At an interface: whatif
            capture -i eth0 --server 10.0.0.5:80=http. From a pcap or pcapng file: whatif capture --read FILE.pcap; from another
            program: tcpdump -w - … | whatif capture --read -. Without --server every connection is read, and its protocol is
            found by what is said. A trace holds what users sent and received: only its owner can read it, and 'whatif trace
            redact' takes credentials and values out. With --count nothing is recorded. Ends at Ctrl-C, closing the trace.
            Capturing from an interface needs root or CAP_NET_RAW. With --json it ends with one object: exchanges, connections,
            lost (by reason), notSeen (dropped, gaps, missingBytes), protocols (exchanges, errors, times in seconds), and trace,
            the file's name, when there is one.
            """,
        operands: [.init("FILE.yaml", "A service file: listen at its domains.", isRequired: false)],
        options: [
            .value("output", "FILE.wtrace", "Where to (default: capture-TIME.wtrace).", short: "o"),
            .repeated("interface", "NAME", "Listen there; 'any' is everywhere.", short: "i"),
            .value("read", "FILE|-", "Read a capture file; - is standard input.", short: "r"),
            .repeated(
                "server", "ADDRESS:PORT=PROTOCOL", "Whose exchanges (default: everybody's).", short: "s"),
            .flag("count", "Record nothing, only count and time."),
            .value("for", "DURATION", "Not longer than that; of a file by the times of its packets."),
            .value("max-size", "SIZE", "End when the trace has that size, such as '2 GiB'."),
            .value("ring", "SIZE", "What the kernel holds for us while we are busy (default '16 MiB')."),
            .value("snap-length", "SIZE", "Bytes of a packet that are seen (default '256 KiB')."),
            .flag("keep-packets", "Keep the packets too, for 'trace export --format pcap'."),
            .flag("no-payload", "Keep times, sizes, status and key only; such a trace cannot be replayed."),
            .flag("append", "Go on with the trace when it is there."),
            TraceFiles.force, .flag("json", "What was captured as one JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        if arguments.flag("count") {
            for name in ["output", "max-size"] where arguments.value(name) != nil {
                throw UsageError("--count records nothing: leave out --\(name)")
            }
        }
        let limits = CaptureLimits(
            duration: try Inputs.duration(arguments, "for"), bytes: try size(arguments, "max-size"))
        // Before anything is written: what cannot be captured leaves no file.
        let interrupt = try InterruptSignal()
        let (source, servers) = try source(arguments, interrupt)
        let trace = arguments.flag("count") ? nil : try writer(arguments, source.description)
        var session = CaptureSession(trace, servers, limits)
        try source.run(into: &session, until: interrupt)
        let line = CaptureText.line(session.count)
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(CaptureRecord(session.count, trace: trace?.path)))
        } else if session.count.exchanges > 0 {
            Terminal.print(CaptureText.table(session.count))
        }
        Terminal.note(trace.map { "\($0.path) (\(Format.bytes($0.byteCount))): \(line)" } ?? line)
        return .done
    }

    private static func source(
        _ arguments: ParsedArguments, _ interrupt: InterruptSignal
    ) throws -> (CaptureSource, [WatchedServer]) {
        let interfaces = arguments.values("interface")
        let servers = try arguments.values("server").map { try Inputs.server($0) }
        switch (arguments.operand(0), arguments.value("read"), interfaces.isEmpty) {
        case (let path?, nil, true) where servers.isEmpty:
            let file = try Inputs.serviceFile(path)
            try Inputs.requireRoot("listening at the domains")
            try Inputs.enter(node: file.node, try StateDirectory.standard())
            let posts = try ListeningPost.all(of: file, try Node(connect: file.connect))
            let source = try CaptureSource(
                listeningAt: posts.map {
                    CapturePost(interface: $0.interface, setting: try setting(arguments, CaptureFilter($0.servers)))
                })
            return (source, posts.flatMap(\.servers))
        case (nil, let path?, true):
            return (try CaptureSource(file: path, interrupt), servers)
        case (nil, nil, false):
            let filter = servers.isEmpty ? CaptureFilter.everything : CaptureFilter(servers)
            let setting = try setting(arguments, filter)
            return (
                try CaptureSource(listeningAt: interfaces.map { CapturePost(interface: $0, setting: setting) }), servers
            )
        default:
            throw UsageError("say from where, once: a service file, --interface NAME, or --read FILE.pcap")
        }
    }

    private static func setting(_ arguments: ParsedArguments, _ filter: CaptureFilter) throws -> CaptureSetting {
        var setting = CaptureSetting(filter)
        if let ring = try size(arguments, "ring") {
            guard (1 << 20...1 << 30).contains(ring) else { throw UsageError("--ring: expected 1 MiB to 1 GiB") }
            setting.ringBytes = Int(ring)
        }
        if let length = try size(arguments, "snap-length") {
            guard (64...262_144).contains(length) else {
                throw UsageError("--snap-length: expected 64 B to 256 KiB")
            }
            setting.snapLength = Int(length)
        }
        return setting
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
}
