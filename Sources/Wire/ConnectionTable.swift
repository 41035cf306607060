import Model

/// The two ends of a connection, the same whichever end is named first.
struct FlowKey: Hashable, Sendable {
    let a: Endpoint
    let b: Endpoint

    init(_ one: Endpoint, _ other: Endpoint) {
        let isOrdered =
            one.address.low != other.address.low
            ? one.address.low < other.address.low
            : one.address.high != other.address.high ? one.address.high < other.address.high : one.port <= other.port
        (a, b) = isOrdered ? (one, other) : (other, one)
    }

    /// Families differ only together with addresses; IPv4 has nothing in its high halves.
    func hash(into hasher: inout Hasher) {
        hasher.combine(a.address.low)
        hasher.combine(b.address.low)
        hasher.combine(UInt32(a.port) << 16 | UInt32(b.port))
        if a.address.family == .v6 {
            hasher.combine(a.address.high)
            hasher.combine(b.address.high)
        }
    }
}

/// Connections by their ends, and in the order in which they were last heard: finding one, and the one that is longest
/// idle, costs the same however many there are.
struct ConnectionTable: Sendable {
    typealias Slot = Int

    private struct Entry: Sendable {
        var key: FlowKey
        var connection: Connection
        /// Neighbours in the order of last hearing; -1 for none.
        var older: Slot = -1
        var newer: Slot = -1
    }

    private var slots: [FlowKey: Slot] = [:]
    private var entries: [Entry] = []
    private var free: [Slot] = []
    private var oldest: Slot = -1
    private var newest: Slot = -1

    var count: Int { slots.count }
    var longestIdle: Slot? { oldest < 0 ? nil : oldest }

    func find(_ key: FlowKey) -> Slot? { slots[key] }

    subscript(_ slot: Slot) -> Connection {
        _read { yield entries[slot].connection }
        _modify { yield &entries[slot].connection }
    }

    mutating func insert(_ key: FlowKey, _ connection: Connection) -> Slot {
        let entry = Entry(key: key, connection: connection)
        let slot: Slot
        if let reused = free.popLast() {
            slot = reused
            entries[slot] = entry
        } else {
            slot = entries.count
            entries.append(entry)
        }
        slots[key] = slot
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
        slots[entries[slot].key] = nil
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
