import Model

/// How a query finds its cells: by the spans, and of these the blocks, that can hold some.
extension MatrixStore {
    struct Source {
        let from: String
        let condition: SQLText
        /// In which the cells come anyway.
        let order: SQLText
    }

    /// More spans than are worth an index: then they are read in their order. Where any cells will do, so that this ends as
    /// soon as there are enough, far fewer are too many.
    private static let manySpans = (ofAll: 1_000, ofSome: 30)

    private static let blocks =
        "CROSS JOIN block ON block.first_cell BETWEEN span.first_cell AND span.first_cell + span.cells - 1"
    private static let cells =
        "CROSS JOIN cell ON cell.id BETWEEN block.first_cell AND block.first_cell + block.cells - 1"

    /// From where the cells come. With `isOrdered` the query's order and limit leave cells out that cannot be among the
    /// first.
    func source(_ query: MatrixQuery, isOrdered: Bool = true) throws(StoreError) -> Source {
        // `CROSS JOIN` keeps SQLite to the order of the tables.
        if query.condition?.isOfOneCampaign == true {
            let range =
                "campaign.key << \(CellColumns.numberBits) AND campaign.key << \(CellColumns.numberBits) | "
                + "\(CellColumns.largestNumber)"
            return Source(
                from: "FROM campaign CROSS JOIN block ON block.first_cell BETWEEN \(range)\n\(Self.cells)",
                condition: .all([query.condition?.some(of: "block"), query.condition?.sql]),
                order: SQLText("campaign.key, block.first_cell, cell.id"))
        }
        let choices = (query.condition?.conjuncts ?? []).compactMap { conjunct in
            conjunct.index.flatMap { index in conjunct.some(of: "span").map { Choice(index: index, spans: $0) } }
        }
        let isOfSome = isOrdered && query.limit != nil && query.order.isEmpty && query.near == nil
        let many = isOfSome ? Self.manySpans.ofSome : Self.manySpans.ofAll
        var best = try best(of: choices, than: nil, fewerThan: many)
        let bound = isOrdered ? try bound(query, by: best) : nil
        if let bound { best = try self.best(of: [bound.choice], than: best, fewerThan: many) }
        return Source(
            from: "\(Self.spans(best))\n\(Self.blocks)\n\(Self.cells)\n"
                + "CROSS JOIN campaign ON campaign.key = cell.id >> \(CellColumns.numberBits)",
            condition: .all([
                query.condition?.some(of: "span"), bound?.choice.spans, query.condition?.some(of: "block"),
                bound?.blocks, query.condition?.sql, bound?.cells,
            ]),
            order: SQLText(best == nil ? "span.first_cell, block.first_cell, cell.id" : "cell.id"))
    }

    private static func spans(_ best: Best?) -> String {
        "FROM span " + (best.map { "INDEXED BY \($0.choice.index)" } ?? "NOT INDEXED")
    }

    /// An index of `span`, and what it is asked.
    private struct Choice {
        let index: String
        let spans: SQLText
    }

    private struct Best {
        let choice: Choice
        let count: Int
    }

    /// The choice that leaves fewest spans, when these are fewer than `many`; else what was the best before.
    private func best(of choices: [Choice], than before: Best?, fewerThan many: Int) throws(StoreError) -> Best? {
        var best = before
        for choice in choices {
            let limit = best?.count ?? many
            let probe =
                SQLText("SELECT count(*) FROM (SELECT 1 FROM span INDEXED BY \(choice.index) WHERE ") + choice.spans
                + " LIMIT \(limit))"
            let count = Int(try database.run(probe.text, probe.values).first?.integer(0) ?? 0)
            if count < limit { best = Best(choice: choice, count: count) }
        }
        return best
    }

    /// Beyond which the first of an order cannot lie.
    private struct Bound {
        let choice: Choice
        let blocks: SQLText
        let cells: SQLText

        /// No further than `value`, by what keeps the first of the order: `extreme`.
        init(_ subject: MatrixQuery.Subject, _ extreme: String, descending: Bool, _ value: Double) {
            let limit = { (column: String) in SQLText("\(column) \(descending ? ">=" : "<=") ?", [.real(value)]) }
            choice = Choice(index: "span_\(extreme)", spans: limit("span.\(extreme)"))
            blocks = limit("block.\(extreme)")
            cells = limit(subject.column)
        }
    }

