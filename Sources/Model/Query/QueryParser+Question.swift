/// Questions as people write them, beside conditions:
///
///     question    = wish { "where" condition | "at" places } [ "?" ]
///     wish        = "cheapest" [ AXIS { "," AXIS } ]
///                 | ( "best" | "lowest" | "highest" ) METRIC
///                 | METRIC
///                 | [ "does" | "is" ] condition [ "hold" ]
///     places      = AXIS [ "=" ] VALUE { ( "," | "and" ) AXIS [ "=" ] VALUE }
extension QueryParser {
    private static let words = ["cheapest", "best", "lowest", "highest", "does"]
    private static let metrics = Metric.allCases.map(\.rawValue)

    package static func question(_ text: String) throws(QueryError) -> MatrixQuestion {
        var asked = text
        while asked.last.map({ $0 == "?" || $0.isWhitespace }) == true { asked.removeLast() }
        var parser = try QueryParser(asked, ends: ["at", "where", "hold", "holds"])
        if parser.tokens.isEmpty {
            throw QueryError(
                text, at: 1, "there is no question; for instance 'cheapest cpu where p95 < 50 ms', 'p95 at cpu 60%'")
        }
        let wish = try parser.wish()
        var condition = wish == .holds ? try parser.condition() : nil
        var at: Allocation?
        _ = wish == .holds && parser.takesHold()
        loop: while let token = parser.next {
            if parser.take("where") {
                switch wish {
                case .cheapest, .best: break
                case .value, .holds:
                    throw parser.error(
                        token, "'where' chooses among allocations; of one allocation write 'at AXIS VALUE'")
                }
                if condition != nil { throw parser.error(token, "'where' comes twice; join conditions by 'and'") }
                condition = try parser.condition()
            } else if parser.take("at") {
                if at != nil { throw parser.error(token, "'at' comes twice; write its values with ',' between") }
                at = try parser.fixed()
            } else {
                break loop
            }
        }
        _ = wish == .holds && parser.takesHold()
        if let token = parser.next {
            throw parser.error(token, "expected \(wish.continuation), found '\(parser.source(token.range))'")
        }
        return try parser.question(wish, condition, at ?? Allocation())
    }

    private mutating func takesHold() -> Bool { take("hold") || take("holds") }

    private mutating func wish() throws(QueryError) -> MatrixQuestion.Wish {
        if take("cheapest") { return .cheapest(try soughtAxes()) }
        for (word, most) in [("best", nil), ("lowest", false), ("highest", true)] as [(String, Bool?)]
        where take(word) {
            let (subject, token) = try subject()
            guard case .metric(let metric) = subject else {
                throw error(
                    token,
                    "'\(subject.name)' is no metric; there are \(Self.metrics.joined(separator: ", "))"
                        + (subject.isAxis ? " ('cheapest \(subject.name)' looks for the least that does)" : ""))
            }
            return .best(metric, most: most ?? Objective(subject).moreIsBetter)
        }
        if take("does") || take("is") { return .holds }
        guard let token = next, case .word(let name) = token.kind else {
            // A condition may begin with a parenthesis.
            if next?.kind == .open { return .holds }
            throw error(next, "expected \(Self.beginnings)")
        }
        if token.isKeyword("not") { return .holds }
        guard let known = MatrixQuery.Subject(name) else {
            let hint = Nearest.hint(name.lowercased(), in: Self.words + Self.metrics)
            throw error(token, "found '\(name)', expected \(Self.beginnings)\(hint)")
        }
        if index + 1 < tokens.count {
            if case .sign = tokens[index + 1].kind { return .holds }
            if tokens[index + 1].isKeyword("in") { return .holds }
        }
        guard case .metric(let metric) = known else {
            throw error(
                token, "'\(name)' alone is no question; write 'cheapest \(name)', or a metric: p95 at \(name) …")
        }
        _ = try subject()
        return .value(metric)
    }

    private static let beginnings =
        "'cheapest AXES', 'best METRIC', 'lowest METRIC', 'highest METRIC', 'does CONDITION hold' or a metric ("
        + metrics.joined(separator: ", ") + ")"

    private mutating func soughtAxes() throws(QueryError) -> [Resource] {
        var axes: [Resource] = []
        if next == nil || next?.isKeyword("where") == true || next?.isKeyword("at") == true { return [] }
        repeat {
            let (subject, token) = try subject()
            guard case .axis(let resource) = subject else {
                throw error(
                    token,
                    "'\(subject.name)' is no axis; there are \(Self.axes)"
                        + (subject.isMetric ? " ('lowest \(subject.name)' looks for the least of a metric)" : ""))
            }
            if resource.isDemand {
                throw error(
                    token, "'\(subject.name)' is what users do and costs nothing; fix it: 'at \(subject.name) …'")
            }
            if axes.contains(resource) { throw error(token, "'\(subject.name)' comes twice") }
            axes.append(resource)
        } while take(.comma) || take("and")
        return axes
    }

