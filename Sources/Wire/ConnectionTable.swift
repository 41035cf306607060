import Model

/// The two ends of a connection, the same whichever end is named first: looked up for every packet.
struct FlowKey: Equatable, Sendable {
    private let lows: (UInt64, UInt64)
    private let highs: (UInt64, UInt64)
    private let ports: UInt32
    private let isV6: Bool

    /// Also says whether `one` is the first of the two in the key's order.
    static func of(_ one: Endpoint, _ other: Endpoint) -> (key: FlowKey, isFirst: Bool) {
        let isFirst =
            one.address.low != other.address.low
            ? one.address.low < other.address.low
            : one.address.high != other.address.high ? one.address.high < other.address.high : one.port <= other.port
        return (isFirst ? FlowKey(first: one, second: other) : FlowKey(first: other, second: one), isFirst)
    }

    private init(first: Endpoint, second: Endpoint) {
        lows = (first.address.low, second.address.low)
        highs = (first.address.high, second.address.high)
        ports = UInt32(first.port) << 16 | UInt32(second.port)
        isV6 = first.address.family == .v6
    }

    static func == (a: FlowKey, b: FlowKey) -> Bool {
        a.lows == b.lows && a.ports == b.ports && a.highs == b.highs && a.isV6 == b.isV6
    }

    /// 64 bits that nobody can steer who does not know the secret: each half of the key is mixed with a part of it and
    /// multiplied to 128 bits (as in Wang Yi's wyhash). Strangers choose addresses and ports.
    func hash(_ secret: FlowSecret) -> UInt64 {
        let first: UInt64
        if isV6 {
            first = Self.mix(lows.0 ^ secret.a, highs.0 ^ secret.b) ^ Self.mix(lows.1 ^ secret.c, highs.1 ^ secret.d)
        } else {
            // Two addresses of IPv4 are one word.
            first = lows.0 << 32 | lows.1
        }
        return Self.mix(first ^ secret.a, UInt64(ports) ^ secret.b)
    }

    private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}

/// Drawn anew for every table.
struct FlowSecret: Sendable {
    let a = UInt64.random(in: 0 ... .max)
    let b = UInt64.random(in: 0 ... .max)
    let c = UInt64.random(in: 0 ... .max)
    let d = UInt64.random(in: 0 ... .max)
}

/// Slots by key: open addressing with linear probing, at most half full. A dictionary would do, and takes a tenth of all
/// the time that a packet costs.
package struct FlowIndex: Sendable {
    private struct Cell: Sendable {
        /// The hash's upper half: other keys are passed over without looking at them.
        var tag: UInt32
        /// -1 for none.
        var slot: Int32
    }

    private var cells = [Cell](repeating: Cell(tag: 0, slot: -1), count: 64)
    package private(set) var count = 0

    package init() {}

    private var mask: Int { cells.count - 1 }

    /// The slot for which `isIt` holds, among those whose keys have this hash.
    package func find(_ hash: UInt64, _ isIt: (Int) -> Bool) -> Int? {
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        var place = Int(truncatingIfNeeded: hash) & mask
        while cells[place].slot >= 0 {
            if cells[place].tag == tag, isIt(Int(cells[place].slot)) { return Int(cells[place].slot) }
            place = (place + 1) & mask
        }
        return nil
    }

    /// `hashOf` tells the hash of the key in a slot, for the others when room is made.
    package mutating func insert(_ hash: UInt64, _ slot: Int, hashOf: (Int) -> UInt64) {
        if (count + 1) * 2 > cells.count {
            let old = cells
            cells = [Cell](repeating: Cell(tag: 0, slot: -1), count: old.count * 2)
            for cell in old where cell.slot >= 0 { place(hashOf(Int(cell.slot)), cell.slot) }
        }
        place(hash, Int32(truncatingIfNeeded: slot))
        count += 1
    }

    private mutating func place(_ hash: UInt64, _ slot: Int32) {
        var place = Int(truncatingIfNeeded: hash) & mask
        while cells[place].slot >= 0 { place = (place + 1) & mask }
        cells[place] = Cell(tag: UInt32(truncatingIfNeeded: hash >> 32), slot: slot)
    }

    /// Closes the hole by moving back what was pushed beyond it (Knuth, The Art of Computer Programming, 6.4, R).
    package mutating func remove(_ hash: UInt64, _ slot: Int, hashOf: (Int) -> UInt64) {
        var hole = Int(truncatingIfNeeded: hash) & mask
        while Int(cells[hole].slot) != slot {
            if cells[hole].slot < 0 { return }
            hole = (hole + 1) & mask
        }
        count -= 1
        var next = (hole + 1) & mask
        while cells[next].slot >= 0 {
            let home = Int(truncatingIfNeeded: hashOf(Int(cells[next].slot))) & mask
            if (next - home) & mask >= (next - hole) & mask {
                cells[hole] = cells[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        cells[hole].slot = -1
    }
}

/// Where a connection stays while its segments come: it is large, and is changed in place.
final class ConnectionPlace {
    var connection: Connection

    init(_ connection: Connection) { self.connection = connection }
}

/// Connections by their ends, and in the order in which they were last heard: finding one, and the one that is longest
/// idle, costs the same however many there are.
struct ConnectionTable: ~Copyable {
    typealias Slot = Int

    private struct Entry {
        var key: FlowKey
        let place: ConnectionPlace
        /// Neighbours in the order of last hearing; -1 for none.
        var older: Slot = -1
        var newer: Slot = -1
    }

    private let secret = FlowSecret()
    private var index = FlowIndex()
    private var entries: [Entry] = []
    private var free: [Slot] = []
    private var oldest: Slot = -1
    private var newest: Slot = -1

    var count: Int { index.count }
    var longestIdle: Slot? { oldest < 0 ? nil : oldest }

    func find(_ key: FlowKey) -> Slot? { index.find(key.hash(secret)) { entries[$0].key == key } }

    subscript(_ slot: Slot) -> ConnectionPlace { entries[slot].place }

    mutating func insert(_ key: FlowKey, _ connection: Connection) -> Slot {
        let entry = Entry(key: key, place: ConnectionPlace(connection))
        let slot: Slot
        if let reused = free.popLast() {
            slot = reused
            entries[slot] = entry
        } else {
            slot = entries.count
            entries.append(entry)
        }
        index.insert(key.hash(secret), slot) { entries[$0].key.hash(secret) }
        link(slot)
        return slot
    }

    /// The connection was heard: it is the last one to go.
    mutating func touch(_ slot: Slot) {
        guard slot != newest else { return }
        unlink(slot)
        link(slot)
    }

    /// The slot may be used again; the connection must have been ended.
    mutating func remove(_ slot: Slot) {
        unlink(slot)
        index.remove(entries[slot].key.hash(secret), slot) { entries[$0].key.hash(secret) }
        free.append(slot)
    }

    private mutating func link(_ slot: Slot) {
        entries[slot].older = newest
        entries[slot].newer = -1
        if newest >= 0 { entries[newest].newer = slot } else { oldest = slot }
        newest = slot
    }

    private mutating func unlink(_ slot: Slot) {
        let (older, newer) = (entries[slot].older, entries[slot].newer)
        if older >= 0 { entries[older].newer = newer } else { oldest = newer }
        if newer >= 0 { entries[newer].older = older } else { newest = older }
    }
}
