package import Model
import Wire

/// What is due at some time, the earliest first, and in the order of insertion among equals.
///
/// What comes in the order of its times, as almost everything does that was recorded, stands in a line. The rest is in a
/// binary heap, so that any number of things can wait (Williams, Algorithm 232, CACM 7(6), 1964). Only keys move in them;
/// elements stay where they are.
package struct Schedule<Element: Sendable>: Sendable {
    private struct Entry: Sendable {
        let due: Timestamp
        let number: UInt64
        let place: Int

        func isBefore(_ other: Entry) -> Bool {
            due < other.due || due == other.due && number < other.number
        }
    }

    private var line = Queue<Entry>()
    private var heap: [Entry] = []
    private var elements: [Element?] = []
    private var free: [Int] = []
    private var inserted: UInt64 = 0

    package init() {}

    package var count: Int { line.count + heap.count }
    package var isEmpty: Bool { line.isEmpty && heap.isEmpty }
    package var nextDue: Timestamp? { next?.due }

    private var next: Entry? {
        guard let first = line.first, let other = heap.first else { return line.first ?? heap.first }
        return first.isBefore(other) ? first : other
    }

    package mutating func insert(_ element: Element, due: Timestamp) {
        let place = free.popLast() ?? elements.count
        if place == elements.count { elements.append(element) } else { elements[place] = element }
        let entry = Entry(due: due, number: inserted, place: place)
        inserted += 1
        if let last = line.last, due < last.due { raise(entry) } else { line.append(entry) }
    }

    private mutating func raise(_ entry: Entry) {
        heap.append(entry)
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
        guard let first = next, first.due <= now else { return nil }
        // Taken out, not copied.
        var element: Element?
        swap(&element, &elements[first.place])
        free.append(first.place)
        if line.first?.number == first.number { _ = line.popFirst() } else { sink() }
        return element.map { (first.due, $0) }
    }

    /// Takes out the heap's first.
    private mutating func sink() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count && heap[child].isBefore(heap[least]) {
                least = child
            }
            guard least != place else { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
