import TestSupport
import Testing

@testable import Proxies

@Suite struct WakeLeadTests {
    /// Waits that take 30 to 70 µs longer than asked, one in twenty of them, of a machine that was busy, 5 ms: the lead is
    /// the median, in some hundred waits.
    @Test func theLeadIsTheMedianOfWhatWaitsTookLonger() {
        var random = SeededGenerator(1)
        var lead = WakeLead()
        var seen: [Int64] = []
        for number in 0..<3_000 {
            let overshoot = number.isMultiple(of: 20) ? 5_000_000 : Int64.random(in: 30_000...70_000, using: &random)
            lead.note(overshoot: overshoot)
            if number >= 500 { seen.append(lead.nanoseconds) }
        }
        #expect(seen.allSatisfy { (44_000...60_000).contains($0) })
    }

    @Test func itFollowsAMachineThatWakesSooner() {
        var lead = WakeLead()
        for _ in 0..<1_000 { lead.note(overshoot: 60_000) }
        #expect((59_500...60_500).contains(lead.nanoseconds))
        for _ in 0..<1_000 { lead.note(overshoot: 3_000) }
        #expect((2_500...3_500).contains(lead.nanoseconds))
    }

    /// Neither does a machine that is always busy make a thread spin, nor a wait that ended early make it late.
    @Test func itHasBounds() {
        var lead = WakeLead()
        for _ in 0..<10_000 { lead.note(overshoot: 20_000_000) }
        #expect(lead.nanoseconds == WakeLead.bound)
        for _ in 0..<10_000 { lead.note(overshoot: -1_000) }
        #expect(lead.nanoseconds == 0)
    }
}
