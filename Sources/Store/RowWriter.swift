/// Writes rows of one table, by statements that are prepared once.
final class RowWriter {
    private let database: Database
    private let table: String
    private let columns: [String]
    private let source: String
    private var insertion: Statement?
    private var replacement: Statement?
    private var removal: Statement?

    /// The first of the columns is the table's integer key. What is written are the values themselves, or the row that a
    /// query makes of them.
    init(_ database: Database, _ table: String, _ columns: [String], from query: String? = nil) {
        self.database = database
        self.table = table
        self.columns = columns
        source = query ?? "VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))"
    }

    /// `INSERT OR REPLACE` only where a row of that key may be there: SQLite copies every page that such a statement touches
    /// to a journal of the statement's own, for what it might have to take back; that is ten times as much as is written.
    func write(_ values: [Database.Value], replacing: Bool) throws(StoreError) {
        if replacing {
            try prepared(&replacement, { "INSERT OR REPLACE INTO \(into)" }).run(values)
        } else {
            try prepared(&insertion, { "INSERT INTO \(into)" }).run(values)
        }
    }

    func remove(_ key: Int64) throws(StoreError) {
        try prepared(&removal, { "DELETE FROM \(table) WHERE \(columns[0]) = ?" }).run([.integer(key)])
    }

    private var into: String { "\(table) (\(columns.joined(separator: ", "))) \(source)" }

    private func prepared(_ statement: inout Statement?, _ sql: () -> String) throws(StoreError) -> Statement {
        if let statement { return statement }
        let prepared = try database.prepare(sql())
        statement = prepared
        return prepared
    }
}
