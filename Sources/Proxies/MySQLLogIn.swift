import Cryptography
import Model
import Wire

/// Logs in to MySQL or MariaDB, up to the server's OK (MySQL Source Code Documentation, "Connection Phase"): by
/// mysql_native_password or caching_sha2_password, in the clear and without compression, as recorded commands were read.
package struct MySQLLogIn: ClientLogIn {
    /// What recorded commands may have been made for.
    package struct Options: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        /// No EOF stands behind definitions and rows (CLIENT_DEPRECATE_EOF), where the server can.
        package static let deprecatesEOF = Options(rawValue: 1 << 0)
        /// Queries and executions carry attributes (CLIENT_QUERY_ATTRIBUTES). A server that cannot is a failure, as it
        /// would read the attributes as the statement.
        package static let hasAttributes = Options(rawValue: 1 << 1)
        /// An UPDATE tells the rows that it finds (CLIENT_FOUND_ROWS).
        package static let countsFoundRows = Options(rawValue: 1 << 2)
    }

    private enum State: Sendable {
        case greeting
        case answered(MySQLPassword.Method?)
        /// Its public key was asked for.
        case key
        case over
    }

    private static let packetLimit = 1 << 16
    /// A server could ask for one method after the other for ever.
    private static let packetCountLimit = 16

    private let credentials: Credentials
    private let password: MySQLPassword
    private let options: Options
    private let characterSet: UInt8
    private var state = State.greeting
    private var packets = MySQLPackets()
    private var packetCount = 0
    private var nonce: [UInt8] = []

    /// Without a character set it is utf8mb4_general_ci, which old releases have too.
    package init(_ credentials: Credentials, options: Options = [], characterSet: UInt8? = nil) {
        self.characterSet = characterSet ?? 45
        self.credentials = credentials
        self.options = options
        password = MySQLPassword(credentials.password)
    }

    /// The server speaks first.
    package mutating func begin() -> [UInt8] { [] }

    package mutating func received(_ bytes: Span<UInt8>) throws(LogInFailure) -> LogInStep {
        var position = 0
        var replies: [UInt8] = []
        while !isOver, let sequence = try next(bytes, &position) {
            packetCount += 1
            guard packetCount <= Self.packetCountLimit else { throw .tooLong(.mysql) }
            if let reply = try accept(packets.payload) { replies += Self.packet(reply, sequence: sequence &+ 1) }
        }
        guard isOver else { return .send(replies) }
        return .done(rest: [UInt8](bytes.extracting(position..<bytes.count)))
    }

    private var isOver: Bool {
        if case .over = state { true } else { false }
    }

    /// The next packet's number, its payload in `packets`.
    private mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) throws(LogInFailure) -> UInt8? {
        do throws(MySQLPackets.Failure) {
            let whole = try packets.next(
                bytes, from: &position, at: .distantPast, keeping: .all(limit: Self.packetLimit))
            return whole?.lastSequence
        } catch {
            throw .malformed(.mysql)
        }
    }

    private static func packet(_ payload: [UInt8], sequence: UInt8) -> [UInt8] {
        let length = payload.count
        return [UInt8(length & 0xff), UInt8(length >> 8 & 0xff), UInt8(length >> 16 & 0xff), sequence] + payload
    }

    /// The payload to answer with, if there is to be one.
    private mutating func accept(_ payload: [UInt8]) throws(LogInFailure) -> [UInt8]? {
        if payload.first == 0xff { throw .mysql(refusal: payload) }
        switch (state, payload.first) {
        case (.greeting, _):
            guard let greeting = MySQLGreeting(payload) else { throw .malformed(.mysql) }
            return try respond(to: greeting)
        // OK_Packet.
        case (.answered, 0x00):
            state = .over
            return nil
        // AuthMoreData.
        case (.answered(.cachingSHA2), 0x01):
            return try goOn(payload.dropFirst())
        case (.key, 0x01):
            state = .answered(nil)
            let key = Array(payload.dropFirst())
            return try crypt { () throws(CryptographyError) in try password.encrypted(nonce: nonce, key: key) }
        // AuthNextFactor.
        case (.answered, 0x02):
            throw .mysql(method: "a second factor")
        // AuthSwitchRequest.
        case (.answered, 0xfe):
            return try change(payload)
        default:
            throw .malformed(.mysql)
        }
    }

    /// HandshakeResponse41.
    private mutating func respond(to greeting: MySQLGreeting) throws(LogInFailure) -> [UInt8] {
        let offered = greeting.capabilities
        guard offered.isSuperset(of: [.protocol41, .secureConnection]) else {
            throw LogInFailure(
                .mysql, "the server is older than MySQL 4.1", remedy: "replay to a newer release of the server")
        }
        guard !options.contains(.hasAttributes) || offered.contains(.queryAttributes) else {
            throw LogInFailure(
                .mysql, "the recorded client sent query attributes, which this server does not know",
                remedy: "replay to a server that does, such as MySQL 8.0.23 or later")
        }
        var wished: MySQLCapabilities = [.longFlag, .multiStatements, .multiResults, .preparedMultiResults]
        wished.formUnion([.pluginAuthentication, .transactions])
        if options.contains(.deprecatesEOF) { wished.insert(.deprecateEOF) }
        if options.contains(.countsFoundRows) { wished.insert(.foundRows) }
        if options.contains(.hasAttributes) { wished.insert(.queryAttributes) }
        // MariaDB's servers do not offer the first, by which they know their own clients and their longer flags.
        var capabilities = wished.intersection(offered).union([.longPassword, .protocol41, .secureConnection])
        if credentials.database != nil { capabilities.insert(.connectWithDatabase) }

        // The account's own method may be another, and the server says so then.
        let method = MySQLPassword.Method(rawValue: greeting.plugin) ?? .native
        state = .answered(method)
        nonce = greeting.nonce
        let answer = try answer(method)
        var body = Self.little(capabilities.rawValue)
        // The longest packet that the server may send, 16 MiB.
        body += Self.little(1 << 24) + [characterSet] + [UInt8](repeating: 0, count: 23)
        body += credentials.user.terminated + [UInt8(answer.count)] + answer
        if let database = credentials.database { body += database.terminated }
        if capabilities.contains(.pluginAuthentication) { body += method.rawValue.terminated }
        return body
    }

    private static func little(_ value: UInt32) -> [UInt8] {
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// To the method that the account has, with a nonce of its own.
    private mutating func change(_ payload: [UInt8]) throws(LogInFailure) -> [UInt8] {
        var fields = MySQLFields(payload, from: 1)
        // Without a name it is the method of MySQL 4.0.
        guard let name = fields.terminated() else { throw .mysql(method: "mysql_old_password") }
        guard let method = MySQLPassword.Method(rawValue: String(decoding: payload[name], as: UTF8.self)) else {
            throw .mysql(method: Self.known(payload[name]))
        }
        guard fields.left >= MySQLGreeting.nonceLength else { throw .malformed(.mysql) }
        nonce = Array(payload[fields.position..<fields.position + MySQLGreeting.nonceLength])
        state = .answered(method)
        return try answer(method)
    }

    /// Only names that servers have are repeated.
    private static func known(_ name: ArraySlice<UInt8>) -> String {
        let others = [
            "mysql_clear_password", "mysql_old_password", "sha256_password", "auth_socket", "unix_socket", "dialog",
            "client_ed25519", "auth_gssapi_client", "authentication_ldap_sasl_client", "parsec",
        ]
        let text = String(decoding: name, as: UTF8.self)
        return others.contains(text) ? text : "a method"
    }

    private func answer(_ method: MySQLPassword.Method) throws(LogInFailure) -> [UInt8] {
        try crypt { () throws(CryptographyError) in try password.answer(method, nonce: nonce) }
    }

    /// caching_sha2_password: the server knows the password's hash (3), or wants the password itself (4), which without
    /// TLS goes under its RSA key (2 asks for that). Whose key it is cannot be known; the sandbox has one server.
    private mutating func goOn(_ data: ArraySlice<UInt8>) throws(LogInFailure) -> [UInt8]? {
        switch (data.first, data.count) {
        case (3, 1):
            state = .answered(nil)
            return nil
        case (4, 1):
            guard !password.isEmpty else { throw .noPassword(.mysql) }
            state = .key
            return [2]
        default: throw .malformed(.mysql)
        }
    }

    private func crypt(_ body: () throws(CryptographyError) -> [UInt8]) throws(LogInFailure) -> [UInt8] {
        do throws(CryptographyError) {
            return try body()
        } catch {
            throw .cryptography(.mysql, error.description)
        }
    }
}
