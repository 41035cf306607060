import Model
import Wire

/// Questions to PostgreSQL: the calls of a round, and the shape of a statement.
enum PostgreSQLQuestions {
    /// Nil for a round that calls nothing, or a statement whose text is not known.
    static func question(_ calls: [PostgreSQLCall]) -> Question? {
        guard !calls.isEmpty else { return nil }
        var (exact, template, kind) = (MatchingKey(), MatchingKey(), MatchingKey())
        for call in calls {
            guard let sql = call.sql else { return nil }
            exact.add(part: sql)
            add(values: call, to: &exact)
            // With values apart from the text, the text is the template.
            template.add(part: call.values == nil ? SQLTemplate.of(sql) : sql)
            kind.add(part: SQLTemplate.verb(of: sql))
            // Rows in another format, or not all of them, are no answer.
            let formats = call.resultFormats.contains { $0 != 0 } ? call.resultFormats : []
            for number in formats + [-1, call.rowLimit] {
                exact.add(number: number)
                template.add(number: number)
                kind.add(number: number)
            }
        }
        return Question(exact: exact.value, template: template.value, kind: kind.value)
    }

    private static func add(values call: PostgreSQLCall, to key: inout MatchingKey) {
        guard let values = call.values else { return key.add(number: -1) }
        key.add(number: values.count)
        for value in values {
            if let value { key.add(part: value.span) } else { key.add(number: -1) }
        }
        for format in call.valueFormats { key.add(number: format) }
    }

    /// What Describe asks of a statement.
    static func shape(of sql: String) -> Question {
        var key = MatchingKey()
        key.add(part: "shape")
        key.add(part: sql)
        return Question(exact: key.value, template: key.value, kind: key.value)
    }

    /// The round itself, each of its calls alone when it has several, for a client that sends them one by one, and the
    /// shapes of statements that came with it.
    static func entries(
        _ round: PostgreSQLRound, _ answer: (RecordedAnswer.Content) -> RecordedAnswer
    ) -> [RecordedQuestions.Entry] {
        var entries = round.descriptions.map { description in
            (shape(of: description.sql), answer(.bytes(description.parameters.bytes + description.row.bytes)), true)
        }
        // A failed capture has no outcome.
        guard let question = question(round.calls), !round.outcomes.isEmpty else { return entries }
        var plain = round
        plain.descriptions = []
        entries.append((question, answer(.postgresql(plain)), false))
        if round.calls.count > 1, round.calls.count == round.outcomes.count {
            for (call, outcome) in zip(round.calls, round.outcomes) {
                guard let single = self.question([call]) else { continue }
                var part = plain
                (part.calls, part.outcomes) = ([call], [outcome])
                entries.append((single, answer(.postgresql(part)), true))
            }
        }
        // Without parameters nothing is missing to know the shape by the rows' description.
        for (call, outcome) in zip(round.calls, round.outcomes) {
            guard let sql = call.sql, call.values?.isEmpty == true, let row = outcome.description else { continue }
            let none = PostgreSQLMessage("t", [0, 0])
            entries.append((shape(of: sql), answer(.bytes(none.bytes + row.withFormats([]).bytes)), true))
        }
        return entries
    }
}

extension PostgreSQLMessage {
    /// A RowDescription whose columns have these formats: none is text, one is of all (PostgreSQL documentation, 55.7,
    /// "RowDescription" and "Bind"). Anything else stays as it is.
    func withFormats(_ formats: [Int]) -> PostgreSQLMessage {
        guard self.is("T") else { return self }
        var reader = PostgreSQLBody(body)
        guard let count = reader.count() else { return self }
        var bytes = Array(body.prefix(2))
        for column in 0..<count {
            guard let name = reader.text(), let middle = reader.take(16), reader.int16() != nil else { return self }
            let format =
                formats.isEmpty ? 0 : formats.count == 1 ? formats[0] : column < formats.count ? formats[column] : 0
            bytes +=
                Array(name.utf8) + [0] + middle + [
                    UInt8(truncatingIfNeeded: format >> 8), UInt8(truncatingIfNeeded: format),
                ]
        }
        return PostgreSQLMessage("T", bytes)
    }
}
