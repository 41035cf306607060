import Arguments
import Foundation
import Model
import Report
import Store

/// `whatif matrix plot`
enum MatrixPlotCommand: Command {
    static let schema = CommandSchema(
        "matrix plot", "Draw a campaign's matrix: in the terminal, or as SVG.",
        discussion: """
            heat    a metric over two axes, a panel for each combination of the others
            slice   a metric along one axis, a curve for each value of another one, with intervals and the SLA's limit
            pareto  what cannot be bettered in one direction without giving something up in the other
            auto    a heat map of two or more axes of numbers, else a slice

            For instance: whatif matrix plot --output figure.svg
                          whatif matrix plot --kind slice --x memory --y cpu --where 'cpu <= 80%'
                          whatif matrix plot --kind pareto --x energy --y p95
            """,
        operands: [.init("CAMPAIGN", "Which campaign (default: the latest).", isRequired: false)],
        options: [
            .value("kind", "KIND", "auto, heat, slice or pareto (default: auto)."),
            .value("metric", "NAME", "What is shown (default: the SLA's statistic)."),
            .value("x", "NAME", "The axis that goes across; of a Pareto front also a metric, or cost."),
            .value(
                "y", "NAME",
                "The axis that goes up; of a slice that of the curves, or the metric; of a Pareto front as --x."),
            .value("x-scale", "SCALE", "auto, linear or log (default: auto, by how the values are spread)."),
            .value("y-scale", "SCALE", "The same of what goes up, and of a heat map's colours."),
            .value("where", "CONDITION", "Only cells that meet it, as in 'whatif matrix query'."),
            .value("output", "FILE.svg", "Write SVG there ('-' is standard output)."),
            .value("width", "N", "Of a figure without --output, in characters (default: the terminal's, or 80)."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let query = try MatrixQuery(where: arguments.value("where") ?? "")
        let request = try request(arguments)
        let width = try Inputs.count(arguments, "width", in: TerminalFigure.leastWidth...1000)
        let store = try MatrixInput.store()
        let record = try MatrixInput.record(arguments.operand(0), in: store)
        let cells = arguments.value("where") == nil ? nil : query.select(from: record.matrix)
        if cells?.isEmpty == true {
            throw UsageError("--where: " + (try MatrixInput.emptiness(query.condition, of: record, in: store)))
        }
        let figure = try figure(record, cells, request)
        guard let path = arguments.value("output") else {
            Terminal.print(
                TerminalFigure(figure, width: width ?? Screen.width ?? 80, isColoured: Screen.isColoured).text)
            return .done
        }
        if width != nil {
            throw UsageError("--width is of figures in the terminal, and --output writes SVG, which has none")
        }
        let known = ["png", "pdf", "jpg", "jpeg", "gif", "webp", "eps", "ps", "csv", "json", "txt", "html"]
        if let ending = path.split(separator: ".").last.map({ $0.lowercased() }), known.contains(ending),
            path.contains(".")
        {
            throw UsageError(
                "--output: a figure is written as SVG, not as .\(ending); name it .svg (rsvg-convert makes other formats of it)"
            )
        }
        let text = SVGFigure(figure).text
        if path == "-" {
            Terminal.print(text)
            return .done
        }
        do { try text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw FileError(description: "cannot write \(path): \(error.localizedDescription)")
        }
        Terminal.note("wrote \(path)")
        return .done
    }

    private static func request(_ arguments: ParsedArguments) throws -> PlotRequest {
        var request = PlotRequest(
            try choice(arguments, "kind") ?? .auto, metric: arguments.value("metric"), x: arguments.value("x"),
            y: arguments.value("y"))
        request.xScale = try choice(arguments, "x-scale") ?? .auto
        request.yScale = try choice(arguments, "y-scale") ?? .auto
        return request
    }

    private static func choice<T: RawRepresentable & CaseIterable>(
        _ arguments: ParsedArguments, _ name: String
    ) throws -> T? where T.RawValue == String {
        guard let text = arguments.value(name) else { return nil }
        if let found = T(rawValue: text) { return found }
        throw usage(.unknown(option: name, found: text, known: T.allCases.map(\.rawValue)))
    }

    private static func figure(_ record: CampaignRecord, _ cells: [Cell]?, _ request: PlotRequest) throws -> Figure {
        do throws(PlotError) { return try Figure(record, cells: cells, request) } catch { throw usage(error) }
    }

    /// With the name that was probably meant.
    private static func usage(_ error: PlotError) -> UsageError {
        guard case .unknown(_, let found, let known) = error, let near = Nearest.of(found, in: known) else {
            return UsageError("\(error)")
        }
        return UsageError("\(error); did you mean '\(near)'?")
    }
}
