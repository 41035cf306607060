import Arguments
import Model
import Report
import Store

/// `whatif matrix query`
enum MatrixQueryCommand: Command {
    static let schema = CommandSchema(
        "matrix query", "Cells that meet conditions, in an order; or what they come to.",
        discussion: """
            For instance: whatif matrix query --where 'p95 < 50 ms and cpu <= 60%' --order cpu
                          whatif matrix query --all --where 'software = tuned or memory in (128 MiB, 256 MiB)' --order -p95
                          whatif matrix query --all --by cpu,state --of p95,energy
                          whatif matrix query --near 'cpu = 50%, memory = 200 MiB' --limit 3
                          whatif matrix query --where 'state != interpolated' --pareto 'p95, cpu, most throughput'

            A condition compares an axis, a metric, one end of its interval (p95.lower, p95.upper), the state of a cell, or
            campaign, service, tier and domain by < <= > >= = != with a value and its unit, or by 'in (A, B)', and joins
            comparisons by and, or, not and parentheses. Of a cell without the figure no comparison holds.
            """,
        options: [
            MatrixInput.campaign, MatrixInput.all,
            .value("where", "CONDITION", "Which cells (default: all)."),
            .value("order", "NAMES", "Names to sort by, the first counting most; '-NAME' sorts descending."),
            .value("near", "ALLOCATION", "Nearest to these values first."),
            .value("pareto", "NAMES", "Those of which no other is as good in all of these and better in one."),
            .value("limit", "N", "At most so many."),
            .value("by", "NAMES", "Put together by these: how many, and the metrics' least, mean and greatest."),
            .value("of", "METRICS", "The metrics for --by (default: what the SLA limits)."), MatrixInput.json,
            MatrixInput.csv, MatrixInput.sql,
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        var query = try MatrixQuery(where: arguments.value("where") ?? "", order: arguments.value("order"))
        query.near = try arguments.value("near").map { text in try QueryParser.allocation(text) }
        query.limit = try Inputs.count(arguments, "limit", in: 1...1_000_000_000)
        let objectives = try arguments.value("pareto").map { text in try Objective.parse(text) }
        let by = try arguments.value("by").map { text in try QueryParser.subjects(text) }
        if objectives != nil, by != nil || arguments.flag("sql") || query.near != nil || !query.order.isEmpty {
            throw UsageError("--pareto has an order of its own; --by, --near, --order and --sql do not go with it")
        }
        if by != nil, query.near != nil || !query.order.isEmpty {
            throw UsageError("--by has an order of its own; --near and --order do not go with it")
        }
        try MatrixInput.requireOne("json", "csv", "sql", of: arguments)
        if arguments.value("of") != nil, by == nil { throw UsageError("--of says what --by shows; write --by, too") }

        let store = try MatrixInput.store()
        if arguments.flag("all"), arguments.value("campaign") != nil {
            throw UsageError("--all is of all campaigns, --campaign of one; write one of them")
        }
        let head = try head(arguments, store)
        try check(query, by ?? [], objectives ?? [], head.record, isOfAll: arguments.flag("all"), in: store)
        if !arguments.flag("all") {
            let campaign = MatrixQuery.Condition.comparison(.campaign, .equal, .name(head.record.id))
            query.condition = .all([campaign] + (query.condition.map { [$0] } ?? []))
        }
        let metric = Metric(head.record.sla.statistic)
        if let by {
            let metrics = try arguments.value("of").map(MatrixInput.metrics) ?? [metric]
            if arguments.flag("sql") {
                Terminal.print(try store.sql(query, by: by, of: metrics))
                return .done
            }
            let groups = CellGroups(try store.groups(query, by: by, of: metrics), by, metrics)
            Terminal.print(try text(arguments, groups.json, groups.csv) { groups.text(width: Terminal.width) })
            if groups.isEmpty { try explainNothing(query, arguments, head.record, store) }
            return groups.isEmpty ? .no : .done
        }
        if arguments.flag("sql") {
            Terminal.print(try store.sql(query))
            return .done
        }
        var limit: Int?
        if objectives != nil { swap(&limit, &query.limit) }
        var found = try store.cells(query)
        if let objectives { found = Array(ParetoSet.of(found, objectives).prefix(limit ?? .max)) }
        if arguments.flag("all") || query.near != nil {
            let cells = FoundCells(found, metric: metric)
            Terminal.print(
                try text(arguments, cells.json, cells.csv) { cells.text(width: Terminal.width, near: query.near) })
        } else {
            try MatrixInput.show(head.record, found.map(\.cell), arguments)
        }
        if found.isEmpty { try explainNothing(query, arguments, head.record, store) }
        return found.isEmpty ? .no : .done
    }

    /// Of all, the latest that is whole says what is shown; that another is damaged is said, and stands in nobody's way.
    private static func head(_ arguments: ParsedArguments, _ store: MatrixStore) throws -> CampaignHead {
        do { return try MatrixInput.head(arguments.value("campaign"), in: store) } catch let error as StoreError {
            guard error.isDamage, arguments.flag("all"), let whole = try store.heads().heads.first else { throw error }
            Terminal.complain(error.description)
            return whole
        }
    }

    /// Nothing is an answer, but it may have been asked wrongly.
    private static func explainNothing(
        _ query: MatrixQuery, _ arguments: ParsedArguments, _ record: CampaignRecord, _ store: MatrixStore
    ) throws {
        Terminal.complain(
            try MatrixInput.emptiness(query.condition, of: record, isOfAll: arguments.flag("all"), in: store))
    }

    private static func text(
        _ arguments: ParsedArguments, _ json: () throws -> String, _ csv: () -> String, _ text: () -> String
    ) throws -> String {
        try arguments.flag("json") ? json() : arguments.flag("csv") ? csv() : text()
    }

    /// An axis that the campaign, or any of all, does not have has no cells: that is said, with those that there are.
    private static func check(
        _ query: MatrixQuery, _ by: [MatrixQuery.Subject], _ objectives: [Objective], _ record: CampaignRecord,
        isOfAll: Bool, in store: MatrixStore
    ) throws {
        let near = (query.near?.values.keys).map { $0.map { MatrixQuery.Subject.axis($0) } } ?? []
        let subjects =
            (query.condition?.subjects ?? []) + query.order.map(\.subject) + by + objectives.map(\.subject) + near
        var missing = subjects.compactMap { subject -> Resource? in
            if case .axis(let resource) = subject { resource } else { nil }
        }
        var has: [Resource] = []
        func look(in axes: [Axis]) {
            has = (has + axes.map(\.resource)).uniqued()
            missing.removeAll(where: has.contains)
        }
        look(in: record.matrix.axes)
        // Of the others only where the latest has it not: they may be thousands, and are read whole.
        if isOfAll, !missing.isEmpty { look(in: try store.heads().heads.flatMap(\.record.matrix.axes)) }
        guard let resource = missing.first else { return }
        throw UsageError(
            (isOfAll ? "there is" : "campaign \(record.id) has")
                + " no axis '\(resource.rawValue)'; \(isOfAll ? "there are" : "it has") "
                + has.map(\.rawValue).joined(separator: ", ") + (isOfAll ? "" : " (--all asks all campaigns)"))
    }
}
