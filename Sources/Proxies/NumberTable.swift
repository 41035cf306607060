import Wire

/// Elements by numbers that no stranger chooses, such as those of recorded connections: what is looked up for every
/// request. A dictionary would do, and takes several times as long.
struct NumberTable<Element> {
    private var index = FlowIndex()
    private var entries: [(number: UInt64, element: Element?)] = []
    private var free: [Int] = []

    /// Numbers that follow each other fall on different places: the factor is odd (Knuth, The Art of Computer
    /// Programming, 6.4).
    private static func hash(_ number: UInt64) -> UInt64 { number &* 0x9e37_79b9_7f4a_7c15 }

    private func place(_ number: UInt64) -> Int? { index.find(Self.hash(number)) { entries[$0].number == number } }

    subscript(number: UInt64) -> Element? {
        get { place(number).flatMap { entries[$0].element } }
        set {
            guard let newValue else { return remove(number) }
            if update(number, { $0 = newValue }) != nil { return }
            let place = free.popLast() ?? entries.count
            if place == entries.count {
                entries.append((number, newValue))
            } else {
                entries[place] = (number, newValue)
            }
            index.insert(Self.hash(number), place) { Self.hash(entries[$0].number) }
        }
    }

    /// Changes an element where it is; nil when there is none.
    mutating func update<Result>(_ number: UInt64, _ body: (inout Element) -> Result) -> Result? {
        guard let place = place(number), var element = entries[place].element else { return nil }
        defer { entries[place].element = element }
        return body(&element)
    }

    func contains(_ number: UInt64) -> Bool { place(number) != nil }

    mutating func remove(_ number: UInt64) {
        guard let place = place(number) else { return }
        index.remove(Self.hash(number), place) { Self.hash(entries[$0].number) }
        entries[place].element = nil
        free.append(place)
    }

    /// In no order.
    var numbers: [UInt64] { entries.filter { $0.element != nil }.map(\.number) }
}

extension NumberTable: Sendable where Element: Sendable {}
