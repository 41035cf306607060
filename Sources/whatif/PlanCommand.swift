import Arguments
import Model
import OperatingSystem
import Planning
import Report

/// `whatif plan FILE.yaml`
enum PlanCommand: Command {
    static let schema = CommandSchema(
        "plan", "Say where the domains of a data centre should run, and how to get there.",
        discussion: """
            Reads nodes, domains, what each needs, and the rules from a data-centre file, and changes nothing.

            consolidate  as few nodes on as will do, and of those the placement with the fewest migrations, in stages: at no
                         moment does a node that takes a domain have more than its reserve leaves. What else there is
                         between few nodes and few migrations stands below it; '--nodes' takes another of these.
            expand       what is on stays on, and as few nodes as will do are powered on: for demand that has risen, and domains
                         that wait for a node.
            balance      the same nodes, used more evenly: moves that are worth their time, by 'balance:' of the file. At no
                         moment is a node used more than the worst one was before.

            '--verify' reads a plan again that '--json' wrote, and says whether it can still be carried out on the data centre
            of the file, step by step: everything is where the plan found it, each step still keeps limits and rules, and it is
            no older than 'expires:' of the file (1 h).

            Domains that 'whatif apply --plan' has moved here stay for the 'cooldown:' of the file, as those that it says moved.

            The exit code is 0 for a plan, also for the plan to change nothing, and 3 when there is none, or when one that is
            verified does not hold any more.

            For instance: whatif plan Experiments/data-centre.yaml --svg plan.svg
            """,
        operands: [.init("FILE.yaml", "The data-centre file.")],
        options: [
            .value("goal", "GOAL", "consolidate, expand or balance (default: consolidate)."),
            .value("nodes", "N", "At most so many nodes on, with the fewest migrations (default: the fewest nodes)."),
            .flag("no-worse", "Use no node more than the one that is used most now, whatever the reserve leaves."),
            .value("svg", "FILE.svg", "Draw what is used of each node before and after it ('-' is standard output)."),
            .value("verify", "PLAN.json", "Plan nothing: check whether this plan still holds."),
            .flag("json", "The plan as one JSON object."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        if let plan = arguments.value("verify") { return try verify(plan, arguments) }
        let path = arguments.operand(0) ?? ""
        let drawing = arguments.value("svg")
        if drawing == "-", arguments.flag("json") {
            throw UsageError("--json and --svg - are both for standard output; name a file for one of them")
        }
        let purpose = try purpose(arguments.value("goal"))
        var file = try Inputs.dataCentre(path)
        file.goal.mostNodes = try Inputs.count(arguments, "nodes", in: 1...1_000_000)
        if purpose != .consolidate, file.goal.mostNodes != nil {
            throw UsageError("--nodes is of plans that consolidate: the others power no node off")
        }
        if purpose == .expand { file.goal.purpose = .expand }
        let now = Timestamp(nanoseconds: SteadyClock().now)
        Inputs.learnMoves(&file, at: now)
        let keepsWorst = arguments.flag("no-worse")
        let goal = keepsWorst ? file.goal.keepingWorst(file.centre) : file.goal
        var document: PlanDocument
        do throws(PlacementError) {
            document =
                switch purpose {
                case .consolidate, .expand: PlanDocument(try Consolidation.plan(file.centre, goal), of: file)
                case .balance: PlanDocument(try Balancing.plan(file.centre, goal, file.balancing), of: file)
                }
        } catch {
            throw FileError(description: "\(path): \(error)")
        }
        document.made = Double(now.nanoseconds) / 1e9
        if keepsWorst { document.keepsWorst = true }
        if let drawing { try Outputs.write(SVGPlan(document).text, to: drawing) }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(document))
        } else if drawing != "-" {
            Terminal.print(PlanText.text(document, width: Terminal.width))
        }
        return document.verdict == .impossible ? .no : .done
    }

    /// Of `--json`.
    private struct Verification: Encodable {
        var holds: Bool
        var reasons: [String]
    }

    private static func verify(_ path: String, _ arguments: ParsedArguments) throws -> ExitCode {
        let odds = ["goal", "nodes", "svg"].filter { arguments.value($0) != nil } + ["no-worse"].filter(arguments.flag)
        if let odd = odds.first {
            throw UsageError("--\(odd) is of new plans, and --verify plans nothing; leave one of them out")
        }
        let file = try Inputs.dataCentre(arguments.operand(0) ?? "")
        let plan = try Inputs.plan(path)
        let expiry = plan.expiry(in: file, at: Timestamp(nanoseconds: SteadyClock().now))
        let reasons = plan.staleness(in: file) + [expiry].compactMap(\.self)
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(Verification(holds: reasons.isEmpty, reasons: reasons)))
        } else {
            Terminal.print(PlanText.verification(plan, reasons))
        }
        return reasons.isEmpty ? .done : .no
    }

    private static func purpose(_ text: String?) throws(UsageError) -> PlanPurpose {
        guard let text else { return .consolidate }
        if let purpose = PlanPurpose(rawValue: text) { return purpose }
        let known = PlanPurpose.allCases.map(\.rawValue)
        let hint = Nearest.hint(text, in: known)
        throw UsageError("--goal: found '\(text)', expected one of \(known.joined(separator: ", "))\(hint)")
    }
}
