/// Serial numbers in the order of their age: added at the end, removed anywhere, but nearly always at the front.
struct SerialList: Sendable {
    private var items: [Int] = []
    private var start = 0

    var count: Int { items.count - start }
    var isEmpty: Bool { start == items.count }
    var first: Int? { isEmpty ? nil : items[start] }
    var last: Int? { items.last }

    /// `index` counts from the oldest.
    subscript(index: Int) -> Int { items[start + index] }

    mutating func append(_ serial: Int) { items.append(serial) }

    /// Where `serial` stood, if it was there.
    @discardableResult
    mutating func remove(_ serial: Int) -> Int? {
        let place = firstIndex { $0 >= serial }
        guard place < count, self[place] == serial else { return nil }
        if place == 0 {
            start += 1
            if start > 32, start * 2 > items.count {
                items.removeSubrange(..<start)
                start = 0
            }
        } else {
            items.remove(at: start + place)
        }
        return place
    }

    /// The first place for which `condition`, which stays true once it is, is true; `count` when there is none.
    func firstIndex(where condition: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
