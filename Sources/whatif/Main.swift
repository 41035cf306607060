import Arguments
import Cloning
import Experimenter
import Glibc
import Hypervisor
import Lab
import Manager
import Model
import OperatingSystem
import Report
import Volumes
import Wire
import YAML

@main
enum WhatIf {
    static var commands: [any Command.Type] {
        [
            DoctorCommand.self, LabUpCommand.self, LabStatusCommand.self, LabLoadCommand.self, LabPowerCommand.self,
            LabDownCommand.self,
            DiscoverCommand.self, RunCommand.self, AskCommand.self, MatrixListCommand.self, MatrixShowCommand.self,
            MatrixQueryCommand.self, MatrixDiffCommand.self, MatrixExportCommand.self, MatrixPruneCommand.self,
            MatrixPlotCommand.self, CheckCommand.self, PlanCommand.self, ApplyCommand.self, ManageCommand.self,
            ClusterMigrateCommand.self, SimulateCommand.self, WatchCommand.self, CloneCommand.self,
            SandboxListCommand.self,
            SandboxShowCommand.self, SandboxExecCommand.self, SandboxRemoveCommand.self, SandboxCollectCommand.self,
            SandboxGuardCommand.self,
            CaptureCommand.self, TraceInfoCommand.self, TraceExportCommand.self, TraceCutCommand.self,
            TraceMergeCommand.self, TraceRedactCommand.self, ReplayCommand.self,
        ]
    }

    static func main() {
        // Read before any namespace is entered: behind another /proc neither could be read any more.
        let words = Array(CommandLine.arguments.dropFirst())
        _ = BuildIdentity.current
        Terminal.exit(perform(words))
    }

    private static func perform(_ words: [String]) -> ExitCode {
        do {
            guard let command = commands.first(where: { words.starts(with: $0.schema.path) }) else {
                return try overview(words)
            }
            let arguments = try ParsedArguments(words.dropFirst(command.schema.path.count), schema: command.schema)
            if arguments.wantsHelp {
                Terminal.print(command.schema.help)
                return .done
            }
            return try command.run(arguments)
        } catch {
            Terminal.complain("\(error)")
            return code(of: error)
        }
    }

    /// Help for all commands, or for a group such as `lab`; an unknown word is an error with a suggestion.
    private static func overview(_ words: [String]) throws -> ExitCode {
        let group = words.prefix { !$0.hasPrefix("-") }
        let shown = commands.filter { group.isEmpty || $0.schema.path.first == group.first }
        let asked = words.contains("--help") || words.contains("-h") || words == ["help"]
        if words == ["help"] { return try overview(["--help"]) }
        guard !shown.isEmpty, asked || group.count <= 1 else {
            let names = commands.map { $0.schema.name }
            // Two words or one: what follows may be operands.
            let near = [2, 1].lazy.compactMap { Nearest.of(group.prefix($0).joined(separator: " "), in: names) }.first
            let hint = near.map { "; did you mean '\($0)'?" } ?? ""
            throw UsageError(
                "there is no command '\(group.prefix(2).joined(separator: " "))'\(hint) (see 'whatif --help')")
        }
        let width = shown.map { $0.schema.name.count }.max() ?? 0
        var text = "What-if answers an operator's \"what if\" by experiment.\n\nUsage: whatif COMMAND [options]\n\n"
        for command in shown {
            let name = command.schema.name
            text += "  \(name)\(String(repeating: " ", count: width - name.count))  \(command.schema.summary)\n"
        }
        text += "\n'whatif COMMAND --help' shows a command. Exit codes: 0 done, 1 failed, 2 usage, 3 the answer is no, "
        text += "4 the machine lacks something.\n"
        Terminal.print(text)
        return asked ? .done : .usage
    }

    /// The exit code is declared by what went wrong.
    private static func code(of error: any Error) -> ExitCode {
        if let error = error as? CleanUpError { return code(of: error.cause) }
        switch error {
        case is UsageError, is YAMLError, is QueryError, is FileError, is WatchError: return .usage
        case let error as CampaignError:
            switch error {
            case .unknownDomain, .notRunning, .noAddress, .clientOfOtherFamily, .encrypted, .badVariant,
                .otherQuestion, .notACell:
                return .usage
            case .noTraffic, .controlFailed, .busy: return .failed
            }
        case let error as ActuatorError:
            if case .refused = error { return .usage }
            return .failed
        case let error as AllocationError:
            switch error {
            case .lacking: return .lacking
            case .unsupported: return .usage
            case .notTaken, .refused: return .failed
            }
        case let error as CloneError:
            if case .unsupported = error { return .usage }
            return .failed
        case let error as VolumeError:
            switch error {
            case .noRoom: return .lacking
            case .notASubvolume, .missing, .unsuitable: return .usage
            case .failed(_, _, _, let code): return code == SystemErrorCode.noSpace ? .lacking : .failed
            case .nameTaken, .notOurs, .inUse, .unreachable: return .failed
            }
        case let error as HypervisorError:
            return error.cause == .noConnection || error.cause == .denied ? .lacking : .failed
        case let error as CaptureError: return error.isPermission ? .lacking : .failed
        case let error as LabError:
            switch error {
            case .notRoot, .recipesMissing, .notUp: return .lacking
            case .unknownNode: return .usage
            default: return .failed
            }
        case let error as TraceError:
            switch error.kind {
            case .exists, .system(ENOENT), .system(EISDIR): return .usage
            case .system(ENOSPC): return .lacking
            default: return .failed
            }
        case is Lacking: return .lacking
        default: return .failed
        }
    }
}
