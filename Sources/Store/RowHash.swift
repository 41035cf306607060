/// A number that changes with any value of a row (FNV-1a, up to 64 bits at a time): it finds what a page of garbage, or
/// somebody's hand, has changed, of which SQLite itself keeps no sum.
struct RowHash {
    private var bits: UInt64 = 0xcbf2_9ce4_8422_2325

    var value: Int64 { Int64(bitPattern: bits) }

    private mutating func add(_ word: UInt64) {
        bits = (bits ^ word) &* 0x0000_0100_0000_01b3
        bits ^= bits >> 32
    }

    /// The value of the column with that place. Nulls count for nothing.
    mutating func add(_ value: Database.Value, _ place: Int) {
        switch value {
        case .null: return
        case .integer(let number): add(UInt64(bitPattern: number) &+ UInt64(place))
        // Zero has two signs, of which SQL keeps one.
        case .real(let number): add((number == 0 ? 0 : number.bitPattern) &+ UInt64(place))
        case .text(let text):
            add(UInt64(place))
            for byte in text.utf8 { add(UInt64(byte)) }
        }
    }
}
