/// A table with room for so many entries and bytes: a new one beyond that takes the place of the oldest. Setting an entry
/// or touching an entry makes it new. The cost of each operation does not grow with the table.
struct AgingTable<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        var size: Int
        var stamp: UInt64
    }

    private let countLimit: Int
    private let byteLimit: Int
    private var entries: [UInt64: Entry] = [:]
    /// Oldest first, from `first` on; those whose stamp is no longer their entry's are gone already.
    private var order: [(key: UInt64, stamp: UInt64)] = []
    private var first = 0
    private var lastStamp: UInt64 = 0
    private(set) var byteCount = 0

    init(countLimit: Int, byteLimit: Int = .max) {
        self.countLimit = countLimit
        self.byteLimit = byteLimit
    }

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    subscript(key: UInt64) -> Value? { entries[key]?.value }

    /// `size` is the bytes that the entry holds.
    mutating func set(_ key: UInt64, _ value: Value, size: Int) {
        lastStamp += 1
        if let old = entries.updateValue(Entry(value: value, size: size, stamp: lastStamp), forKey: key) {
            byteCount -= old.size
        }
        byteCount += size
        order.append((key, lastStamp))
        while entries.count > countLimit || byteCount > byteLimit, first < order.count { removeOldest() }
        tidy()
    }

    /// Makes an entry new again. One that is among the newer half is left where it is.
    mutating func touch(_ key: UInt64) {
        guard let entry = entries[key], lastStamp - entry.stamp > UInt64(countLimit / 2) else { return }
        set(key, entry.value, size: entry.size)
    }

    mutating func remove(_ key: UInt64) {
        guard let old = entries.removeValue(forKey: key) else { return }
        byteCount -= old.size
    }

    private mutating func removeOldest() {
        let oldest = order[first]
        first += 1
        if entries[oldest.key]?.stamp == oldest.stamp { remove(oldest.key) }
    }

    /// Once half of the order is about nothing, it is written anew.
    private mutating func tidy() {
        guard order.count > 2 * entries.count + 64 else { return }
        order = order[first...].filter { entries[$0.key]?.stamp == $0.stamp }
        first = 0
    }
}
