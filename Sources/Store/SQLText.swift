/// A piece of SQL with its values apart: run with them bound, or shown with them written out.
struct SQLText {
    private(set) var text: String
    private(set) var values: [Database.Value]

    /// `text` has a `?` for each value, and no other.
    init(_ text: String, _ values: [Database.Value] = []) {
        self.text = text
        self.values = values
    }

    static func + (a: SQLText, b: SQLText) -> SQLText { SQLText(a.text + b.text, a.values + b.values) }
    static func + (a: SQLText, b: String) -> SQLText { SQLText(a.text + b, a.values) }
    static func + (a: String, b: SQLText) -> SQLText { SQLText(a + b.text, b.values) }

    /// All of `parts` with `separator` between, in parentheses where there are several.
    static func joined(_ parts: [SQLText], _ separator: String) -> SQLText {
        let text = parts.map(\.text).joined(separator: separator)
        return SQLText(parts.count > 1 ? "(\(text))" : text, parts.flatMap(\.values))
    }

    /// For the sqlite3 shell.
    var literal: String {
        var pieces = text.split(separator: "?", omittingEmptySubsequences: false).map(String.init)[...]
        var result = pieces.popFirst() ?? ""
        for (value, piece) in zip(values, pieces) { result += value.literal + piece }
        return result
    }
}

extension Database.Value {
    var literal: String {
        switch self {
        case .text(let text): "'\(text.replacing("'", with: "''"))'"
        case .integer(let number): "\(number)"
        case .real(let number): number.isFinite ? "\(number)" : number < 0 ? "-9e999" : "9e999"
        case .null: "NULL"
        }
    }
}