    private mutating func fixed() throws(QueryError) -> Allocation {
        var values: [Resource: Setting] = [:]
        repeat {
            let (subject, token) = try subject()
            guard case .axis(let resource) = subject else {
                throw error(token, "'\(subject.name)' is no axis; there are \(Self.axes)")
            }
            if case .sign(let sign) = next?.kind {
                guard sign == .equal else {
                    throw error(
                        next,
                        "behind 'at' stand values; conditions stand behind 'where': where \(subject.name) "
                            + "\(sign.rawValue) …")
                }
                index += 1
            }
            if values.updateValue(try value(of: subject, .equal, untilComma: true), forKey: resource) != nil {
                throw error(token, "'\(subject.name)' comes twice")
            }
        } while take(.comma) || take("and")
        return Allocation(values)
    }

    /// Sorts the condition into what is of axes and what is of metrics.
    private func question(
        _ wish: MatrixQuestion.Wish, _ condition: MatrixQuery.Condition?, _ at: Allocation
    ) throws(QueryError) -> MatrixQuestion {
        let fail = { (subject: MatrixQuery.Subject, reason: String) in
            QueryError(text, at: places[subject] ?? 1, reason)
        }
        for subject in condition?.subjects ?? [] {
            switch subject {
            case .axis, .metric: break
            case .lower(let metric), .upper(let metric):
                throw fail(subject, "how sure it is the answer says itself; write '\(metric.rawValue)'")
            case .state:
                throw fail(subject, "the answer says itself what was measured; 'whatif matrix query' chooses by state")
            case .campaign, .service:
                throw fail(subject, "a question is of one campaign; choose it by --campaign or --service")
            case .tier, .domain: throw fail(subject, "a question is of one campaign; choose it by --campaign")
            }
        }
        let parts = condition?.parts ?? []
        for part in parts where part.subjects.contains(where: \.isAxis) {
            guard let metric = part.subjects.first(where: \.isMetric) else { continue }
            throw fail(metric, "'or' joins an axis and a metric in '\(part.text)'; ask two questions")
        }
        let ofAxes = parts.filter { $0.subjects.contains(where: \.isAxis) }
        let ofMetrics = parts.filter { $0.subjects.contains(where: \.isMetric) }
        if wish == .holds, let axis = ofAxes.first?.subjects.first {
            throw fail(axis, "which allocation is meant is said behind 'at': at \(axis.name) …")
        }
        if let equality = ofMetrics.lazy.compactMap(\.equality).first {
            throw fail(
                equality.0,
                "what is measured is never exactly a value: write < <= > or >=, not '\(equality.1.rawValue)'")
        }
        for resource in at.values.keys.sorted() {
            if case .cheapest(let sought) = wish, sought.contains(resource) {
                throw fail(.axis(resource), "'\(resource.rawValue)' is looked for and fixed at once")
            }
            if ofAxes.contains(where: { $0.subjects.contains(.axis(resource)) }) {
                throw fail(.axis(resource), "'\(resource.rawValue)' is chosen by 'where' and fixed by 'at' at once")
            }
        }
        return MatrixQuestion(
            text, wish, selection: MatrixQuery.Condition(all: ofAxes), limits: MatrixQuery.Condition(all: ofMetrics),
            at: at, places: places)
    }
}

extension MatrixQuestion.Wish {
    fileprivate var continuation: String {
        switch self {
        case .cheapest, .best: "',', 'where', 'at' or the end"
        case .value: "'at' or the end"
        case .holds: "'and', 'or', 'hold', 'at' or the end"
        }
    }
}

extension MatrixQuery.Subject {
    var isAxis: Bool { if case .axis = self { true } else { false } }
    var isMetric: Bool { if case .metric = self { true } else { false } }
}

extension MatrixQuery.Condition {
    /// The first comparison by `=` or `!=`.
    fileprivate var equality: (MatrixQuery.Subject, MatrixQuery.Comparison)? {
        switch self {
        case .comparison(let subject, let comparison, _):
            [.equal, .unequal].contains(comparison) ? (subject, comparison) : nil
        case .all(let parts), .any(let parts): parts.lazy.compactMap(\.equality).first
        }
    }
}
