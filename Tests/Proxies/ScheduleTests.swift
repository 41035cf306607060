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

    /// As a replay uses it: what comes is mostly later than what waits, and is taken while more comes.
    @Test(arguments: [0, 1, 20, 400]) func whatComesWhileOthersAreTakenFindsItsPlace(disorder: Int64) {
        var random = SeededGenerator(11)
        var schedule = Schedule<Int>()
        var waiting: [(due: Int64, number: Int)] = []
        for number in 0..<3000 {
            let due = Int64(number) * 3 + Int64.random(in: -disorder...disorder, using: &random)
            schedule.insert(number, due: Timestamp(nanoseconds: due))
            waiting.append((due, number))
            guard number % 7 == 0 else { continue }
            waiting.sort { ($0.due, $0.number) < ($1.due, $1.number) }
            let now = Int64(number) * 3 - 150
            var found: [Int] = []
            while let taken = schedule.popFirst(by: Timestamp(nanoseconds: now)) { found.append(taken) }
            #expect(found == waiting.prefix { $0.due <= now }.map(\.number))
            waiting.removeAll { $0.due <= now }
            #expect(schedule.nextDue == waiting.first.map { Timestamp(nanoseconds: $0.due) })
            #expect(schedule.count == waiting.count)
        }
    }
}
