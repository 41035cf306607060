/// The commands of a client (MySQL Source Code Documentation, "Command Phase"), named as there without `COM_`.
package enum MySQLCommand: UInt8, Sendable {
    case quit = 0x01
    case initDatabase = 0x02
    case query = 0x03
    case fieldList = 0x04
    case createDatabase = 0x05
    case dropDatabase = 0x06
    case refresh = 0x07
    case shutdown = 0x08
    case statistics = 0x09
    case processInfo = 0x0a
    case processKill = 0x0c
    case debug = 0x0d
    case ping = 0x0e
    case changeUser = 0x11
    case binlogDump = 0x12
    case tableDump = 0x13
    case registerReplica = 0x15
    case prepare = 0x16
    case execute = 0x17
    case sendLongData = 0x18
    case closeStatement = 0x19
    case resetStatement = 0x1a
    case setOption = 0x1b
    case fetch = 0x1c
    case binlogDumpGTID = 0x1e
    case resetConnection = 0x1f
    case clone = 0x20
    /// MariaDB's (MariaDB documentation, "COM_STMT_BULK_EXECUTE").
    case bulkExecute = 0xfa

    package var name: String {
        switch self {
        case .quit: "QUIT"
        case .initDatabase: "INIT_DB"
        case .query: "QUERY"
        case .fieldList: "FIELD_LIST"
        case .createDatabase: "CREATE_DB"
        case .dropDatabase: "DROP_DB"
        case .refresh: "REFRESH"
        case .shutdown: "SHUTDOWN"
        case .statistics: "STATISTICS"
        case .processInfo: "PROCESS_INFO"
        case .processKill: "PROCESS_KILL"
        case .debug: "DEBUG"
        case .ping: "PING"
        case .changeUser: "CHANGE_USER"
        case .binlogDump: "BINLOG_DUMP"
        case .tableDump: "TABLE_DUMP"
        case .registerReplica: "REGISTER_SLAVE"
        case .prepare: "PREPARE"
        case .execute: "EXECUTE"
        case .sendLongData: "STMT_SEND_LONG_DATA"
        case .closeStatement: "STMT_CLOSE"
        case .resetStatement: "STMT_RESET"
        case .setOption: "SET_OPTION"
        case .fetch: "STMT_FETCH"
        case .binlogDumpGTID: "BINLOG_DUMP_GTID"
        case .resetConnection: "RESET_CONNECTION"
        case .clone: "CLONE"
        case .bulkExecute: "STMT_BULK_EXECUTE"
        }
    }

    /// What the server says to it.
    package enum Answer: Sendable {
        case none
        /// One packet: OK, EOF or ERR.
        case single
        /// A plain string.
        case text
        /// OK, ERR, a request for a file, or result sets.
        case results
        /// Rows of a cursor.
        case rows
        /// Column definitions up to an EOF.
        case fields
        /// A statement's number, and the definitions of its parameters and columns.
        case statement
        /// Data of authentication in both directions, then OK or ERR.
        case authentication
        /// A stream that goes on for as long as the connection does.
        case endless
    }

    package var answer: Answer {
        switch self {
        case .quit, .sendLongData, .closeStatement: .none
        case .statistics: .text
        case .query, .execute, .bulkExecute, .processInfo: .results
        case .fetch: .rows
        case .fieldList: .fields
        case .prepare: .statement
        case .changeUser: .authentication
        case .binlogDump, .binlogDumpGTID, .tableDump, .clone: .endless
        default: .single
        }
    }

    /// Lengths that its payload may have: what tells a command from the middle of something else.
    var lengths: ClosedRange<Int> {
        switch self {
        case .quit, .statistics, .processInfo, .debug, .ping, .resetConnection: 1...1
        case .refresh, .shutdown: 1...2
        case .processKill, .closeStatement, .resetStatement: 5...5
        case .setOption: 3...3
        case .fetch: 9...9
        case .sendLongData, .bulkExecute: 7...Int.max
        case .execute: 10...Int.max
        default: 2...Int.max
        }
    }

    /// Whether these bytes are whole commands that begin a sequence. The last may be longer than a segment when it is a
    /// statement and the segment a large one; crumbs that happen to look so are none.
    static func begin(_ bytes: Span<UInt8>) -> Bool {
        var position = 0
        while bytes.count - position >= 5 {
            let length = Int(bytes[position]) | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2]) << 16
            guard bytes[position + 3] == 0, let command = MySQLCommand(rawValue: bytes[position + 4]),
                command.lengths.contains(length)
            else { return false }
            let end = position + 4 + length
            if end == bytes.count { return true }
            if end > bytes.count {
                let isLong = bytes.count - position >= 512
                return isLong && [.query, .prepare, .execute, .bulkExecute].contains(command)
            }
            position = end
        }
        return false
    }
}
