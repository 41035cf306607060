import Model

/// How a query finds its cells: by the blocks that can hold some.
extension MatrixStore {
    struct Source {
        let from: String
        let condition: SQLText
        /// In which the cells come anyway.
        let order: SQLText
    }

    /// More blocks than are worth an index: then they are read in their order. Where any cells will do, so that this ends
    /// as soon as there are enough, far fewer are too many.
    private static let manyBlocks = (ofAll: 16_000, ofSome: 500)

    private static let cells = "CROSS JOIN cell ON cell.id BETWEEN block.first AND block.first + block.cells - 1"

    /// From where the cells come. With `isOrdered` the query's order and limit leave cells out that cannot be among the
    /// first.
    func source(_ query: MatrixQuery, isOrdered: Bool = true) throws(StoreError) -> Source {
        // `CROSS JOIN` keeps SQLite to the order of the tables.
        if query.condition?.isOfOneCampaign == true {
            let range =
                "campaign.key << \(CellColumns.numberBits) AND campaign.key << \(CellColumns.numberBits) | "
                + "\(CellColumns.largestNumber)"
            return Source(
                from: "FROM campaign CROSS JOIN block ON block.first BETWEEN \(range)\n\(Self.cells)",
                condition: Self.condition(query, nil), order: SQLText("campaign.key, block.first, cell.id"))
        }
        var choices = (query.condition?.conjuncts ?? []).compactMap { conjunct in
            conjunct.index.flatMap { index in conjunct.blocks.map { Choice(index: index, blocks: $0) } }
        }
        let isOfSome = isOrdered && query.limit != nil && query.order.isEmpty && query.near == nil
        let many = isOfSome ? Self.manyBlocks.ofSome : Self.manyBlocks.ofAll
        var best = try best(of: choices, than: nil, fewerThan: many)
        let bound = isOrdered ? try bound(query, by: best) : nil
        if let bound {
            choices = [bound.choice]
            best = try self.best(of: choices, than: best, fewerThan: many)
        }
        let from =
            "FROM block \(best.map { "INDEXED BY \($0.choice.index)" } ?? "NOT INDEXED")\n\(Self.cells)\n"
            + "CROSS JOIN campaign ON campaign.key = cell.id >> \(CellColumns.numberBits)"
        return Source(
            from: from, condition: Self.condition(query, bound),
            order: SQLText(best == nil ? "block.first, cell.id" : "cell.id"))
    }

    private static func condition(_ query: MatrixQuery, _ bound: Bound?) -> SQLText {
        let parts = [query.condition?.blocks, bound?.choice.blocks, query.condition?.sql, bound?.cells]
        let known = parts.compactMap(\.self)
        return known.isEmpty ? SQLText("") : "\nWHERE " + .joined(known, "\n  AND ")
    }

    /// An index of `block`, and what it is asked.
    private struct Choice {
        let index: String
        let blocks: SQLText
    }

    private struct Best {
        let choice: Choice
        let count: Int
    }

    /// The choice that leaves fewest blocks, when these are fewer than `many`; else what was the best before.
    private func best(of choices: [Choice], than before: Best?, fewerThan many: Int) throws(StoreError) -> Best? {
        var best = before
        for choice in choices {
            let limit = best?.count ?? many
            let probe =
                SQLText("SELECT count(*) FROM (SELECT 1 FROM block INDEXED BY \(choice.index) WHERE ") + choice.blocks
                + " LIMIT \(limit))"
            let count = Int(try database.run(probe.text, probe.values).first?.integer(0) ?? 0)
            if count < limit { best = Best(choice: choice, count: count) }
        }
        return best
    }

    /// Beyond which the first of an order cannot lie.
    private struct Bound {
        let choice: Choice
        let cells: SQLText
    }

    /// Of the blocks whose cells all meet the condition, each has one with its least: as many of these as are asked for
    /// bound what has to be looked at. Nil when there are too few.
    private func bound(_ query: MatrixQuery, by best: Best?) throws(StoreError) -> Bound? {
        guard let limit = query.limit, limit > 0, query.near == nil, let first = query.order.first,
            let column = first.subject.summary
        else { return nil }
        if case .axis(let resource) = first.subject, !resource.isNumeric { return nil }
        let (end, sign) = first.descending ? ("max", ">=") : ("min", "<=")
        let extreme = "\(column)_\(end)"
        var condition = SQLText("whole = 1 AND \(extreme) IS NOT NULL")
        if let wanted = query.condition {
            guard let whole = wanted.wholeBlocks(best: (column, end)) else { return nil }
            condition = condition + " AND " + whole
        }
        // What is known of all blocks with some such cell holds for these as well.
        if let best { condition = best.choice.blocks + " AND " + condition }
        let sql =
            SQLText("SELECT \(extreme) FROM block INDEXED BY \(best?.choice.index ?? "block_\(extreme)") WHERE ")
            + condition
            + SQLText(
                " ORDER BY \(extreme)\(first.descending ? " DESC" : "") LIMIT 1 OFFSET ?", [.integer(Int64(limit - 1))])
        guard case .real(let value) = try database.run(sql.text, sql.values).first?.values[0] else { return nil }
        return Bound(
            choice: Choice(
                index: "block_\(extreme)", blocks: SQLText("block.\(extreme) \(sign) ?", [.real(value)])),
            cells: SQLText("\(first.subject.column) \(sign) ?", [.real(value)]))
    }
}

extension MatrixQuery.Condition {
    fileprivate var isOfOneCampaign: Bool {
        conjuncts.contains { conjunct in
            if case .comparison(.campaign, .equal, _) = conjunct { true } else { false }
        }
    }
}
