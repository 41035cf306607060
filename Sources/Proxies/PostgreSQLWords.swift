import Wire

/// What the out-proxy says to every PostgreSQL client.
enum PostgreSQLWords {
    /// AuthenticationOk without asking for a secret, the parameters drivers rely on, a key, and ReadyForQuery.
    static let greeting: [UInt8] = {
        let parameters = [
            ("server_version", "15.0"), ("server_encoding", "UTF8"), ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"), ("IntervalStyle", "postgres"), ("TimeZone", "Etc/UTC"),
            ("integer_datetimes", "on"), ("standard_conforming_strings", "on"), ("is_superuser", "off"),
        ]
        var bytes = PostgreSQLMessage("R", [0, 0, 0, 0]).bytes
        for (name, value) in parameters {
            bytes += PostgreSQLMessage("S", Array(name.utf8) + [0] + Array(value.utf8) + [0]).bytes
        }
        return bytes + PostgreSQLMessage("K", [0, 0, 0, 1, 0, 0, 0, 1]).bytes + ready(0x49)
    }()

    static func ready(_ status: UInt8) -> [UInt8] { PostgreSQLMessage("Z", [status]).bytes }

    static func error(_ state: String, _ text: String) -> [UInt8] {
        var body: [UInt8] = []
        for field in ["SERROR", "VERROR", "C" + state, "MWhat-if: " + text] { body += Array(field.utf8) + [0] }
        return PostgreSQLMessage("E", body + [0]).bytes
    }
}
