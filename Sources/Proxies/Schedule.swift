package import Model

/// What is due at some time, the earliest first, and in the order of insertion among equals: a binary heap, so that any
/// number of things can wait (Williams, Algorithm 232, CACM 7(6), 1964). Only keys move in it; elements stay where they are.
package struct Schedule<Element: Sendable>: Sendable {
    private struct Entry: Sendable {
        let due: Timestamp
        let number: UInt64
        let place: Int

        func isBefore(_ other: Entry) -> Bool {
            due < other.due || due == other.due && number < other.number
        }
    }

    private var heap: [Entry] = []
    private var elements: [Element?] = []
    private var free: [Int] = []
    private var inserted: UInt64 = 0

    package init() {}

    package var count: Int { heap.count }
    package var isEmpty: Bool { heap.isEmpty }
    package var nextDue: Timestamp? { heap.first?.due }

    package mutating func insert(_ element: Element, due: Timestamp) {
        let slot = free.popLast() ?? elements.count
        if slot == elements.count { elements.append(element) } else { elements[slot] = element }
        heap.append(Entry(due: due, number: inserted, place: slot))
        inserted += 1
        var place = heap.count - 1
        while place > 0, heap[place].isBefore(heap[(place - 1) / 2]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// The earliest element if it is due by `now`.
    package mutating func popFirst(by now: Timestamp) -> Element? { pop(by: now)?.element }

    /// The same, with the time when it was due.
    package mutating func pop(by now: Timestamp) -> (due: Timestamp, element: Element)? {
        guard let first = heap.first, first.due <= now else { return nil }
        // Taken out, not copied.
        var element: Element?
        swap(&element, &elements[first.place])
        guard let element else { return nil }
        free.append(first.place)
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            guard least != place else { return (first.due, element) }
            heap.swapAt(place, least)
            place = least
        }
    }
}
