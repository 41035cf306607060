import Synchronization

/// What one thread puts and another takes, in order, with a descriptor to wait on.
package final class Mailbox<Item: Sendable>: Sendable {
    private let items = Mutex<[Item]>([])
    package let wakeUp: WakeUp

    package init() throws(SystemError) { wakeUp = try WakeUp() }

    package func put(_ item: Item) {
        items.withLock { $0.append(item) }
        wakeUp.signal()
    }

    /// Puts as many as there is room for, and tells how many were not taken. Wakes once for all.
    package func put(contentsOf more: [Item], room: Int = .max) -> Int {
        let refused = items.withLock { items in
            let taken = min(more.count, max(0, room - items.count))
            // Nothing has to be moved when the other side has taken everything, as it mostly has.
            if items.isEmpty, taken == more.count { items = more } else { items += more.prefix(taken) }
            return more.count - taken
        }
        if refused < more.count { wakeUp.signal() }
        return refused
    }

    /// Everything that is there.
    package func takeAll() -> [Item] {
        wakeUp.clear()
        return items.withLock { items in
            defer { items = [] }
            return items
        }
    }
}
