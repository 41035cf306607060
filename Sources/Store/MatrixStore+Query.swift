package import Model

extension MatrixStore {
    /// The cells that answer, each read whole.
    package func cells(_ query: MatrixQuery) throws(StoreError) -> [FoundCell] {
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
    /// More blocks than are worth an index: then they are read in their order, until there are enough cells.
    private static let manyBlocks = 4000

    /// What makes a cell, by `CellColumns`, and where it stands.
    private static let whole =
        CellColumns.names.map { "cell.\($0)" } + ["detail.cell", "campaign.id", "service", "tier", "domain"]

    /// What people look at.
    private static let shown =
        ["campaign.id AS campaign", "cell.number", "cell.state"]
        + (Resource.allCases.map(\.column) + Metric.allCases.map(\.column)
        + Metric.allCases.flatMap { ["\($0.column)_lower", "\($0.column)_upper"] }).map { "cell.\($0)" }

    private func cellStatement(_ query: MatrixQuery, columns: [String] = whole) throws(StoreError) -> SQLText {
        let bound = try bound(query)
        let source = try source(query, bound)
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
        let source = try source(query, nil)
        let columns =
            subjects.map(\.column) + ["count(*)"] + Cell.states.map { "sum(cell.state = '\($0)')" }
            + metrics.flatMap { metric in ["min", "avg", "max"].map { "\($0)(cell.\(metric.column))" } }
        let by = subjects.map(\.column).joined(separator: ", ")
        var sql = "SELECT \(columns.joined(separator: ", "))\n" + source.from + source.condition
        if !subjects.isEmpty { sql = sql + "\nGROUP BY \(by)\nORDER BY \(by)" }
        if let limit = query.limit { sql = sql + SQLText("\nLIMIT ?", [.integer(Int64(limit))]) }
        return sql
    }

    private struct Source {
        let from: String
        let condition: SQLText
        /// In which the cells come anyway.
        let order: SQLText
    }

    /// From where the cells come: the blocks that can hold some, by the index that leaves fewest, and of these the cells.
    private func source(_ query: MatrixQuery, _ bound: Bound?) throws(StoreError) -> Source {
        let conjuncts = query.condition?.conjuncts ?? []
        var parts = [query.condition?.blocks, bound?.blocks, query.condition?.sql, bound?.cells].compactMap(\.self)
        let cells = "cell.id BETWEEN block.first AND block.first + \(CellColumns.blockSize - 1)"
        let ofCampaign = conjuncts.contains { conjunct in
            if case .comparison(.campaign, .equal, _) = conjunct { true } else { false }
        }
        if ofCampaign {
            let range =
                "campaign.key << \(CellColumns.numberBits) AND campaign.key << \(CellColumns.numberBits) | "
                + "\(CellColumns.largestNumber)"
            // `CROSS JOIN` keeps SQLite to this order.
            return Source(
                from: "FROM campaign CROSS JOIN block ON block.first BETWEEN \(range)\nCROSS JOIN cell ON \(cells)",
                condition: "\nWHERE " + .joined(parts, "\n  AND "), order: SQLText("campaign.key, block.first, cell.id")
            )
        }
        var best: (index: String, count: Int)?
        let choices = conjuncts.compactMap { conjunct in conjunct.index.flatMap { i in conjunct.blocks.map { (i, $0) } }
        }
        for (index, blocks) in choices + (bound.map { [($0.index, $0.blocks)] } ?? []) {
            let probe =
                SQLText("SELECT count(*) FROM (SELECT 1 FROM block INDEXED BY \(index) WHERE ") + blocks
                + " LIMIT \(Self.manyBlocks))"
            let count = Int(try database.run(probe.text, probe.values).first?.integer(0) ?? 0)
            if count < best?.count ?? Self.manyBlocks { best = (index, count) }
        }
        let from =
            "FROM block \(best.map { "INDEXED BY \($0.index)" } ?? "NOT INDEXED")\nCROSS JOIN cell ON \(cells)\n"
            + "CROSS JOIN campaign ON campaign.key = cell.id >> \(CellColumns.numberBits)"
        if parts.isEmpty { parts = [SQLText("1")] }
        return Source(
            from: from, condition: "\nWHERE " + .joined(parts, "\n  AND "),
            order: SQLText(best == nil ? "block.first, cell.id" : "cell.id"))
    }

    /// Beyond which the first of an order cannot lie.
    private struct Bound {
        let index: String
        let blocks: SQLText
        let cells: SQLText
    }

    /// Of the blocks whose cells all meet the condition, each has one with its least: as many of these as are asked for
    /// bound what has to be looked at. Nil when there are too few.
    private func bound(_ query: MatrixQuery) throws(StoreError) -> Bound? {
        guard let limit = query.limit, limit > 0, query.near == nil, let first = query.order.first,
            let column = first.subject.summary
        else { return nil }
        if case .axis(let resource) = first.subject, !resource.isNumeric { return nil }
        let (end, sign) = first.descending ? ("max", ">=") : ("min", "<=")
        let best = "\(column)_\(end)"
        var condition = SQLText("whole = 1 AND \(best) IS NOT NULL")
        if let wanted = query.condition {
            guard let whole = wanted.wholeBlocks(best: (column, end)) else { return nil }
            condition = condition + " AND " + whole
        }
        let sql =
            SQLText("SELECT \(best) FROM block INDEXED BY block_\(best) WHERE ") + condition
            + SQLText(
                " ORDER BY \(best)\(first.descending ? " DESC" : "") LIMIT 1 OFFSET ?", [.integer(Int64(limit - 1))])
        guard case .real(let value) = try database.run(sql.text, sql.values).first?.values[0] else { return nil }
        return Bound(
            index: "block_\(best)", blocks: SQLText("block.\(best) \(sign) ?", [.real(value)]),
            cells: SQLText("\(first.subject.column) \(sign) ?", [.real(value)]))
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
