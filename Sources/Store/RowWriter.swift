/// Writes rows of one table, by statements that are prepared once.
final class RowWriter {
    private let database: Database
    private let table: String
    private let columns: [String]
    private var insertion: Statement?
    private var removal: Statement?

    /// The first of the columns is the table's integer key.
    init(_ database: Database, _ table: String, _ columns: [String]) {
        self.database = database
        self.table = table
        self.columns = columns
    }

    /// A row that may be there already is removed first. `INSERT OR REPLACE`, and `INSERT` of a query's rows, would have SQLite
    /// copy every page that they touch to a journal of the statement's own, for what it might have to take back; that is ten
    /// times as much as is written.
    func write(_ values: [Database.Value], replacing: Bool) throws(StoreError) {
        if replacing, let key = values.first?.integer { try remove(key) }
        try prepared(&insertion) {
            let places = columns.map { _ in "?" }.joined(separator: ", ")
            return "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))"
        }.run(values)
    }

    func remove(_ key: Int64) throws(StoreError) {
        try prepared(&removal) { "DELETE FROM \(table) WHERE \(columns[0]) = ?" }.run([.integer(key)])
    }

    private func prepared(_ statement: inout Statement?, _ sql: () -> String) throws(StoreError) -> Statement {
        if let statement { return statement }
        let prepared = try database.prepare(sql())
        statement = prepared
        return prepared
    }
}
