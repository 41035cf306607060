/// What a connection's first packets agree on (MySQL Source Code Documentation, "Connection Phase", "Capabilities
/// Flags").
struct MySQLLogin: Sendable {
    /// Bytes of a packet that are looked at.
    static let headLength = 512

    enum State: Sendable {
        /// The server speaks first.
        case greeting, response, authentication
        /// Done, or not seen.
        case over
    }

    enum Reading: Sendable {
        case readable, encrypted, malformed
    }

    var state: State
    private var offered: UInt64 = .max
    /// What both sides can; nil when it was not seen.
    private(set) var capabilities: UInt64?

    init(isSeen: Bool) { state = isSeen ? .greeting : .over }

    private static let compress: UInt64 = 1 << 5
    private static let protocol41: UInt64 = 1 << 9
    private static let ssl: UInt64 = 1 << 11
    private static let deprecateEOF: UInt64 = 1 << 24
    private static let zstd: UInt64 = 1 << 26
    private static let queryAttributes: UInt64 = 1 << 27

    var deprecatesEOF: Bool? { capabilities.map { $0 & Self.deprecateEOF != 0 } }
    var hasAttributes: Bool? { capabilities.map { $0 & Self.queryAttributes != 0 } }
    /// Behind the login all packets are compressed, which nobody here undoes.
    var isCompressed: Bool { (capabilities ?? 0) & (Self.compress | Self.zstd) != 0 }

    /// HandshakeV10; false for anything else.
    mutating func greet(_ payload: [UInt8]) -> Bool {
        guard payload.first == 10 else { return false }
        var fields = MySQLFields(payload, from: 1)
        // The thread's number, half of the challenge and a filler.
        guard fields.terminated() != nil, fields.skip(13), let low = fields.integer(2) else { return false }
        // A character set and status flags; servers before 4.1 end earlier.
        let high = fields.skip(3) ? fields.integer(2) ?? 0 : 0
        offered = high << 16 | low
        state = .response
        return true
    }

    /// HandshakeResponse41, or the SSLRequest that goes before it.
    mutating func respond(_ payload: [UInt8], length: Int) -> Reading {
        var fields = MySQLFields(payload)
        // HandshakeResponse320 is of servers before 4.1, whose packets are others.
        guard let asked = fields.integer(4), asked & Self.protocol41 != 0 else { return .malformed }
        if length == 32, asked & Self.ssl != 0 { return .encrypted }
        capabilities = asked & offered
        state = .authentication
        return .readable
    }
}

extension MySQLLogin {
    /// Whether a connection's first bytes of the server are a greeting, or the error that stands for one.
    static func recognise(server: Span<UInt8>) -> Recognition {
        guard server.count >= 7, server[3] == 0, server[2] == 0 else { return .no }
        let length = Int(server[0]) | Int(server[1]) << 8
        if server[4] == 0xff { return length + 4 == server.count && length >= 3 ? .likely : .no }
        guard server[4] == 10, length >= 30, length <= headLength else { return .no }
        let end = server.firstIndex(of: 0, from: 5) ?? server.count
        guard end > 5 else { return .no }
        for index in 5..<end where server[index] < 0x20 || server[index] > 0x7e { return .no }
        return end < min(server.count, length + 4) ? .certain : .likely
    }
}
