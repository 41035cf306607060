import Wire

/// What both sides can (MySQL Source Code Documentation, "Capabilities Flags"), as far as a log-in has a say in it.
struct MySQLCapabilities: OptionSet, Sendable {
    let rawValue: UInt32

    static let longPassword = MySQLCapabilities(rawValue: 1 << 0)
    static let foundRows = MySQLCapabilities(rawValue: 1 << 1)
    static let longFlag = MySQLCapabilities(rawValue: 1 << 2)
    static let connectWithDatabase = MySQLCapabilities(rawValue: 1 << 3)
    static let protocol41 = MySQLCapabilities(rawValue: 1 << 9)
    static let transactions = MySQLCapabilities(rawValue: 1 << 13)
    static let secureConnection = MySQLCapabilities(rawValue: 1 << 15)
    static let multiStatements = MySQLCapabilities(rawValue: 1 << 16)
    static let multiResults = MySQLCapabilities(rawValue: 1 << 17)
    static let preparedMultiResults = MySQLCapabilities(rawValue: 1 << 18)
    static let pluginAuthentication = MySQLCapabilities(rawValue: 1 << 19)
    static let deprecateEOF = MySQLCapabilities(rawValue: 1 << 24)
    static let queryAttributes = MySQLCapabilities(rawValue: 1 << 27)
}

/// The server's first packet ("Protocol::HandshakeV10").
struct MySQLGreeting: Sendable {
    let capabilities: MySQLCapabilities
    let nonce: [UInt8]
    /// Of the server's default method; empty in servers before 5.5.
    let plugin: String

    static let nonceLength = 20

    /// Nil for anything else.
    init?(_ payload: [UInt8]) {
        var fields = MySQLFields(payload, from: 1)
        // The server's release and the connection's number.
        guard payload.first == 10, fields.terminated() != nil, fields.skip(4) else { return nil }
        let first = fields.position
        // Half of the nonce and a filler; behind the low flags a character set and the status.
        guard fields.skip(9), let low = fields.integer(2), fields.skip(3), let high = fields.integer(2),
            let length = fields.byte(), fields.skip(10)
        else { return nil }
        capabilities = MySQLCapabilities(rawValue: UInt32(truncatingIfNeeded: high << 16 | low))
        let second = fields.position
        // The rest of the nonce, with a NUL behind it: 13 bytes or more.
        guard fields.skip(max(13, Int(length) - 8)) else { return nil }
        nonce = Array(payload[first..<first + 8] + payload[second..<second + Self.nonceLength - 8])
        plugin = fields.terminated().map { String(decoding: payload[$0], as: UTF8.self) } ?? ""
    }
}
