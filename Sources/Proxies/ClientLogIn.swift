package import Model

/// What logs in to a server of one protocol before recorded requests are sent: a recorded log-in answers the challenge of
/// its day and cannot be replayed. Bytes in, bytes out; no I/O.
package protocol ClientLogIn: Sendable {
    /// What the client says first; empty when the server speaks first.
    mutating func begin() -> [UInt8]

    /// Takes what the server sent, in pieces of any size, until it gives `.done` or throws; then it is used up.
    mutating func received(_ bytes: Span<UInt8>) throws(LogInFailure) -> LogInStep
}

package enum LogInStep: Sendable, Hashable {
    /// To be sent; empty when more has to come first.
    case send([UInt8])
    /// The server takes requests now. `rest` came behind its last word of the log-in.
    case done(rest: [UInt8])
}

/// Who logs in, and to what. Its description leaves the password out.
package struct Credentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package let user: String
    /// Nil when there is none.
    package let password: String?
    package private(set) var database: String?
    /// Shared by all copies, and so by all connections that log in with them.
    let saltedPassword = SaltedPassword()

    package init(user: String, password: String? = nil, database: String? = nil) {
        self.user = user
        self.password = password
        self.database = database
    }

    /// The same, but where a client wants to go.
    func with(_ introduction: Introduction, _ name: ApplicationProtocol) -> Credentials {
        guard name == .postgresql || name == .mysql else { return self }
        var credentials = self
        credentials.database = introduction.database
        return credentials
    }

    package var description: String {
        "user '\(user)'" + (database.map { ", database '\($0)'" } ?? "")
            + (password == nil ? ", no password" : ", with a password")
    }

    package var debugDescription: String { description }
}

/// Which protocol needs a log-in of the in-proxy's own.
package enum ClientLogIns {
    /// Nil when recorded requests can be sent at once: without credentials, and in protocols whose requests carry what
    /// they need (HTTP) or that nobody here reads.
    package static func make(_ name: ApplicationProtocol, _ credentials: Credentials?) -> (any ClientLogIn)? {
        guard let credentials else { return nil }
        switch name {
        case .postgresql: return PostgreSQLLogIn(credentials)
        case .mysql: return MySQLLogIn(credentials)
        case .redis:
            let isEmpty = credentials.user.isEmpty && credentials.password == nil && credentials.database == nil
            return isEmpty ? nil : RedisLogIn(credentials)
        case .http, .tcp: return nil
        }
    }

    /// The same for somebody whose session is to be like a client's.
    static func make(
        _ name: ApplicationProtocol, _ credentials: Credentials?, _ introduction: Introduction
    ) -> (any ClientLogIn)? {
        guard let credentials else { return nil }
        switch name {
        case .postgresql: return PostgreSQLLogIn(credentials, parameters: introduction.parameters)
        case .mysql:
            return MySQLLogIn(
                credentials, options: introduction.countsFoundRows ? .countsFoundRows : [],
                characterSet: introduction.characterSet)
        case .http, .redis, .tcp: return make(name, credentials)
        }
    }
}

extension String {
    /// As a protocol's text that ends with a NUL, which it therefore cannot hold.
    var terminated: [UInt8] { utf8.prefix { $0 != 0 } + [0] }
}
