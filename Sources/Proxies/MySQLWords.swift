import Wire

/// What the out-proxy says to every MySQL client, and the capabilities it announces (MySQL Source Code Documentation,
/// "Connection Phase", "Capabilities Flags").
enum MySQLWords {
    static let foundRows: UInt64 = 1 << 1
    static let connectWithDatabase: UInt64 = 1 << 3
    static let protocol41: UInt64 = 1 << 9
    static let secureConnection: UInt64 = 1 << 15
    static let pluginAuthentication: UInt64 = 1 << 19
    static let lengthEncodedSecret: UInt64 = 1 << 21

    /// Those under which every recorded answer can be told: no encryption, compression, files of the client, query
    /// attributes, and the oldest framing of results, into which any other is turned (`MySQLConversion`).
    static let capabilities: UInt64 = {
        var flags: UInt64 = 0
        // LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB, ODBC, IGNORE_SPACE, PROTOCOL_41, INTERACTIVE,
        // TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI_RESULTS, PLUGIN_AUTH, CONNECT_ATTRS,
        // PLUGIN_AUTH_LENENC_CLIENT_DATA
        for bit in [0, 1, 2, 3, 6, 8, 9, 10, 13, 15, 16, 17, 18, 19, 20, 21] as [UInt64] { flags |= 1 << bit }
        return flags
    }()

    /// Its answer to the challenge needs no key of the server's, and is not looked at.
    static let plugin = "mysql_native_password"
    private static let challenge = Array("what-if-what-if-what".utf8)

    static func packet(_ payload: [UInt8], sequence: UInt8) -> [UInt8] {
        little(payload.count, 3) + [sequence] + payload
    }

    /// A command of any length.
    static func packets(_ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var sequence: UInt8 = 0
        var start = 0
        while true {
            let end = min(payload.count, start + MySQLPackets.longest)
            bytes += packet(Array(payload[start..<end]), sequence: sequence)
            if end - start < MySQLPackets.longest { return bytes }
            sequence &+= 1
            start = end
        }
    }

    static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// HandshakeV10.
    static let greeting: [UInt8] = {
        let flags = Int(capabilities)
        var payload: [UInt8] = [10] + Array("8.0.0-what-if".utf8) + [0] + little(1, 4) + challenge.prefix(8) + [0]
        // utf8mb4_general_ci, autocommit.
        payload += little(flags, 2) + [45] + little(2, 2) + little(flags >> 16, 2) + [21]
        payload += [UInt8](repeating: 0, count: 10) + challenge.dropFirst(8) + [0] + Array(plugin.utf8) + [0]
        return packet(payload, sequence: 0)
    }()

    static func authSwitch(sequence: UInt8) -> [UInt8] {
        packet([0xfe] + Array(plugin.utf8) + [0] + challenge + [0], sequence: sequence)
    }

    static func ok(sequence: UInt8 = 1, inTransaction: Bool = false) -> [UInt8] {
        packet([0, 0, 0, inTransaction ? 3 : 2, 0, 0, 0], sequence: sequence)
    }

    static func endOfDefinitions(sequence: UInt8 = 1) -> [UInt8] { packet([0xfe, 0, 0, 2, 0], sequence: sequence) }

    static func error(_ code: Int, _ state: String, _ text: String, sequence: UInt8 = 1) -> [UInt8] {
        packet([0xff] + little(code, 2) + Array("#\(state)What-if: \(text)".utf8), sequence: sequence)
    }
}
