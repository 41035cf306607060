import Model
import Proxies
import TestSupport
import Testing

@Suite struct ScheduleTests {
    /// Against sorting, which keeps equals in their order.
    @Test func whatIsDueComesInOrder() {
        var random = SeededGenerator(7)
        for count in [0, 1, 2, 3, 10, 100, 1000] {
            let dues = (0..<count).map { _ in Int64.random(in: 0..<50, using: &random) }
            var schedule = Schedule<Int>()
            for (number, due) in dues.enumerated() { schedule.insert(number, due: Timestamp(nanoseconds: due)) }
            #expect(schedule.count == count)
            let expected = dues.enumerated().sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }
            var found: [Int] = []
            while let number = schedule.popFirst(by: Timestamp(nanoseconds: 24)) { found.append(number) }
            #expect(found == expected.filter { $0.element <= 24 }.map(\.offset))
            #expect(schedule.nextDue == expected.first { $0.element > 24 }.map { Timestamp(nanoseconds: $0.element) })
            while let number = schedule.popFirst(by: .distantFuture) { found.append(number) }
            #expect(found == expected.map(\.offset) && schedule.isEmpty)
        }
    }
}
