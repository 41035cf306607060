import Cryptography
import Model
import Wire

/// Logs in to PostgreSQL, up to the first ReadyForQuery (PostgreSQL documentation, 55.2.1 and 55.3, protocol 3.0): without
/// a password, with one in clear text, hashed with MD5, or by SCRAM-SHA-256.
package struct PostgreSQLLogIn: ClientLogIn {
    private enum State: Sendable {
        /// A request for authentication, or the word that none is needed.
        case open
        /// The exchange of SASL, until the server has proved itself.
        case scram(SCRAM)
        /// The secret is out, or the server is verified; AuthenticationOk has to come.
        case answered
        /// ParameterStatus, BackendKeyData, and ReadyForQuery in the end.
        case admitted
        case over
    }

    /// The parameters that a server reports and its notices take a thousandth of it.
    private static let limit = 1 << 20

    private let credentials: Credentials
    private let nonce: [UInt8]
    private var parameters = ["client_encoding": "UTF8"]
    private var state = State.open
    private var framer = PostgreSQLFramer(expectsStartup: false)
    /// Bytes that came, and those of them that were whole messages.
    private var received = 0
    private var read = 0

    package init(_ credentials: Credentials) { self.init(credentials, nonce: SCRAM.makeNonce()) }

    /// Asks for these settings; recorded texts need none.
    init(_ credentials: Credentials, parameters: [String: String]) {
        self.init(credentials)
        self.parameters = parameters
    }

    /// `nonce` must be another each time, but for a test.
    package init(_ credentials: Credentials, nonce: [UInt8]) {
        self.credentials = credentials
        self.nonce = nonce
    }

    /// StartupMessage. Unless it is said otherwise, recorded texts are taken as UTF-8 until a recorded SET.
    package mutating func begin() -> [UInt8] {
        var body: [UInt8] = [0, 3, 0, 0]
        body += "user".terminated + credentials.user.terminated
        if let database = credentials.database { body += "database".terminated + database.terminated }
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) { body += name.terminated + value.terminated }
        body.append(0)
        return PostgreSQLMessage(type: 0, body: body).bytes
    }

    package mutating func received(_ bytes: Span<UInt8>) throws(LogInFailure) -> LogInStep {
        if case .over = state { return .done(rest: [UInt8](bytes)) }
        received += bytes.count
        guard received <= Self.limit else { throw .tooLong(.postgresql) }
        framer.append(bytes)
        var replies: [UInt8] = []
        while let message = try next() {
            read += framer.lastByteCount
            replies += try accept(message)
            if case .over = state {
                return .done(rest: [UInt8](bytes.extracting(bytes.count - (received - read)..<bytes.count)))
            }
        }
        return .send(replies)
    }

    private mutating func next() throws(LogInFailure) -> PostgreSQLMessage? {
        do throws(PostgreSQLFramer.Failure) {
            return try framer.next()
        } catch {
            throw .malformed(.postgresql)
        }
    }

    private mutating func accept(_ message: PostgreSQLMessage) throws(LogInFailure) -> [UInt8] {
        if message.is("E") { throw PostgreSQLRefusal(message.body).failure }
        // NoticeResponse, NegotiateProtocolVersion.
        if message.is("N") || message.is("v") { return [] }
        if case .admitted = state {
            if message.is("Z") { state = .over }
            guard ["Z", "S", "K"].contains(where: { message.is($0) }) else { throw .malformed(.postgresql) }
            return []
        }
        guard message.is("R") else { throw .malformed(.postgresql) }
        var body = PostgreSQLBody(message.body)
        guard let code = body.int32() else { throw .malformed(.postgresql) }
        switch (state, code) {
        case (.open, 0), (.answered, 0):
            state = .admitted
            return []
        case (.open, 3):
            state = .answered
            return PostgreSQLMessage("p", try password.terminated).bytes
        case (.open, 5):
            guard let salt = body.take(4) else { throw .malformed(.postgresql) }
            state = .answered
            return PostgreSQLMessage("p", try hashed(salt)).bytes
        case (.open, 10):
            return try beginSASL(&body)
        case (.scram(var scram), 11):
            let challenge = Array(message.body.dropFirst(4))
            let answer = try Self.scram { () throws(SCRAM.Failure) in try scram.answer(challenge) }
            state = .scram(scram)
            return PostgreSQLMessage("p", answer).bytes
        case (.scram(var scram), 12):
            let proof = Array(message.body.dropFirst(4))
            try Self.scram { () throws(SCRAM.Failure) in try scram.verify(proof) }
            state = .answered
            return []
        case (.scram, 0):
            throw .unverified
        case (.open, 2), (.open, 6), (.open, 7), (.open, 9):
            throw .method("Kerberos, GSSAPI or SSPI")
        default:
            throw .malformed(.postgresql)
        }
    }

    private var password: String {
        get throws(LogInFailure) {
            guard let password = credentials.password else { throw .noPassword(.postgresql) }
            return password
        }
    }

    /// AuthenticationMD5Password.
    private func hashed(_ salt: [UInt8]) throws(LogInFailure) -> [UInt8] {
        let password = try password
        do throws(CryptographyError) {
            let inner = Self.hex(try Digest.md5.hash(Array((password + credentials.user).utf8)))
            return Array("md5".utf8) + Self.hex(try Digest.md5.hash(inner + salt)) + [0]
        } catch {
            throw .cryptography(.postgresql, error.description)
        }
    }

    private static func hex(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    /// AuthenticationSASL lists what the server can, the best first.
    private mutating func beginSASL(_ body: inout PostgreSQLBody) throws(LogInFailure) -> [UInt8] {
        var isOffered = false
        while let mechanism = body.text(), !mechanism.isEmpty { isOffered = isOffered || mechanism == SCRAM.name }
        guard isOffered else { throw .method("a mechanism of SASL other than \(SCRAM.name)") }
        let scram = SCRAM(password: try password, nonce: nonce, salted: credentials.saltedPassword)
        state = .scram(scram)
        let first = scram.first
        let length = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: first.count >> $0) }
        return PostgreSQLMessage("p", SCRAM.name.terminated + length + first).bytes
    }

    private static func scram<Value>(_ body: () throws(SCRAM.Failure) -> Value) throws(LogInFailure) -> Value {
        do throws(SCRAM.Failure) {
            return try body()
        } catch {
            switch error {
            case .malformed: throw .malformed(.postgresql)
            case .tooManyIterations:
                throw LogInFailure(
                    .postgresql, "the server asks for more than \(SCRAM.iterationLimit) iterations of its hash",
                    remedy: "lower scram_iterations and set the user's password again in the clone")
            case .unverified: throw .unverified
            case .refused: throw .wrongPassword(code: nil, severity: nil)
            case .cryptography(let error): throw .cryptography(.postgresql, error.description)
            }
        }
    }
}

