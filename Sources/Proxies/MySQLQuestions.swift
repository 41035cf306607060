import Wire

/// Questions to MySQL and MariaDB: statements as texts, prepared or executed with values.
enum MySQLQuestions {
    /// Of a command as recorded, with the reader's key and label; nil for what the session answers by itself, and for a
    /// statement that was prepared before the capture began.
    static func question(key: UInt64, text: String, packets: [UInt8]) -> Question? {
        guard packets.count > 4, let command = MySQLCommand(rawValue: packets[4]) else { return nil }
        return question(command, key: key, text: text)
    }

    /// `text` is the statement; for a PREPARE its name stands before it.
    static func question(_ command: MySQLCommand, key: UInt64, text: String) -> Question? {
        var (exact, template, kind) = (MatchingKey(), MatchingKey(), MatchingKey())
        exact.add(number: Int(command.rawValue))
        exact.add(number: Int(truncatingIfNeeded: key))
        var widths: (template: String, verb: String)?
        switch command {
        case .query: widths = (SQLTemplate.of(text), SQLTemplate.verb(of: text))
        // One with another number of parameters does not fit, so that there is no nearest one.
        case .prepare: widths = (SQLTemplate.of(text), text)
        case .execute, .bulkExecute:
            guard text != command.name else { return nil }
            widths = (text, SQLTemplate.verb(of: text))
        case .fetch, .fieldList: break
        default: return nil
        }
        guard let widths else { return Question(exact: exact.value, template: exact.value, kind: exact.value) }
        for part in ["\(command.rawValue)", widths.template] { template.add(part: part) }
        for part in ["\(command.rawValue)", widths.verb] { kind.add(part: part) }
        return Question(exact: exact.value, template: template.value, kind: kind.value)
    }
}
