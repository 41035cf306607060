import Arguments
import Experimenter
import Model
import OperatingSystem
import Planning
import Report
import Store

/// `whatif ask QUESTION`
enum AskCommand: Command {
    static let schema = CommandSchema(
        "ask", "Answer a question from what was measured, say how sure it is, and measure what it lacks.",
        discussion: """
            For instance: whatif ask 'cheapest cpu, memory where p95 < 50 ms at load 150%'
                          whatif ask 'lowest energy where p95 < 50 ms and cpu <= 80%'
                          whatif ask 'p99 at cpu 60%, memory 512 MiB'
                          whatif ask 'does p95 < 50 ms and throughput >= 40/s hold at cpu 60%'

            Answers from the matrix of a campaign, measured and interpolated cells alike, with the probability that it is
            right. Where that is less than --confidence, the experiments that would tell most are named, with the time that
            such experiments took; '--run' goes on with the campaign for them and answers again, which needs root and the
            campaign's service file (--file). Exit code 3 when nothing does, when the answer is no, and when it is not sure.
            """,
        operands: [.init("QUESTION", "As above; it may be several words.", isRepeated: true)],
        options: [
            MatrixInput.campaign, .value("service", "NAME", "The latest campaign of this service."),
            .value("confidence", "PERCENT", "How sure it has to be (default: 95%)."),
            .flag("run", "Run the experiments, within the file's time bound, and answer again."),
            .value("file", "FILE.yaml", "The campaign's service file, for --run."), MatrixInput.json,
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let words = (0...).lazy.map(arguments.operand).prefix { $0 != nil }.compactMap(\.self)
        let question = try QueryParser.question(words.joined(separator: " "))
        let confidence = try confidence(arguments)
        let store = try MatrixInput.store()
        let record = try record(arguments, store)
        var reply = try Answering.reply(question, record, confidence: confidence)
        if arguments.flag("run"), reply.canBeRun {
            var measured = record
            for part in Answering.parts(question, record)
            where try Answering.reply(part, measured, confidence: confidence).canBeRun {
                measured = try measure(part, confidence, measured, arguments)
            }
            reply = try Answering.reply(question, measured, confidence: confidence)
        }
        let command = command(reply, arguments)
        Terminal.print(
            try arguments.flag("json")
                ? ReplyData.json(reply, command: command) : ReplyText.text(reply, command: command))
        return switch reply.outcome {
        case .found, .yes, .figure: .done
        case .nothing, .no, .unsure: .no
        }
    }

    private static func confidence(_ arguments: ParsedArguments) throws -> Double {
        guard let text = arguments.value("confidence") else { return 0.95 }
        do {
            let confidence = try Units.fraction(text)
            guard confidence >= 0.5, confidence < 1 else {
                throw UnitError(found: text, expected: "a percentage from 50% to below 100%")
            }
            return confidence
        } catch { throw UsageError("--confidence: \(error)") }
    }

    private static func record(_ arguments: ParsedArguments, _ store: MatrixStore) throws -> CampaignRecord {
        guard let service = arguments.value("service") else {
            return try MatrixInput.record(arguments.value("campaign"), in: store)
        }
        if arguments.value("campaign") != nil {
            throw UsageError("--service is its latest campaign, --campaign a certain one; write one of them")
        }
        if let record = try store.latest(service: service) { return record }
        let known = try store.heads().heads.map(\.record.service).uniqued()
        let near = Nearest.hint(service, in: known)
        throw UsageError(
            known.isEmpty
                ? MatrixInput.noneYet
                : "there is no campaign of service '\(service)'\(near) (there are: \(known.joined(separator: ", ")))")
    }

    /// The campaign as it is after the experiments.
    private static func measure(
        _ question: MatrixQuestion, _ confidence: Double, _ record: CampaignRecord, _ arguments: ParsedArguments
    ) throws -> CampaignRecord {
        guard let path = arguments.value("file") else {
            throw UsageError(
                "--run goes on with campaign \(record.id), for which it needs its service file: --file FILE.yaml")
        }
        let file = try Inputs.serviceFile(path)
        try Inputs.requireRoot("an experiment")
        let state = try StateDirectory.standard()
        try Inputs.enter(node: file.node, state)
        let campaign = Campaign(file, state: state, interrupt: try InterruptSignal(), report: ProgressLog(file).report)
        return try campaign.run(.ask(record, question, confidence: confidence))
    }

    /// What runs the experiments, for a shell.
    private static func command(_ reply: MatrixReply, _ arguments: ParsedArguments) -> String {
        let confidence = arguments.value("confidence").map { " --confidence \($0)" } ?? ""
        return "whatif ask \(quoted(reply.question.text)) --campaign \(reply.campaign)\(confidence) --file "
            + "\(arguments.value("file").map(quoted) ?? "FILE.yaml") --run"
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
