import Model

extension RedisReader {
    /// Known by the array of bulk strings that every library sends, or by what one types.
    package static let entry = ProtocolEntry(.redis, ports: [6379]) { client, server in
        if !server.isEmpty, !RESPParser.canStart(.replies, server) { return .no }
        if client.isEmpty { return .unsure }
        switch RESPParser.arrayStart(client) {
        case .whole: return .certain
        case .soFar: return .unsure
        case .no: break
        }
        guard RedisCommand.isKnownInline(client) else { return client.count == 1 && client[0] == 0x2a ? .unsure : .no }
        // "GET /" is rather HTTP.
        return client.count > 4 && client.starts(with: "GET /") ? .unsure : .likely
    } reader: {
        RedisReader($0)
    }
}
