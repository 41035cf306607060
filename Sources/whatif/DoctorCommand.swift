import Arguments
import Report

/// `whatif doctor`
enum DoctorCommand: Command {
    static let schema = CommandSchema(
        "doctor", "What this machine can do, and what to install or set for the rest.",
        discussion: "Exit code 4 when the main job (whatif run) cannot run here.",
        options: [.flag("json", "One JSON object: a list of checks with state and remedy.")])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let findings = Doctor.examine()
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(findings))
        } else {
            var table = TextTable(["", "what", "found", "to do"], [.left, .left, .left, .left])
            for finding in findings {
                let mark = finding.isGood ? "ok" : finding.isNeeded ? "MISSING" : "missing"
                table.add([mark, finding.what, finding.found, finding.isGood ? "" : finding.remedy])
            }
            Terminal.print(table.text)
        }
        let blocked = findings.filter { $0.isNeeded && !$0.isGood }
        if blocked.isEmpty { return .done }
        Terminal.complain("the main job cannot run here: " + blocked.map(\.what).joined(separator: ", "))
        return .lacking
    }
}
