import Model

/// The two ends of a connection, the same whichever end is named first: looked up for every packet.
struct FlowKey: Hashable, Sendable {
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

    func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(ports))
        // Two addresses of IPv4 are one word.
        guard isV6 else {
            hasher.combine(lows.0 << 32 | lows.1)
            return
        }
        hasher.combine(lows.0)
        hasher.combine(lows.1)
        hasher.combine(highs.0)
        hasher.combine(highs.1)
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

    private var slots: [FlowKey: Slot] = [:]
    private var entries: [Entry] = []
    private var free: [Slot] = []
    private var oldest: Slot = -1
    private var newest: Slot = -1

    var count: Int { slots.count }
    var longestIdle: Slot? { oldest < 0 ? nil : oldest }

    func find(_ key: FlowKey) -> Slot? { slots[key] }

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
