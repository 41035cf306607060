import Arguments
import Foundation
import Wire
import YAML

/// `whatif trace redact FILE -o OUT`
enum TraceRedactCommand: Command {
    static let schema = CommandSchema(
        "trace redact", "Copy a trace without credentials and values.",
        discussion: """
            What is taken out is replaced by filler of the same length, so that framing, sizes and times stay. Packets
            are not copied. By default: values of HTTP headers such as Authorization and Cookie, of query parameters
            such as token and password, literals and bound values of SQL, values of Redis. Bodies, rows of results,
            addresses, and names in paths and statements stay unless the rules say otherwise. A rules file has any of
            these keys:
              headers: [Authorization, X-Api-Key]     parameters: [token, password]     cookies: [session]
              sql-literals: drop|keep                 redis-values: drop|keep           bodies: drop|keep
            """,
        operands: [.init("FILE.wtrace", "The trace; it is not changed.")],
        options: [
            TraceFiles.output, TraceFiles.force,
            .value("rules", "FILE.yaml", "Rules instead of the default ones, key by key."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        _ = try TraceFiles.output(arguments)
        let rules = try arguments.value("rules").map(read) ?? RedactionRules()
        let reader = try TraceReader(arguments.operand(0) ?? "", .events)
        var header = reader.header
        header.keepsPackets = false
        header.redaction = ([reader.header.redaction].compactMap { $0 } + [rules.digest]).joined(separator: "+")
        let redaction = Redaction(rules)
        return try TraceFiles.write(arguments, header, beside: [reader]) { writer in
            while let record = try reader.next() {
                if let redacted = redaction.apply(to: record) { try writer.write(redacted) }
            }
        }
    }

    private static func read(_ path: String) throws -> RedactionRules {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw FileError(description: "rules file \(path): it is not there or cannot be read")
        }
        return try YAMLDecoder.decode(RedactionRules.self, from: String(decoding: data, as: UTF8.self), file: path)
    }
}
