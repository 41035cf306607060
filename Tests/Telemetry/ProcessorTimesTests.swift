import Foundation
import Glibc
import Telemetry
import Testing

@Suite struct ProcessorTimesTests {
    @Test func whatTheHostKeepsIsToldApart() throws {
        let path = NSTemporaryDirectory() + "whatif-stat-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let ticks = Double(sysconf(CInt(_SC_CLK_TCK)))
        // user nice system idle iowait irq softirq steal guest guest_nice, as proc(5) has them.
        try "cpu  300 100 200 9000 50 10 90 60 40 0\ncpu0 1 1 1 1\n".write(
            toFile: path, atomically: false, encoding: .utf8)
        let times = try #require(ProcessorTimes(path: path))
        #expect(times == ProcessorTimes(busy: 700 / ticks, stolen: 60 / ticks))
        #expect(times.shareStolen(since: times) == 0)
        #expect(ProcessorTimes(busy: 10, stolen: 3).shareStolen(since: ProcessorTimes(busy: 1, stolen: 0)) == 0.25)
        try "intr 1 2 3\n".write(toFile: path, atomically: false, encoding: .utf8)
        #expect(ProcessorTimes(path: path) == nil && ProcessorTimes(path: path + "-missing") == nil)
        let now = try #require(ProcessorTimes())
        #expect(now.busy > 0 && now.stolen >= 0)
    }
}
