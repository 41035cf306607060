import CSQLite

/// A prepared statement, used by the thread that uses its connection: bound, stepped, and reset to be used again.
@safe final class Statement {
    private let handle: OpaquePointer
    /// Kept, so that the connection outlives what was prepared on it.
    private let database: Database
    /// Places that have a value from before. Most columns of a matrix's cells are null in all of them.
    private var bound: [Bool] = []

    init(_ handle: OpaquePointer, of database: Database) {
        unsafe self.handle = handle
        self.database = database
    }

    deinit { unsafe sqlite3_finalize(handle) }

    // SQLITE_TRANSIENT: SQLite copies the text; the macro is a cast that Swift does not import.
    private static var transient: sqlite3_destructor_type { unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    /// `place` counts from 1, as SQL does.
    func bind(_ value: Database.Value, at place: Int) {
        let place = Int32(truncatingIfNeeded: place)
        switch value {
        case .text(let text): unsafe sqlite3_bind_text(handle, place, text, -1, Self.transient)
        case .integer(let number): unsafe sqlite3_bind_int64(handle, place, number)
        case .real(let number): unsafe sqlite3_bind_double(handle, place, number)
        case .null: unsafe sqlite3_bind_null(handle, place)
        }
    }

    /// Binds all of `values`, and nulls to what is behind them.
    func bind(all values: [Database.Value]) { bind(values, bound: &bound) }

    private func bind(_ values: [Database.Value], bound: inout [Bool]) {
        if bound.count != values.count {
            unsafe sqlite3_clear_bindings(handle)
            bound = Array(repeating: false, count: values.count)
        }
        // Looked at in their places: copies would count references, which is most of the work here.
        let values = values.span
        for index in values.indices {
            if case .null = values[index] {
                guard bound[index] else { continue }
                bound[index] = false
            } else {
                bound[index] = true
            }
            bind(values[index], at: index + 1)
        }
    }

    /// Whether there is a row. Behind the last one the statement is ready to be bound again.
    func step() throws(StoreError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code != SQLITE_DONE {
            let error = database.failure("run '\(unsafe String(cString: sqlite3_sql(handle)))'")
            unsafe sqlite3_reset(handle)
            throw error
        }
        unsafe sqlite3_reset(handle)
        return false
    }

    /// Runs it with `values` to its end.
    func run(_ values: [Database.Value]) throws(StoreError) {
        bind(all: values)
        while try step() {}
    }

    /// The first row of a query; nil when there is none.
    func row(_ values: [Database.Value]) throws(StoreError) -> [Database.Value]? {
        bind(all: values)
        guard try step() else { return nil }
        defer { reset() }
        return (0..<columnCount).map { value($0) }
    }

    /// Gives up the rows that were not taken.
    func reset() { unsafe sqlite3_reset(handle) }

    var columnCount: Int { Int(unsafe sqlite3_column_count(handle)) }

    /// Of the row that was stepped to; `index` counts from 0.
    func value(_ index: Int) -> Database.Value {
        let column = Int32(truncatingIfNeeded: index)
        return switch unsafe sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: unsafe .integer(sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: unsafe .real(sqlite3_column_double(handle, column))
        // A damaged file may hold what is no text; it is repaired here and refused where it makes no sense.
        case SQLITE_TEXT: unsafe sqlite3_column_text(handle, column).map { unsafe .text(String(cString: $0)) } ?? .null
        default: .null
        }
    }
}
