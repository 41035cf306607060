import TestSupport
import Testing

@testable import Proxies

@Suite struct SlotsTests {
    /// Against a dictionary.
    @Test func aSlotFindsOnlyWhatItWasGivenTo() {
        var random = SeededGenerator(3)
        var slots = Slots<Int>()
        var known: [Int: Int] = [:]
        var gone: Set<Int> = []
        for number in 0..<5000 {
            if Bool.random(using: &random) || known.isEmpty {
                var slot = -1
                _ = slots.make {
                    slot = $0
                    return number
                }
                #expect(known[slot] == nil && !gone.contains(slot) && slot >= 0 && slot < 1 << 60)
                known[slot] = number
            } else if let slot = known.keys.randomElement(using: &random) {
                slots.remove(slot)
                slots.remove(slot)
                known[slot] = nil
                gone.insert(slot)
            }
        }
        #expect(known.allSatisfy { slots[$0.key] == $0.value } && gone.allSatisfy { slots[$0] == nil })
        #expect(slots.all.sorted() == known.values.sorted())
    }

    /// Another table may lack what the first has.
    @Test func slotsOfAnotherTable() {
        var slots = Slots<Int>()
        slots.put(1, at: 5)
        slots.put(2, at: 1 << 32 | 2)
        #expect(slots[5] == 1 && slots[1 << 32 | 2] == 2 && slots[2] == nil && slots[0] == nil && slots[99] == nil)
        slots.remove(2)
        slots.remove(5)
        #expect(slots.all == [2])
    }

    @Test func numbersAreFound() {
        var random = SeededGenerator(5)
        var table = NumberTable<Int>()
        var known: [UInt64: Int] = [:]
        for step in 0..<20_000 {
            // As they come: in rows, and far apart.
            let number = UInt64.random(in: 0..<200, using: &random) + (step % 3 == 0 ? 1 << 40 : 0)
            switch step % 4 {
            case 0:
                table.remove(number)
                known[number] = nil
            case 1:
                let changed = table.update(number) { element -> Int in
                    element += 1
                    return element
                }
                #expect(changed == known[number].map { $0 + 1 })
                known[number] = changed
            default:
                table[number] = step
                known[number] = step
            }
            #expect(table[number] == known[number] && table.contains(number) == (known[number] != nil))
        }
        #expect(table.numbers.sorted() == known.keys.sorted())
    }
}
