import TestSupport
import Testing
import Wire

/// What goes in first comes out first, whatever is asked of the queue in between.
@Suite struct QueueTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>) func agreesWithAnArray(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        var (queue, array) = (Queue<String>(), [String]())
        for number in 0..<2000 {
            // Phases that fill it and phases that empty it.
            let filling = number / 100 % 2 == 0 ? 6 : 3
            switch Int.random(in: 0..<10, using: &random) {
            case 0 where Int.random(in: 0..<50, using: &random) == 0:
                queue.removeAll()
                array.removeAll()
            case 1: #expect(queue.popLast() == array.popLast())
            case 2..<filling + 2:
                queue.append("\(number)")
                array.append("\(number)")
            default: #expect(queue.popFirst() == (array.isEmpty ? nil : array.removeFirst()))
            }
            #expect(queue.count == array.count && queue.isEmpty == array.isEmpty)
            #expect(queue.first == array.first && queue.last == array.last)
        }
    }
}
