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

    /// Everything that is there.
    package func takeAll() -> [Item] {
        wakeUp.clear()
        return items.withLock { items in
            defer { items = [] }
            return items
        }
    }
}
