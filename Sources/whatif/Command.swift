import Arguments

/// The documented exit codes.
enum ExitCode: Int32 {
    case done = 0
    case failed = 1
    /// The command line or a file that people wrote is wrong.
    case usage = 2
    /// The question was answered, and the answer is no.
    case no = 3
    /// The machine lacks something; the message says what.
    case lacking = 4
}

/// One command: a file each. `run` throws what went wrong; `main` turns that into a message and an exit code.
protocol Command {
    static var schema: CommandSchema { get }
    static func run(_ arguments: ParsedArguments) throws -> ExitCode
}
