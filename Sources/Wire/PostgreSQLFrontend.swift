/// The client's half of a connection: follows prepared statements and portals by name, and says what each round calls.
package struct PostgreSQLFrontend: Sendable {
    private struct Portal: Sendable {
        var call: PostgreSQLCall
    }

    private var statements: [String: String] = [:]
    private var portals: [String: Portal] = [:]
    /// Calls of the round in progress.
    package private(set) var calls: [PostgreSQLCall] = []

    package init() {}

    /// The statement that a Describe of kind S means, or the portal's statement for kind P.
    package func sql(describedBy body: [UInt8]) -> String? {
        var reader = PostgreSQLBody(body)
        guard let kind = reader.byte(), let name = reader.text() else { return nil }
        return kind == 0x53 ? statements[name] : portals[name]?.call.sql
    }

    /// The call that executing the portal of this name would be.
    package func call(ofPortal name: String) -> PostgreSQLCall? { portals[name]?.call }

    /// Takes a message; true when it ends the round (Query, Sync, FunctionCall).
    package mutating func accept(_ message: PostgreSQLMessage) -> Bool {
        var reader = PostgreSQLBody(message.body)
        switch Character(UnicodeScalar(message.type)) {
        case "Q":
            calls.append(PostgreSQLCall(sql: reader.text() ?? ""))
            return true
        case "P":
            if let name = reader.text(), let sql = reader.text() { statements[name] = sql }
            return false
        case "B":
            bind(&reader)
            return false
        case "E":
            if let name = reader.text(), let portal = portals[name] {
                let limit = reader.int32() ?? 0
                let call = portal.call
                calls.append(
                    PostgreSQLCall(
                        sql: call.sql, values: call.values, valueFormats: call.valueFormats,
                        resultFormats: call.resultFormats, rowLimit: limit))
            } else {
                calls.append(PostgreSQLCall(sql: nil, values: []))
            }
            return false
        case "C":
            if let kind = reader.byte(), let name = reader.text() {
                if kind == 0x53 { statements[name] = nil } else { portals[name] = nil }
            }
            return false
        case "S", "F":
            return true
        default:
            return false
        }
    }

    private mutating func bind(_ reader: inout PostgreSQLBody) {
        guard let portal = reader.text(), let statement = reader.text(), let formats = reader.int16s(),
            let count = reader.count()
        else { return }
        var values: [[UInt8]?] = []
        for _ in 0..<count {
            guard let length = reader.int32() else { return }
            if length < 0 {
                values.append(nil)
            } else {
                guard let value = reader.take(length) else { return }
                values.append(value)
            }
        }
        portals[portal] = Portal(
            call: PostgreSQLCall(
                sql: statements[statement], values: values, valueFormats: formats, resultFormats: reader.int16s() ?? [])
        )
    }

    /// Ends the round: the next message begins another.
    package mutating func finishRound() -> [PostgreSQLCall] {
        defer { calls = [] }
        return calls
    }

    /// Takes a round up again whose Sync the server did not heed.
    package mutating func resumeRound(_ earlier: [PostgreSQLCall]) { calls = earlier + calls }

    /// Messages were missed: the unnamed statement and the portals may be others by now. Names of prepared statements
    /// stay known: they live as long as the connection.
    package mutating func lose() {
        calls = []
        portals = [:]
        statements[""] = nil
    }
}
