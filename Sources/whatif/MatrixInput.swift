import Arguments
import Foundation
import Model
import Report
import Store

/// What the matrix commands share: the store, which campaign, in which form.
enum MatrixInput {
    static let campaign = CommandSchema.Option.value("campaign", "ID", "Which campaign (default: the latest).")
    static let all = CommandSchema.Option.flag("all", "Of all campaigns.")
    static let json = CommandSchema.Option.flag(
        "json", "JSON; times in seconds, CPU as a fraction of a core, sizes in bytes, rates in bytes a second.")
    static let csv = CommandSchema.Option.flag("csv", "Comma-separated values, same units as JSON.")
    static let sql = CommandSchema.Option.flag(
        "sql", "Print the statement that answers, for the sqlite3 shell, instead.")

    static func store() throws -> MatrixStore { try MatrixStore(try StateDirectory.standard().matrices) }

    static func record(_ arguments: ParsedArguments) throws -> CampaignRecord {
        let store = try store()
        return try record(arguments.value("campaign"), in: store)
    }

    /// One that is damaged is said, and no other taken in its stead.
    static func record(_ id: String?, in store: MatrixStore) throws -> CampaignRecord {
        if let record = try store.campaign(id) { return record }
        throw try missing(id, store)
    }

    /// The campaign without its cells.
    static func head(_ id: String?, in store: MatrixStore) throws -> CampaignHead {
        if let head = try store.head(id) { return head }
        throw try missing(id, store)
    }

    static let noneYet = "there is no campaign yet; 'whatif run FILE.yaml' makes one"

    private static func missing(_ id: String?, _ store: MatrixStore) throws -> UsageError {
        guard let id else { return UsageError(noneYet) }
        let near = Nearest.hint(id, in: try store.heads().heads.map(\.record.id))
        return UsageError("there is no campaign '\(id)'\(near) ('whatif matrix list' shows what there is)")
    }

    /// Why no cell of that campaign is such, or of all campaigns: what was asked for may have been written wrongly.
    static func emptiness(
        _ condition: MatrixQuery.Condition?, of record: CampaignRecord, isOfAll: Bool = false, in store: MatrixStore
    ) throws -> String {
        let place = isOfAll ? "any campaign" : "campaign \(record.id)"
        let campaigns = try store.heads().heads.map(\.record)
        var reasons = condition?.emptiness(axes: isOfAll ? nil : record.matrix.axes, campaigns: campaigns) ?? []
        // What there is of a metric takes reading all cells, which are few of one campaign.
        if reasons.isEmpty, !isOfAll, let condition {
            var whole = MatrixQuery()
            whole.condition = .comparison(.campaign, .equal, .name(record.id))
            reasons = try store.groups(whole, by: [], of: condition.metrics).flatMap { $0.tells(condition) }
        }
        return "no cell of \(place) is such" + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))")
    }

    /// JSON, CSV and the like are forms of one output.
    static func requireOne(_ names: String..., of arguments: ParsedArguments) throws {
        let given = names.filter(arguments.flag)
        if given.count > 1 {
            throw UsageError("\(given.map { "--\($0)" }.joined(separator: " and ")) are two forms; write one of them")
        }
    }

    static func show(_ record: CampaignRecord, _ cells: [Cell], _ arguments: ParsedArguments) throws {
        try requireOne("json", "csv", of: arguments)
        if arguments.flag("json") {
            Terminal.print(try MatrixData.json(record, cells: cells))
        } else if arguments.flag("csv") {
            Terminal.print(MatrixData.csv(record, cells: cells))
        } else {
            Terminal.print(
                MatrixText.heading(record) + "\n\n" + MatrixText.table(record, cells: cells, width: Terminal.width))
        }
    }

    /// A metric of a list such as `p95,mean`.
    static func metrics(_ text: String) throws -> [Metric] {
        try QueryParser.subjects(text).map { subject in
            if case .metric(let metric) = subject { return metric }
            throw QueryError(
                text, at: 1,
                "'\(subject.name)' is no metric; there are \(Metric.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }
}
