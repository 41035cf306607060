package import Model

/// A log-in that did not come about: what is wrong and the way out. It quotes nothing that a server wrote but its code, as
/// servers repeat what they were sent.
package struct LogInFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package let protocolName: ApplicationProtocol
    /// The server's own: PostgreSQL's SQLSTATE, MySQL's error number, the first word of Redis's error. Nil when the server
    /// did not refuse.
    package let code: String?
    /// How serious PostgreSQL says it is: ERROR, FATAL or PANIC.
    package let severity: String?
    package let reason: String
    package let remedy: String

    init(
        _ protocolName: ApplicationProtocol, code: String? = nil, severity: String? = nil, _ reason: String,
        remedy: String
    ) {
        self.protocolName = protocolName
        self.code = code
        self.severity = severity
        self.reason = reason
        self.remedy = remedy
    }

    package var description: String {
        let said = [severity, code.map { protocolName.codeTitle + $0 }].compactMap(\.self).joined(separator: ", ")
        return "cannot log in to \(protocolName.title): \(reason)\(said.isEmpty ? "" : " (\(said))"); \(remedy)"
    }

    /// For the owner of the socket: the server hung up, or was never there.
    package static func closed(_ protocolName: ApplicationProtocol) -> LogInFailure {
        LogInFailure(
            protocolName, "the server closed the connection before it was done",
            remedy: "see the server's own log in the clone")
    }

    static func malformed(_ protocolName: ApplicationProtocol) -> LogInFailure {
        LogInFailure(
            protocolName, "what the server says is not this protocol",
            remedy: "check the protocol and the port that the tier serves, and that it is without TLS")
    }

    static func tooLong(_ protocolName: ApplicationProtocol) -> LogInFailure {
        LogInFailure(
            protocolName, "the server says more than a log-in takes",
            remedy: "check the protocol and the port that the tier serves")
    }

    static func noPassword(_ protocolName: ApplicationProtocol) -> LogInFailure {
        LogInFailure(
            protocolName, "the server asks for a password and there is none",
            remedy: "give the password, or let this user in without one in the clone")
    }

    static func cryptography(_ protocolName: ApplicationProtocol, _ reason: String) -> LogInFailure {
        LogInFailure(
            protocolName, reason, remedy: "let this user log in by another method that the server has")
    }
}

extension ApplicationProtocol {
    fileprivate var title: String {
        switch self {
        case .http: "HTTP"
        case .postgresql: "PostgreSQL"
        case .mysql: "MySQL"
        case .redis: "Redis"
        case .tcp: "the server"
        }
    }

    /// What goes before a code of its servers.
    fileprivate var codeTitle: String {
        switch self {
        case .postgresql: "SQLSTATE "
        case .mysql: "error "
        case .http, .redis, .tcp: ""
        }
    }
}