extension LogInFailure {
    fileprivate static let unverified = LogInFailure(
        .postgresql, "the server does not prove that it knows the password",
        remedy: "check that the tier's address leads to the clone and nowhere else")

    fileprivate static func method(_ name: String) -> LogInFailure {
        LogInFailure(
            .postgresql, "the server asks for \(name), which the in-proxy does not have",
            remedy: "let this user in by scram-sha-256, md5, password or trust in the clone's pg_hba.conf")
    }

    fileprivate static func wrongPassword(code: String?, severity: String?) -> LogInFailure {
        LogInFailure(
            .postgresql, code: code, severity: severity, "the user or the password is not right",
            remedy: "check both; a password outside ASCII has to be in normal form (NFKC)")
    }
}

/// An ErrorResponse (55.8): of its fields only the severity and the code are looked at, as the others quote what was sent.
private struct PostgreSQLRefusal {
    private var severity: String?
    private var code: String?

    init(_ body: [UInt8]) {
        var fields = PostgreSQLBody(body)
        while let kind = fields.byte(), kind != 0, let text = fields.text() {
            // V is S untranslated, from release 9.6 on.
            if kind == 0x56 || kind == 0x53 && severity == nil {
                severity = ["ERROR", "FATAL", "PANIC"].contains(text) ? text : nil
            } else if kind == 0x43 {
                code = text.utf8.count == 5 && text.utf8.allSatisfy(Self.isCode) ? text : nil
            }
        }
    }

    private static func isCode(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) }

    /// By the codes of appendix A.
    var failure: LogInFailure {
        switch code {
        case "28P01": .wrongPassword(code: code, severity: severity)
        case "28000":
            make(
                "the server lets this user in not at all, or not from here", "see the clone's pg_hba.conf and its roles"
            )
        case "3D000": make("there is no such database", "check the database's name")
        case "42501": make("this user may not use the database", "grant CONNECT, or take another user")
        case "53300": make("the server has no connection left", "raise max_connections in the clone")
        case "57P03": make("the server is still starting or already stopping", "wait for it and try again")
        default: make("the server refuses", "see the server's own log in the clone")
        }
    }

    private func make(_ reason: String, _ remedy: String) -> LogInFailure {
        LogInFailure(.postgresql, code: code, severity: severity, reason, remedy: remedy)
    }
}
