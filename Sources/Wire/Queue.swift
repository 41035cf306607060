/// First in, first out, without moving what waits: the array is closed up when half of it has gone.
///
/// Inlinable, so that it is made for its elements in other rooms too: it stands on the way of every request.
@usableFromInline
package struct Queue<Element: Sendable>: Sendable {
    /// Empty when nothing waits.
    @usableFromInline var elements: [Element] = []
    @usableFromInline var start = 0

    @inlinable package init() {}

    @inlinable package var count: Int { elements.count - start }
    @inlinable package var isEmpty: Bool { elements.isEmpty }
    @inlinable package var first: Element? { isEmpty ? nil : elements[start] }
    @inlinable package var last: Element? { elements.last }

    @inlinable package mutating func append(_ element: Element) {
        if start > 32, start * 2 > elements.count {
            elements.removeSubrange(..<start)
            start = 0
        }
        elements.append(element)
    }

    @inlinable package mutating func popFirst() -> Element? {
        guard count > 1 else {
            // Taken out, not copied; most queues hold one at most.
            let last = elements.popLast()
            if start > 0 { removeAll() }
            return last
        }
        defer { start += 1 }
        return elements[start]
    }

    @inlinable package mutating func popLast() -> Element? {
        defer { if start > 0, count == 0 { removeAll() } }
        return elements.popLast()
    }

    @inlinable package mutating func removeAll() {
        elements.removeAll(keepingCapacity: elements.capacity <= 1024)
        start = 0
    }
}
