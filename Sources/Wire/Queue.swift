/// First in, first out, without moving what waits: the array is closed up when half of it has gone.
package struct Queue<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0

    package init() {}

    package var count: Int { elements.count - start }
    package var isEmpty: Bool { start == elements.count }
    package var first: Element? { isEmpty ? nil : elements[start] }
    package var last: Element? { isEmpty ? nil : elements.last }

    package mutating func append(_ element: Element) {
        if start == elements.count {
            elements.removeAll(keepingCapacity: elements.capacity <= 1024)
            start = 0
        } else if start > 32, start * 2 > elements.count {
            elements.removeSubrange(..<start)
            start = 0
        }
        elements.append(element)
    }

    package mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        defer { start += 1 }
        return elements[start]
    }

    package mutating func popLast() -> Element? { isEmpty ? nil : elements.popLast() }

    package mutating func removeAll() {
        elements.removeAll(keepingCapacity: elements.capacity <= 1024)
        start = 0
    }
}
