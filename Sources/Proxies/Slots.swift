/// Places in an array for what comes and goes. A slot is a place and, above it, how often the place was given before: a
/// number that is left from what was there before finds nothing.
struct Slots<Element> {
    private static var placeBits: Int { 32 }
    /// Slots stay below 2^60, so that others can be told from them.
    private static var turnMask: Int { (1 << 28) - 1 }

    private var places: [(slot: Int, element: Element?)] = []
    private var free: [Int] = []

    private static func place(_ slot: Int) -> Int { slot & (1 << placeBits - 1) }

    /// A slot for a new element.
    mutating func make(_ element: (Int) -> Element) -> Element {
        let slot: Int
        if let place = free.popLast() {
            let turn = (places[place].slot >> Self.placeBits + 1) & Self.turnMask
            slot = turn << Self.placeBits | place
        } else {
            slot = places.count
        }
        let element = element(slot)
        put(element, at: slot)
        return element
    }

    /// Puts an element where another table has made the slot.
    mutating func put(_ element: Element, at slot: Int) {
        let place = Self.place(slot)
        while places.count <= place { places.append((places.count, nil)) }
        places[place] = (slot, element)
    }

    subscript(slot: Int) -> Element? {
        let place = Self.place(slot)
        guard place < places.count, places[place].slot == slot else { return nil }
        return places[place].element
    }

    mutating func remove(_ slot: Int) {
        let place = Self.place(slot)
        guard place < places.count, places[place].slot == slot, places[place].element != nil else { return }
        places[place].element = nil
        free.append(place)
    }

    /// In the order of their places.
    var all: [Element] { places.compactMap(\.element) }
}
