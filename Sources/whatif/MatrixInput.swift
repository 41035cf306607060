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

    static func record(_ id: String?, in store: MatrixStore) throws -> CampaignRecord {
        if let record = try store.campaign(id) { return record }
        throw missing(id, try store.heads().heads)
    }

    /// The campaign without its cells.
    static func head(_ id: String?, in store: MatrixStore) throws -> CampaignHead {
        let heads = try store.heads().heads
        if let head = heads.first(where: { id == nil || $0.record.id == id }) { return head }
        throw missing(id, heads)
    }

    private static func missing(_ id: String?, _ heads: [CampaignHead]) -> UsageError {
        guard let id else { return UsageError("there is no campaign yet; 'whatif run FILE.yaml' makes one") }
        let near = Nearest.hint(id, in: heads.map(\.record.id))
        return UsageError("there is no campaign '\(id)'\(near) ('whatif matrix list' shows what there is)")
    }

    static func show(_ record: CampaignRecord, _ cells: [Cell], _ arguments: ParsedArguments) throws {
        if arguments.flag("json") {
            Terminal.print(try MatrixData.json(record, cells: cells))
        } else if arguments.flag("csv") {
            Terminal.print(MatrixData.csv(record, cells: cells))
        } else {
            Terminal.print(MatrixText.table(record, cells: cells, width: Terminal.width))
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
