/// The client's half of a connection: what each command asks for, and the statements that were prepared.
package struct MySQLStatements: Sendable {
    /// A statement as prepared.
    package struct Prepared: Sendable {
        /// Empty unless payload is kept.
        package var text: String
        /// Hash of the text.
        package var key: UInt64
        package var parameterCount: Int?
    }

    /// What a command asks for: see `Request`.
    package struct Question: Sendable {
        package var label: String
        package var key: UInt64
        /// For PREPARE.
        package var prepared: Prepared?
    }

    /// CLIENT_QUERY_ATTRIBUTES: queries carry named values before their text. Nil when the login was not seen: then a
    /// count at the place of the text tells, as no statement begins with a control character.
    package var hasAttributes: Bool?
    private let keepsText: Bool
    private let limit: Int
    private var prepared: [UInt32: Prepared] = [:]
    /// The last that the client asked for, also when the server has not given its number yet.
    private var last: Prepared?
    /// Hashes of the values that were sent in pieces for the next execution.
    private var longData: [UInt32: MatchingKey] = [:]
    private var textBytes = 0

    package init(keepsText: Bool, limit: Int) {
        self.keepsText = keepsText
        self.limit = limit
    }

    package var retainedBytes: Int { textBytes + (prepared.count + longData.count) * 64 }

    /// `payload` is a whole command.
    package mutating func ask(_ command: MySQLCommand, _ payload: [UInt8]) -> Question {
        var key = MatchingKey()
        key.add(command.rawValue)
        var label = keepsText ? command.name : ""
        switch command {
        case .query:
            let text = payload.span.extracting(textStart(payload)..<payload.count)
            key.add(text)
            if keepsText { label = String(text) }
        case .prepare:
            let text = payload.span.extracting(1..<payload.count)
            var own = MatchingKey()
            own.add(text)
            key.add(text)
            let statement = Prepared(text: keepsText ? String(text) : "", key: own.value)
            last = statement
            if keepsText { label += " " + statement.text }
            return Question(label: label, key: key.value, prepared: statement)
        case .execute, .bulkExecute, .fetch, .resetStatement:
            let number = number(payload)
            let statement = statement(number)
            // The server's number differs from run to run; the text does not.
            if let statement { key.add(UInt64(statement.key)) } else { key.add(UInt64(number)) }
            if command == .resetStatement { longData[number] = nil }
            addRest(of: command, payload, statement?.parameterCount, to: &key)
            if command == .execute || command == .bulkExecute, let data = longData.removeValue(forKey: number) {
                key.add(data.value)
            }
            if keepsText, command == .execute || command == .bulkExecute { label = statement?.text ?? label }
        case .changeUser:
            // Not the answer to the server's challenge, which is another each time.
            var fields = MySQLFields(payload, from: 1)
            if let user = fields.terminated() { key.add(payload.span.extracting(user)) }
        default:
            key.add(payload.span.extracting(1..<payload.count))
        }
        return Question(label: label, key: key.value)
    }

    /// A command without a reply.
    package mutating func note(_ command: MySQLCommand, _ payload: [UInt8]) {
        let number = number(payload)
        switch command {
        case .closeStatement:
            longData[number] = nil
            if let gone = prepared.removeValue(forKey: number) { textBytes -= gone.text.utf8.count }
        case .sendLongData where payload.count >= 7:
            guard longData.count < Self.countLimit else { return longData.removeAll() }
            // Which parameter, and a piece of its value.
            var key = longData[number] ?? MatchingKey()
            key.add(payload.span.extracting(5..<payload.count))
            longData[number] = key
        default: break
        }
    }

    /// The server has given the statement a number.
    package mutating func add(_ statement: Prepared, number: UInt32, parameterCount: Int) {
        // A client that never closes its statements must not take all memory; their texts are unknown then.
        if prepared.count >= Self.countLimit || textBytes + statement.text.utf8.count > limit { removeAll() }
        var statement = statement
        statement.parameterCount = parameterCount
        textBytes += statement.text.utf8.count - (prepared[number]?.text.utf8.count ?? 0)
        prepared[number] = statement
    }

    /// The session begins anew.
    package mutating func removeAll() {
        prepared.removeAll()
        longData.removeAll()
        textBytes = 0
    }

    /// Messages were missed: pieces of values among them, or the last statement.
    package mutating func lose() {
        longData.removeAll()
        last = nil
    }

    private static let countLimit = 65_536

    private func number(_ payload: [UInt8]) -> UInt32 {
        var fields = MySQLFields(payload, from: 1)
        return fields.integer(4).map { UInt32(truncatingIfNeeded: $0) } ?? 0
    }

    /// MariaDB's clients say -1 for the statement before ("COM_STMT_EXECUTE"), to prepare and execute at once.
    private func statement(_ number: UInt32) -> Prepared? { number == .max ? last : prepared[number] }

    /// Where the text of a query begins ("COM_QUERY").
    private func textStart(_ payload: [UInt8]) -> Int {
        guard hasAttributes ?? (payload.count > 2 && payload[1] < 9 && payload[2] == 1) else { return 1 }
        var fields = MySQLFields(payload, from: 1)
        guard let count = fields.lengthEncoded(), fields.lengthEncoded() == 1 else { return 1 }
        if count == 0 { return fields.position }
        guard count <= 65_535 else { return 1 }
        let nulls = fields.position
        guard fields.skip((count + 7) / 8), fields.byte() == 1 else { return 1 }
        var types: [UInt8] = []
        for _ in 0..<count {
            guard let type = fields.byte(), fields.skip(1), fields.skipString() else { return 1 }
            types.append(type)
        }
        for (index, type) in types.enumerated() where payload[nulls + index / 8] & 1 << UInt8(index % 8) == 0 {
            guard fields.skipValue(type) else { return 1 }
        }
        return fields.position
    }

    /// The parameters: which are NULL, and the values. Their types are left out, as a client sends them with the first
    /// execution only. Query attributes are counted among the parameters.
    private func addRest(
        of command: MySQLCommand, _ payload: [UInt8], _ parameterCount: Int?, to key: inout MatchingKey
    ) {
        let start = min(5, payload.count)
        guard command == .execute, payload.count >= 10 else {
            return key.add(payload.span.extracting(start..<payload.count))
        }
        // That the number of parameters is said belongs to the connection, not to the question.
        key.add(payload[5] & ~8)
        var fields = MySQLFields(payload, from: 10)
        // PARAMETER_COUNT_AVAILABLE.
        let isNamed = hasAttributes != false && payload[5] & 8 != 0
        let count = isNamed ? fields.lengthEncoded() : parameterCount
        let nulls = fields.position
        guard let count, count <= 65_535, fields.skip((count + 7) / 8), let hasTypes = fields.byte() else {
            return key.add(payload.span.extracting(10..<payload.count))
        }
        key.add(payload.span.extracting(nulls..<fields.position - 1))
        if hasTypes == 1 {
            for _ in 0..<count {
                guard fields.skip(2), !isNamed || fields.skipString() else { break }
            }
        }
        key.add(payload.span.extracting(fields.position..<payload.count))
    }
}

extension MySQLFields {
    /// Passes over a value of the binary protocol ("Binary Protocol Resultset", "Binary Protocol Value").
    fileprivate mutating func skipValue(_ type: UInt8) -> Bool {
        switch type {
        case 6: true  // NULL
        case 1, 244: skip(1)  // TINY, BOOL
        case 2, 13: skip(2)  // SHORT, YEAR
        case 3, 4, 9: skip(4)  // LONG, FLOAT, INT24
        case 5, 8: skip(8)  // DOUBLE, LONGLONG
        case 7, 10, 11, 12: byte().map { skip(Int($0)) } ?? false  // TIMESTAMP, DATE, TIME, DATETIME
        default: skipString()
        }
    }
}

extension MatchingKey {
    fileprivate mutating func add(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { add(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}

extension String {
    fileprivate init(_ span: Span<UInt8>) { self.init(decoding: [UInt8](span), as: UTF8.self) }
}
