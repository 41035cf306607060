/// Follows the server's packets from a command to the end of its answer (MySQL Source Code Documentation,
/// "COM_QUERY Response", "COM_STMT_PREPARE Response", "OK_Packet", "EOF_Packet", "ERR_Packet").
///
/// Of each packet it needs the length and the first `headLength` bytes. Most of what capabilities change is told by the
/// packets' shapes too, so that connections whose login was not seen are read with the same rules.
struct MySQLAnswer: Sendable {
    static let headLength = 24

    enum Step: Sendable, Equatable {
        case more
        /// The client sends a file now.
        case file
        case done
        case failed(status: Int)
        case malformed
    }

    /// A statement's number and how many parameters it has.
    struct Prepared: Sendable {
        var number: UInt32
        var parameterCount: Int
    }

    private enum State: Sendable {
        case single, text, results, fields, statement, authentication
        case columns(left: Int)
        case rows(isFirst: Bool)
        /// Definitions, of `groups` kinds, and the EOFs that are known to be among them and still to come.
        case definitions(left: Int, ends: Int, groups: Int)
    }

    private var state: State
    /// The answer to PREPARE.
    private(set) var prepared: Prepared?

    init(_ kind: MySQLCommand.Answer) {
        state =
            switch kind {
            case .none, .single, .endless: .single
            case .text: .text
            case .results: .results
            case .rows: .rows(isFirst: false)
            case .fields: .fields
            case .statement: .statement
            case .authentication: .authentication
            }
    }

    /// Takes a packet of `length` bytes, the first of which are `head`.
    ///
    /// `deprecatesEOF` is CLIENT_DEPRECATE_EOF: no EOF stands behind definitions, and an OK ends the rows. Nil when the
    /// login was not seen; then it is set by the first packet that tells.
    mutating func take(_ head: [UInt8], length: Int, deprecatesEOF: inout Bool?) -> Step {
        guard let first = head.first else { return .malformed }
        if first == 0xff {
            var fields = MySQLFields(head, from: 1)
            guard let code = fields.integer(2) else { return .malformed }
            // MariaDB reports progress so ("ERR_Packet", error code 0xffff).
            return code == 0xffff ? .more : .failed(status: Int(code))
        }
        // A row may begin so too, with a text of 16 MiB or more.
        let isEnd = first == 0xfe && length < MySQLPackets.longest
        switch state {
        case .single, .text:
            return .done
        case .authentication:
            return first == 0 ? .done : .more
        case .fields:
            return isEnd ? .done : .more
        case .results:
            return begin(head, length: length)
        case .columns(let left):
            state = left > 1 ? .columns(left: left - 1) : .rows(isFirst: true)
            return .more
        case .rows(let isFirst):
            guard isEnd else {
                // No EOF before the first row.
                if isFirst, deprecatesEOF == nil { deprecatesEOF = true }
                state = .rows(isFirst: false)
                return .more
            }
            guard isFirst, length < 7, deprecatesEOF != true else { return end(head, length: length) }
            deprecatesEOF = false
            if status(head, length: length) & Self.cursorExists != 0 { return .done }
            state = .rows(isFirst: false)
            return .more
        case .statement:
            return beginStatement(head, length: length, deprecatesEOF)
        case .definitions(var left, var ends, let groups):
            if isEnd {
                if deprecatesEOF == nil { ends = groups }
                deprecatesEOF = false
                ends = max(0, ends - 1)
            } else {
                left -= 1
            }
            state = .definitions(left: left, ends: ends, groups: groups)
            return left <= 0 && ends == 0 ? .done : .more
        }
    }

    private static let moreResults: UInt64 = 0x0008
    private static let cursorExists: UInt64 = 0x0040

    /// The first packet of a result: OK, a request for a file, or the count of columns.
    private mutating func begin(_ head: [UInt8], length: Int) -> Step {
        // The count may have a byte before it (CLIENT_OPTIONAL_RESULTSET_METADATA) or behind it
        // (MARIADB_CLIENT_CACHE_METADATA) that says whether definitions follow. An OK is longer.
        if head[0] == 0, length >= 7 { return end(head, length: length) }
        if head[0] == 0xfb { return .file }
        if head[0] == 0xfe, length < 9 { return end(head, length: length) }
        var fields = MySQLFields(head)
        var count = fields.lengthEncoded()
        var hasDefinitions = true
        if fields.position == length - 1, head[length - 1] < 2, head[0] != 0, length <= head.count {
            hasDefinitions = head[length - 1] == 1
        } else if fields.position < length, head[0] < 2 {
            hasDefinitions = head[0] == 1
            count = fields.lengthEncoded()
        }
        guard let count, count > 0, count <= 65_535, fields.position >= length - 1 else { return .malformed }
        state = hasDefinitions ? .columns(left: count) : .rows(isFirst: true)
        return .more
    }

    private mutating func beginStatement(_ head: [UInt8], length: Int, _ deprecatesEOF: Bool?) -> Step {
        var fields = MySQLFields(head, from: 1)
        guard head[0] == 0, let number = fields.integer(4), let columns = fields.integer(2),
            let parameters = fields.integer(2)
        else { return .malformed }
        prepared = Prepared(number: UInt32(truncatingIfNeeded: number), parameterCount: Int(parameters))
        let groups = (columns > 0 ? 1 : 0) + (parameters > 0 ? 1 : 0)
        // CLIENT_OPTIONAL_RESULTSET_METADATA: the last byte says that no definitions follow.
        let isBare = length >= 13 && head.count > 12 && head[12] == 0
        if groups == 0 || isBare { return .done }
        // Unknown whether EOFs stand behind the definitions: one that comes behind the last is nobody's, and passed.
        state = .definitions(
            left: Int(columns + parameters), ends: deprecatesEOF == false ? groups : 0, groups: groups)
        return .more
    }

    /// OK or EOF: the end, unless another result follows.
    private mutating func end(_ head: [UInt8], length: Int) -> Step {
        guard status(head, length: length) & Self.moreResults != 0 else { return .done }
        state = .results
        return .more
    }

    /// The status flags of an OK or EOF.
    private func status(_ head: [UInt8], length: Int) -> UInt64 {
        var fields = MySQLFields(head, from: 1)
        if length < 7 {
            _ = fields.skip(2)
        } else {
            _ = fields.lengthEncoded()
            _ = fields.lengthEncoded()
        }
        return fields.integer(2) ?? 0
    }
}
