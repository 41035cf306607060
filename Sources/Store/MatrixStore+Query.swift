package import Model

extension MatrixStore {
    /// The cells that answer, each read whole.
    package func cells(_ query: MatrixQuery) throws(StoreError) -> [FoundCell] {
        // Of one moment, however many statements it takes.
        try database.run("BEGIN")
        defer { _ = try? database.run("COMMIT") }
        let sql = try cellStatement(query)
        let statement = try database.prepare(sql.text)
        statement.bind(all: sql.values)
        var found: [FoundCell] = []
        while try statement.step() {
            let text = { (index: Int) in statement.value(CellColumns.count + index).text ?? "" }
            let row = CellRow(of: statement)
            let number = Int((row.values[CellColumns.id].integer ?? 0) & CellColumns.largestNumber)
            do throws(RowError) {
                found.append(
                    FoundCell(
                        campaign: text(1), service: text(2), tier: text(3), domain: text(4), number: number,
                        cell: try row.cell()))
            } catch {
                throw damage(text(1), "its cell number \(number) is damaged: \(error)")
            }
        }
        return found
    }

    /// The cells that answer, put together by `subjects`, in ascending order of these; the query's own order counts for
    /// nothing.
    package func groups(
        _ query: MatrixQuery, by subjects: [MatrixQuery.Subject], of metrics: [Metric]
    ) throws(StoreError) -> [CellGroup] {
        let sql = try groupStatement(query, by: subjects, of: metrics)
        return try database.run(sql.text, sql.values).map { row in
            var values = row.values[...]
            let settings = subjects.map { _ -> Setting? in
                switch values.popFirst() {
                case .text(let name): .name(name)
                case let value: (value?.number).map { .number($0) }
                }
            }
            let count = Int(values.popFirst()?.integer ?? 0)
            let states = Cell.states.map { ($0, Int(values.popFirst()?.integer ?? 0)) }
            let figures = metrics.compactMap { metric -> (Metric, CellGroup.Figures)? in
                let numbers = (0..<3).map { _ in values.popFirst()?.number }
                guard let least = numbers[0], let mean = numbers[1], let greatest = numbers[2] else { return nil }
                return (metric, CellGroup.Figures(least: least, mean: mean, greatest: greatest))
            }
            return CellGroup(
                values: settings, count: count,
                states: Dictionary(states.filter { $0.1 > 0 }, uniquingKeysWith: { a, _ in a }),
                figures: Dictionary(figures, uniquingKeysWith: { a, _ in a }))
        }
    }

    /// The statement of `cells(_:)` for the sqlite3 shell.
    package func sql(_ query: MatrixQuery) throws(StoreError) -> String {
        try cellStatement(query, columns: Self.shown).literal + ";"
    }

    /// The statement of `groups(_:by:of:)` for the sqlite3 shell.
    package func sql(
        _ query: MatrixQuery, by subjects: [MatrixQuery.Subject], of metrics: [Metric]
    ) throws(StoreError) -> String {
        try groupStatement(query, by: subjects, of: metrics).literal + ";"
    }
}

extension MatrixStore {
    /// What makes a cell, by `CellColumns`, and where it stands.
    private static let whole =
        CellColumns.names.map { "cell.\($0)" } + ["detail.cell", "campaign.id", "service", "tier", "domain"]

    /// What people look at.
    private static let shown =
        ["campaign.id AS campaign", "\(CellColumns.number) AS number", "cell.state"]
        + (Resource.allCases.map(\.column) + Metric.allCases.map(\.column)
        + Metric.allCases.flatMap { ["\($0.column)_lower", "\($0.column)_upper"] }).map { "cell.\($0)" }

    private func cellStatement(_ query: MatrixQuery, columns: [String] = whole) throws(StoreError) -> SQLText {
        let source = try source(query)
        let detail = columns == Self.whole ? "\nLEFT JOIN detail ON detail.id = cell.id" : ""
        var sql = "SELECT \(columns.joined(separator: ", "))\n" + source.from + detail + source.condition
        let order = try order(query)
        sql = sql + "\nORDER BY " + (order.isEmpty ? source.order : .list(order + [SQLText("cell.id")]))
        if let limit = query.limit { sql = sql + SQLText("\nLIMIT ?", [.integer(Int64(limit))]) }
        return sql
    }

    private func groupStatement(
        _ query: MatrixQuery, by subjects: [MatrixQuery.Subject], of metrics: [Metric]
    ) throws(StoreError) -> SQLText {
        let source = try source(query, isOrdered: false)
        let columns =
            subjects.map(\.column) + ["count(*)"] + Cell.states.map { "sum(cell.state = '\($0)')" }
            + metrics.flatMap { metric in ["min", "avg", "max"].map { "\($0)(cell.\(metric.column))" } }
        let by = subjects.map(\.column).joined(separator: ", ")
        var sql = "SELECT \(columns.joined(separator: ", "))\n" + source.from + source.condition
        if !subjects.isEmpty { sql = sql + "\nGROUP BY \(by)\nORDER BY \(by)" }
        if let limit = query.limit { sql = sql + SQLText("\nLIMIT ?", [.integer(Int64(limit))]) }
        return sql
    }

    private func order(_ query: MatrixQuery) throws(StoreError) -> [SQLText] {
        var keys: [SQLText] = []
        if let near = query.near {
            let parts = near.values.sorted { $0.key < $1.key }.map { resource, wish in
                let column = "cell.\(resource.column)"
                guard case .number(let number) = wish else { return SQLText("(\(column) IS NOT ?)", [wish.value]) }
                return SQLText(
                    "CASE WHEN typeof(\(column)) = 'real' THEN CASE WHEN \(column) = ? THEN 0 "
                        + "ELSE abs(\(column) - ?) / max(\(column), ?) END ELSE 1 END",
                    [.real(number), .real(number), .real(number)])
            }
            keys.append(.sum(parts))
        }
        for order in query.order {
            let direction = order.descending ? " DESC NULLS LAST" : " NULLS LAST"
            if case .axis(let resource) = order.subject, !resource.isNumeric {
                let names = try names(resource, query)
                let cases = names.enumerated().map { SQLText(" WHEN ? THEN \($0)", [.text($1)]) }
                if cases.isEmpty { continue }
                keys.append(cases.reduce(SQLText("CASE \(order.subject.column)"), +) + " END" + direction)
            } else {
                keys.append(SQLText(order.subject.column + direction))
            }
        }
        return keys
    }

    /// The names on the axes of what is asked about, in their order.
    private func names(_ resource: Resource, _ query: MatrixQuery) throws(StoreError) -> [String] {
        let campaigns = (query.condition?.conjuncts ?? []).compactMap { conjunct -> String? in
            if case .comparison(.campaign, .equal, .name(let id)) = conjunct { id } else { nil }
        }
        let heads = try heads().heads.filter { campaigns.isEmpty || campaigns.contains($0.record.id) }
        let axes = heads.flatMap(\.record.matrix.axes).filter { $0.resource == resource }
        return axes.flatMap(\.values).compactMap(\.name).uniqued()
    }
}

extension SQLText {
    fileprivate static func list(_ parts: [SQLText]) -> SQLText {
        parts.dropFirst().reduce(parts.first ?? SQLText("")) { $0 + ", " + $1 }
    }

    fileprivate static func sum(_ parts: [SQLText]) -> SQLText {
        parts.dropFirst().reduce(parts.first ?? SQLText("0")) { $0 + " + " + $1 }
    }
}
