import Model
import Wire

extension LogInFailure {
    static func mysql(method: String) -> LogInFailure {
        LogInFailure(
            .mysql, "the server asks for \(method), which the in-proxy does not have",
            remedy: "give this user mysql_native_password or caching_sha2_password in the clone")
    }

    /// An ERR_Packet: its number, by MySQL's and MariaDB's error references. Its text may repeat what was sent.
    static func mysql(refusal payload: [UInt8]) -> LogInFailure {
        var fields = MySQLFields(payload, from: 1)
        guard let code = fields.integer(2) else { return .malformed(.mysql) }
        let (reason, remedy) =
            switch code {
            case 1045: ("the user or the password is not right", "check both")
            // ER_ACCESS_DENIED_NO_PASSWORD_ERROR: by the user of the operating system, which a proxy does not have.
            case 1698: ("this user may not log in with a password", "take another user, or give it a password method")
            case 1044: ("this user may not use the database", "grant it, or take another user")
            case 1049: ("there is no such database", "check the database's name")
            case 1040, 1203: ("the server has no connection left", "raise max_connections in the clone")
            case 1129, 1130:
                ("the server lets nobody in from the in-proxy's address", "add the user for that host in the clone")
            case 1251, 1275, 2059: ("the server has a method for this user that it cannot do", "give it another method")
            case 1820, 1862: ("the password has expired", "set it again in the clone")
            case 3118, 4151: ("the account is locked", "unlock it in the clone, or take another user")
            case 3159: ("the server wants TLS", "switch require_secure_transport off in the clone")
            case 1053: ("the server is stopping", "wait for it and try again")
            default: ("the server refuses", "see the server's own log in the clone")
            }
        return LogInFailure(.mysql, code: "\(code)", reason, remedy: remedy)
    }
}
