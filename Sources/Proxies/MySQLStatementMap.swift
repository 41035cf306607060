import Wire

/// The numbers of one connection's prepared statements. A server gives them, so the clone's differ from the recorded ones:
/// each recorded command gets the number that the clone gave to the same statement (MySQL Source Code Documentation,
/// "Prepared Statements").
package struct MySQLStatementMap: Sendable {
    package struct Rewritten: Sendable, Hashable {
        package var bytes: [UInt8]
        /// Commands whose statement is not known: prepared before the recording, or refused by the clone. They go out with
        /// the number 0, which no statement has: an error, and not another statement's result.
        package var unknownCount = 0

        package init(bytes: [UInt8], unknownCount: Int = 0) {
            self.bytes = bytes
            self.unknownCount = unknownCount
        }
    }

    /// MariaDB's clients say so for the statement before ("COM_STMT_EXECUTE"), on any server.
    private static let last = UInt32.max
    private static let none = UInt32(0)
    /// Statements that a client leaves open: more than servers allow to all of theirs unless told otherwise.
    private static let limit = 65_536

    private var numbers: [UInt32: UInt32] = [:]

    package init() {}

    /// Takes the replies to one COM_STMT_PREPARE, as sent.
    package mutating func learn(recorded: [UInt8], clone: [UInt8]) {
        guard let number = Self.prepared(recorded) else { return }
        if numbers.count >= Self.limit { numbers.removeAll() }
        numbers[number] = Self.prepared(clone)
    }

    /// The number in COM_STMT_PREPARE_OK; nil for an error, or what is none.
    private static func prepared(_ reply: [UInt8]) -> UInt32? {
        var fields = MySQLFields(reply)
        guard let length = fields.integer(3), length >= 12, fields.skip(1), fields.byte() == 0 else { return nil }
        return fields.integer(4).map { UInt32(truncatingIfNeeded: $0) }
    }

    /// Puts the clone's numbers into a recorded request: one command, or several with those before it that have no reply.
    package mutating func rewrite(_ request: [UInt8]) -> Rewritten {
        var result = Rewritten(bytes: request)
        var fields = MySQLFields(request)
        var goesOn = false
        while let length = fields.integer(3), let sequence = fields.byte() {
            let start = fields.position
            if !goesOn, sequence == 0, length >= 5, fields.left >= 5 { rewrite(at: start, &result) }
            // A long command's next packet, or a file's when the count has gone round.
            goesOn = Int(length) == MySQLPackets.longest || sequence == .max
            guard fields.skip(Int(length)) else { break }
        }
        return result
    }

    private mutating func rewrite(at start: Int, _ result: inout Rewritten) {
        let command = MySQLCommand(rawValue: result.bytes[start])
        switch command {
        case .execute, .bulkExecute, .fetch, .closeStatement, .resetStatement, .sendLongData: break
        default: return
        }
        var fields = MySQLFields(result.bytes, from: start + 1)
        guard let value = fields.integer(4) else { return }
        let recorded = UInt32(truncatingIfNeeded: value)
        if recorded == Self.last { return }
        let number = numbers[recorded]
        if number == nil { result.unknownCount += 1 }
        for (index, shift) in [UInt32(0), 8, 16, 24].enumerated() {
            result.bytes[start + 1 + index] = UInt8(truncatingIfNeeded: (number ?? Self.none) >> shift)
        }
        if command == .closeStatement { numbers[recorded] = nil }
    }
}
