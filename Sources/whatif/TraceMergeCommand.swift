import Arguments
import Model
import OperatingSystem
import Wire

/// `whatif trace merge A B -o OUT`
enum TraceMergeCommand: Command {
    static let schema = CommandSchema(
        "trace merge", "Make one trace of several, in the order of time.",
        discussion: """
            Connections are numbered anew, as those of different captures may have the same numbers. Redacted traces are
            merged only with traces that were redacted by the same rules.
            """,
        operands: [.init("FILE.wtrace", "The traces.", isRepeated: true)],
        options: [TraceFiles.output, TraceFiles.force])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let readers = try arguments.operands.map { try TraceReader($0) }
        guard let first = readers.first else { throw UsageError("there is no trace to merge") }
        for reader in readers where reader.header.redaction != first.header.redaction {
            throw UsageError(
                "\(first.path) and \(reader.path) are not redacted by the same rules; "
                    + "'whatif trace redact' makes them equal"
            )
        }
        var header = TraceHeader(
            created: Timestamp(nanoseconds: SteadyClock().now),
            source: "merged from \(readers.count) traces: "
                + Set(readers.map(\.header.source)).sorted().joined(separator: " + ").prefix(1000))
        header.redaction = first.header.redaction
        // Where one has no payload some exchanges have none; what the others have is kept.
        header.keepsPayload = readers.contains { $0.header.keepsPayload }
        header.keepsPackets = readers.contains { $0.header.keepsPackets }
        return try TraceFiles.write(arguments, header, beside: readers) { writer in
            var merge = try TraceMerge(readers)
            while let record = try merge.next() { try writer.write(record) }
        }
    }
}
