import Model

/// What is taken out of a trace. Each rule puts filler of the same length in the place of what it matches, so that
/// framing, byte counts and timing stay what they were and the trace can still be replayed.
package struct RedactionRules: Hashable, Sendable {
    /// What becomes of a kind of content.
    package enum Choice: String, Sendable, CaseIterable { case keep, drop }

    /// HTTP header fields whose values go, in any case.
    package var headers = [
        "authorization", "cookie", "set-cookie", "proxy-authorization", "authentication-info",
        "proxy-authentication-info", "x-api-key", "x-auth-token", "x-csrf-token", "x-xsrf-token",
    ]
    /// Cookies whose values go; for headers that the rule before does not take whole.
    package var cookies: [String] = []
    /// Query parameters whose values go, in the target, in the values of headers and in bodies of forms.
    package var parameters = [
        "token", "access_token", "refresh_token", "id_token", "password", "passwd", "pwd", "secret", "client_secret",
        "api_key", "apikey", "key", "code", "session", "sessionid", "sid", "signature", "sig", "auth",
    ]
    /// Texts and numbers in SQL statements, bound values, copied rows, and what errors quote.
    package var sqlLiterals = Choice.drop
    /// What stands behind the key of a Redis command, credentials, and what is answered.
    package var redisValues = Choice.drop
    /// Bodies of HTTP, rows of SQL results, and all of a protocol that is not read.
    package var bodies = Choice.keep

    package init() {}

    /// Tells traces that were redacted by different rules apart; not a proof of anything.
    package var digest: String {
        var key = MatchingKey()
        for list in [headers, cookies, parameters] {
            for name in Set(list.map { $0.lowercased() }).sorted() { key.add(name + "\n") }
            key.add("\n")
        }
        for choice in [sqlLiterals, redisValues, bodies] { key.add(choice.rawValue + "\n") }
        let digits = String(key.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension RedactionRules: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case headers, cookies, parameters, bodies
        case sqlLiterals = "sql-literals"
        case redisValues = "redis-values"
    }

    /// A rule that is not given has its default; a list that is given stands for itself, and not in addition.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        headers = try fields.decodeIfPresent([String].self, forKey: .headers) ?? headers
        cookies = try fields.decodeIfPresent([String].self, forKey: .cookies) ?? cookies
        parameters = try fields.decodeIfPresent([String].self, forKey: .parameters) ?? parameters
        sqlLiterals = try fields.choice(.sqlLiterals) ?? sqlLiterals
        redisValues = try fields.choice(.redisValues) ?? redisValues
        bodies = try fields.choice(.bodies) ?? bodies
    }
}

extension KeyedDecodingContainer {
    fileprivate func choice(_ key: Key) throws -> RedactionRules.Choice? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let choice = RedactionRules.Choice(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "found '\(text)', expected keep or drop")
        }
        return choice
    }
}
