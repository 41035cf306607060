import Arguments
import Glibc
import Model
import OperatingSystem
import Wire

/// What the commands on traces share: where to write, and what of a trace to read.
enum TraceFiles {
    static let output = CommandSchema.Option.value("output", "FILE", "Where to.", short: "o")
    static let force = CommandSchema.Option.flag("force", "Replace the file when it is there.", short: "f")

    /// What `-o` names; a command that makes a trace needs one.
    static func output(_ arguments: ParsedArguments) throws -> String {
        guard let path = arguments.value("output") else {
            throw UsageError("the new trace needs a name: -o FILE.wtrace")
        }
        return path
    }

    /// Makes a trace of others, which stay what they are. What cannot be finished is not left behind.
    static func write(
        _ arguments: ParsedArguments, _ header: TraceHeader, beside inputs: [TraceReader],
        _ body: (TraceWriter) throws -> Void
    ) throws -> ExitCode {
        let path = try output(arguments)
        try refuse(path, inputs)
        let writer = try TraceWriter.create(path, header, replacing: arguments.flag("force"))
        do {
            try body(writer)
            try writer.close()
        } catch {
            _ = unsafe unlink(path)
            throw error
        }
        for reader in inputs {
            if let complaint = reader.complaint { Terminal.complain("trace \(reader.path): \(complaint)") }
        }
        return .done
    }

    /// An input may not be replaced by what is made of it.
    static func refuse(_ output: String, _ inputs: [TraceReader]) throws {
        guard let there = try? Descriptor.open(output, O_RDONLY | O_NONBLOCK) else { return }
        let identity = try there.identity()
        for reader in inputs {
            guard try reader.identity() != identity else {
                throw UsageError("-o \(output) is the trace that is read; write to another file")
            }
        }
    }

    /// A text or binary result: to a new file that only its owner reads, or to standard output.
    final class Sink {
        private let file: Descriptor?
        private let path: String?
        private var buffer: [UInt8] = []

        init(_ arguments: ParsedArguments, beside inputs: [TraceReader]) throws {
            path = arguments.value("output")
            file = try path.map { try Self.create($0, beside: inputs, replacing: arguments.flag("force")) }
        }

        private static func create(
            _ path: String, beside inputs: [TraceReader], replacing: Bool
        ) throws -> Descriptor {
            try refuse(path, inputs)
            do {
                return try Descriptor.create(path, replacing: replacing)
            } catch {
                if error.code != EEXIST { throw error }
                throw UsageError("-o \(path) is there already; --force replaces a regular file")
            }
        }

        func write(_ text: String) throws { try write(Array(text.utf8)) }

        func write(_ bytes: [UInt8]) throws {
            buffer += bytes
            if buffer.count > 1 << 18 { try flush() }
        }

        func flush() throws {
            if let file { try file.writeAll(buffer) } else { try Terminal.write(bytes: buffer) }
            buffer.removeAll(keepingCapacity: true)
        }

        /// What could not be finished is not left behind.
        func discard() { if let path { _ = unsafe unlink(path) } }
    }
}