    /// Of the blocks whose cells all meet the condition, each has one with its least: any of these, as many as are asked for,
    /// bound what has to be looked at. Those of the spans that come first in the order bound it best. Nil when there are too
    /// few.
    private func bound(_ query: MatrixQuery, by best: Best?) throws(StoreError) -> Bound? {
        guard let limit = query.limit, limit > 0, query.near == nil, let first = query.order.first,
            let column = first.subject.summary
        else { return nil }
        if case .axis(let resource) = first.subject, !resource.isNumeric { return nil }
        let end = first.descending ? "max" : "min"
        let whole = query.condition.map { $0.wholeBlocks(best: (column, end)) }
        if case .some(.none) = whole { return nil }
        let (extreme, direction) = ("\(column)_\(end)", first.descending ? " DESC" : "")
        let spans = SQLText.all([
            query.condition?.some(of: "span"), best?.choice.spans, SQLText("span.\(extreme) IS NOT NULL"),
        ])
        let blocks = SQLText.all([SQLText("block.whole = 1 AND block.\(extreme) IS NOT NULL"), whole ?? nil])
        let spanCount = try database.run("SELECT count(*) FROM span").first?.integer(0) ?? 0
        let all = best.map { Int64($0.count) } ?? spanCount
        // As many as are asked for, that a block of each will do.
        var count = Int64(max(64, limit))
        while true {
            let sql =
                SQLText(
                    "SELECT block.\(extreme)\nFROM (SELECT first_cell, cells FROM span "
                        + "INDEXED BY \(best?.choice.index ?? "span_\(extreme)")") + spans
                + SQLText("\nORDER BY span.\(extreme)\(direction) LIMIT ?) AS span\n\(Self.blocks)", [.integer(count)])
                + blocks + SQLText("\nORDER BY 1\(direction) LIMIT 1 OFFSET ?", [.integer(Int64(limit - 1))])
            switch try database.run(sql.text, sql.values).first?.values[0] {
            case .real(let value): return Bound(first.subject, extreme, descending: first.descending, value)
            case .none where count < all: count *= 8
            // Too few, or what is unlimited.
            default: return nil
            }
        }
    }
}

extension MatrixStore {
    /// - Throws: `StoreError` when blocks or spans do not say what the cells are: queries may miss some of these.
    func checkSummaries(_ campaign: String, key: Int64, cells: Int) throws(StoreError) {
        let beginning = CellColumns.id(key, 0)
        for (table, query) in [("block", BlockRow.ofCells), ("span", BlockRow.ofBlocks)] {
            let made = try database.prepare(query)
            let kept = try database.prepare(
                "SELECT \(BlockRow.names.joined(separator: ", ")) FROM \(table) "
                    + "WHERE first_cell BETWEEN ? AND ? ORDER BY first_cell")
            kept.bind(all: [.integer(beginning), .integer(CellColumns.id(key, Int(CellColumns.largestNumber)))])
            var (next, isSame) = (beginning, true)
            while isSame, try kept.step() {
                let row = (0..<kept.columnCount).map { kept.value($0) }
                let (first, count) = (row[0].integer ?? 0, row[1].integer ?? 0)
                let whole = try made.row([.integer(first), .integer(first + count - 1)])
                isSame = first == next && whole == row
                next = first + count
            }
            kept.reset()
            if isSame, next - beginning == cells { continue }
            throw damage(campaign, "the table \(table), by which queries find its cells, says something else of them")
        }
    }
}

extension SQLText {
    /// Those that are known must all hold.
    fileprivate static func all(_ conditions: [SQLText?]) -> SQLText {
        let known = conditions.compactMap(\.self)
        return known.isEmpty ? SQLText("") : "\nWHERE " + .joined(known, "\n  AND ")
    }
}

extension MatrixQuery.Condition {
    fileprivate var isOfOneCampaign: Bool {
        conjuncts.contains { conjunct in
            if case .comparison(.campaign, .equal, _) = conjunct { true } else { false }
        }
    }
}
