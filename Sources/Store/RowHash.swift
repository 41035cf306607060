/// A number that changes with any value of a row (FNV-1a, up to 64 bits at a time): it finds what a page of garbage, or
/// somebody's hand, has changed, of which SQLite itself keeps no sum.
struct RowHash {
    private var bits: UInt64 = 0xcbf2_9ce4_8422_2325

    var value: Int64 { Int64(bitPattern: bits) }

    private mutating func add(_ word: UInt64) {
        bits = (bits ^ word) &* 0x0000_0100_0000_01b3
        bits ^= bits >> 32
    }

    /// Of a text: for names of columns, whose places change when there are more of them.
    static func of(_ text: String) -> UInt64 {
        var hash = RowHash()
        for byte in text.utf8 { hash.add(UInt64(byte)) }
        return hash.bits
    }

    /// The value of a column, with the hash of its name. Nulls count for nothing, so that a column may be added to rows that
    /// are there.
    mutating func add(_ value: Database.Value, _ column: UInt64) {
        switch value {
        case .null: return
        case .integer(let number): add(UInt64(bitPattern: number) &+ column)
        // Zero has two signs, of which SQL keeps one.
        case .real(let number): add((number == 0 ? 0 : number.bitPattern) &+ column)
        case .text(let text):
            add(column)
            for byte in text.utf8 { add(UInt64(byte)) }
        }
    }
}
