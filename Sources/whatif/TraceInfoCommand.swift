import Arguments
import Report
import Wire

/// `whatif trace info FILE`
enum TraceInfoCommand: Command {
    static let schema = CommandSchema(
        "trace info", "Say what a trace holds, and what its capture did not see.",
        discussion: """
            Quick for a trace that was closed, however long; else it is read to its end. JSON fields: file, version,
            source, created, isClosed, keepsPayload, keepsPackets, redaction, first, last, seconds, connections,
            exchanges, protocols {exchanges, errors, requestBytes, replyBytes}, lost by reason, notSeen {packets, gaps,
            missingBytes, fragments, evictedConnections}, packets {count, bytes}, unreadBytes, damagedBlocks,
            unknownBlocks, unknownRecords.
            """,
        operands: [.init("FILE.wtrace", "The trace.")], options: [.flag("json", "One JSON object.")])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let path = arguments.operand(0) ?? ""
        let reader = try TraceReader(path)
        let summary = try reader.scan().summary
        if arguments.flag("json") {
            Terminal.print(try TraceJSON.info(path, reader.header, summary, reader: reader))
        } else {
            Terminal.print(TraceText.info(path, reader.header, summary, isClosed: reader.isClosed))
        }
        if let complaint = reader.complaint { Terminal.note("trace \(path): \(complaint)") }
        return .done
    }
}
