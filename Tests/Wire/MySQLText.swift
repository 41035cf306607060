@testable import Wire

/// Packets of both directions by their names in the protocol (MySQL Source Code Documentation, "Client/Server
/// Protocol").
enum MySQLText {
    static let protocol41: UInt32 = 1 << 9
    static let deprecateEOF: UInt32 = 1 << 24
    static let queryAttributes: UInt32 = 1 << 27

    /// One message, in as many packets as it needs.
    static func packet(_ sequence: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let here = min(payload.count, MySQLPackets.longest)
        let packet = little(UInt64(here), 3) + [sequence] + payload[..<here]
        return here < MySQLPackets.longest ? packet : packet + self.packet(sequence &+ 1, Array(payload[here...]))
    }

    /// Messages of a packet each.
    static func packets(from sequence: UInt8 = 1, _ payloads: [[UInt8]]) -> [UInt8] {
        payloads.enumerated().flatMap { packet(sequence &+ UInt8(truncatingIfNeeded: $0.offset), $0.element) }
    }

    static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    static func greeting(_ capabilities: UInt32 = .max, version: String = "8.0.36") -> [UInt8] {
        let bits = little(UInt64(capabilities), 4)
        var payload: [UInt8] =
            [10] + Array(version.utf8) + [0] + little(7, 4) + [UInt8](repeating: 0x41, count: 8) + [0]
        payload += bits[..<2] + [0xff, 2, 0] + bits[2...] + [21] + [UInt8](repeating: 0, count: 10)
        return packet(
            0, payload + [UInt8](repeating: 0x42, count: 12) + [0] + Array("mysql_native_password".utf8) + [0])
    }
    static func response(_ capabilities: UInt32) -> [UInt8] {
        let head = little(UInt64(capabilities), 4) + little(1 << 24, 4) + [45] + [UInt8](repeating: 0, count: 23)
        return packet(1, head + Array("tier".utf8) + [0, 20] + [UInt8](repeating: 9, count: 20))
    }
    static func login(_ capabilities: UInt32 = protocol41) -> [Conversation.Turn] {
        [
            .init(.server, greeting()), .init(.client, response(capabilities | protocol41)),
            .init(.server, packet(2, ok())),
        ]
    }

    static func ok(_ status: UInt16 = 2, header: UInt8 = 0) -> [UInt8] {
        [header, 0, 0] + little(UInt64(status), 2) + [0, 0]
    }
    static func eof(_ status: UInt16 = 2) -> [UInt8] { [0xfe, 0, 0] + little(UInt64(status), 2) }
    static func error(_ code: UInt16) -> [UInt8] { [0xff] + little(UInt64(code), 2) + Array("#42000No".utf8) }
    static let column: [UInt8] =
        text("def") + text("") + text("t") + text("t") + text("c") + text("c") + [12, 63, 0]
        + [UInt8](repeating: 0, count: 10)
    static let binaryRow: [UInt8] = [0, 0, 1, 0, 0, 0]
    static func prepared(_ number: UInt32, columns: UInt16, parameters: UInt16) -> [UInt8] {
        [0] + little(UInt64(number), 4) + little(UInt64(columns), 2) + little(UInt64(parameters), 2) + [0, 0, 0]
    }

    static func command(_ command: MySQLCommand, _ body: [UInt8] = []) -> [UInt8] {
        packet(0, [command.rawValue] + body)
    }
    static func query(_ sql: String) -> [UInt8] { command(.query, Array(sql.utf8)) }
    static func prepare(_ sql: String) -> [UInt8] { command(.prepare, Array(sql.utf8)) }
    /// One parameter of type LONG, with its type as the first execution has it.
    static func execute(_ number: UInt32, _ value: UInt32? = nil, hasTypes: Bool = true) -> [UInt8] {
        var body = little(UInt64(number), 4) + [0, 1, 0, 0, 0]
        if let value { body += [0, hasTypes ? 1 : 0] + (hasTypes ? [3, 0] : []) + little(UInt64(value), 4) }
        return command(.execute, body)
    }
    static func statement(_ command: MySQLCommand, _ number: UInt32, _ rest: [UInt8] = []) -> [UInt8] {
        self.command(command, little(UInt64(number), 4) + rest)
    }
}
