/// What the server said of a prepared statement (PostgreSQL documentation, 55.2.3, "Describe").
package struct PostgreSQLDescription: Hashable, Sendable {
    package let sql: String
    /// ParameterDescription
    package let parameters: PostgreSQLMessage
    /// RowDescription or NoData
    package let row: PostgreSQLMessage

    package init(sql: String, parameters: PostgreSQLMessage, row: PostgreSQLMessage) {
        self.sql = sql
        self.parameters = parameters
        self.row = row
    }
}

extension PostgreSQLDescription: CustomStringConvertible {
    /// Without the statement.
    package var description: String { "description of \(row.body.count) bytes" }
}

/// Descriptions that wait for an exchange to go with. A connection that only prepares does not fill the memory.
struct PostgreSQLDescriptions: Sendable {
    private static let limit = 256
    private var waiting: [PostgreSQLDescription] = []
    private(set) var byteCount = 0

    mutating func add(_ description: PostgreSQLDescription) {
        if waiting.count >= Self.limit { _ = takeAll() }
        waiting.append(description)
        byteCount += description.sql.utf8.count + description.parameters.body.count + description.row.body.count
    }

    mutating func takeAll() -> [PostgreSQLDescription] {
        defer { (waiting, byteCount) = ([], 0) }
        return waiting
    }
}
