import Arguments
import OperatingSystem
import Store

/// `whatif sandbox exec ID -- COMMAND...`
enum SandboxExecCommand: Command {
    static let schema = CommandSchema(
        "sandbox exec", "Run a command where a clone's neighbours stand, the one place that it can reach.",
        discussion: """
            Only for clones that 'whatif clone' has made. The command has the clone's network and nothing else of the
            network; its exit code is the command's. Needs root.
            """,
        operands: [
            .init("ID", "The clone."),
            .init("COMMAND", "The command and its arguments, behind '--'.", isRepeated: true),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("entering a sandbox")
        let holdings = try Holdings(try StateDirectory.standard())
        let id = arguments.operand(0) ?? ""
        let entries = try holdings.entries(of: id)
        guard let namespace = entries.first(where: { $0.kind == .namespace }) else {
            throw UsageError(
                "clone \(id) belongs to \(entries[0].owner), and nobody but its proxies stands where it looks")
        }
        try Inputs.enter(node: namespace.node, holdings.state)
        try ChildProcess.become(
            ["nsenter", "--net=/run/netns/\(namespace.identifier)", "--"] + arguments.operands.dropFirst())
    }
}
