import Arguments
import Model
import Report
import Wire

/// `whatif trace cut FILE -o OUT`
enum TraceCutCommand: Command {
    static let schema = CommandSchema(
        "trace cut", "Copy a part of a trace: a span of time, connections, protocols.",
        discussion: """
            An exchange belongs to the moment its request began. Times are such as '2026-03-01T12:00:00Z', or '+30 s'
            from the first moment of the trace. Packets are copied by time alone, and not at all when connections or
            protocols are chosen. A damaged trace is copied as far as it can be read.
            """,
        operands: [.init("FILE.wtrace", "The trace.")],
        options: [
            TraceFiles.output, TraceFiles.force, .value("from", "TIME", "From then on."),
            .value("to", "TIME", "Up to then, and not then."),
            .repeated("connection", "NUMBER", "Only this connection."),
            .repeated("protocol", "NAME", "Only this protocol."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let path = arguments.operand(0) ?? ""
        _ = try TraceFiles.output(arguments)
        let numbers = try arguments.values("connection").map { text in
            guard let number = ConnectionID(text) else {
                throw UsageError("--connection: found '\(text)', expected the number of a connection")
            }
            return number
        }
        let names = try arguments.values("protocol").map { text in
            guard let name = ApplicationProtocol(rawValue: text) else {
                let known = ApplicationProtocol.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError("--protocol: found '\(text)', expected one of \(known)")
            }
            return name
        }
        var window = TraceWindow()
        if arguments.value("from") != nil || arguments.value("to") != nil {
            let start = try TraceReader(path).scan().summary.first
            window.from = try time(arguments, "from", start) ?? window.from
            window.to = try time(arguments, "to", start) ?? window.to
            guard window.from < window.to else { throw UsageError("--to has to be later than --from") }
        }
        let choice = TraceChoice(window, connections: Set(numbers), protocols: Set(names))
        window.blockTypes = choice.blockTypes
        let reader = try TraceReader(path, window)
        var header = reader.header
        header.keepsPackets = header.keepsPackets && choice.takesPackets
        return try TraceFiles.write(arguments, header, beside: [reader]) { writer in
            while let record = try reader.next() {
                guard choice.takes(record, reader.connections) else { continue }
                // One that was opened before, or in a block that is not read, is new here.
                if let id = record.connection, !writer.knows(id), let connection = reader.connections[id] {
                    try writer.write(.connection(connection, isOpened: true))
                }
                try writer.write(record)
            }
        }
    }

    private static func time(_ arguments: ParsedArguments, _ name: String, _ start: Timestamp) throws -> Timestamp? {
        guard let text = arguments.value(name) else { return nil }
        do { return try TimeText.parse(text, from: start) } catch { throw UsageError("--\(name): \(error)") }
    }
}
