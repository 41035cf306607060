import Wire

/// Packets as a client or a server sends them.
enum MySQLPacket {
    static func make(_ payload: [UInt8], sequence: UInt8 = 0) -> [UInt8] {
        [0, 8, 16].map { UInt8(truncatingIfNeeded: payload.count >> $0) } + [sequence] + payload
    }

    static func make(_ command: MySQLCommand, _ rest: [UInt8] = []) -> [UInt8] { make([command.rawValue] + rest) }

    static func query(_ sql: String) -> [UInt8] { make(.query, Array(sql.utf8)) }
}
