import Foundation
import Glibc
import Model
import Telemetry
import Testing

/// Folders like the kernel's, in which the counters are moved.
@Suite final class NodeEnergyTests {
    private let folder = NSTemporaryDirectory() + "whatif-rapl-\(UInt64.random(in: 0 ... .max))"

    init() throws {
        for (zone, name, range, energy) in [
            ("intel-rapl:0", "package-0", 1_000_000_000, 999_000_000), ("intel-rapl:0:0", "core", 1_000_000_000, 5),
            ("intel-rapl:0:1", "dram", 65_000_000, 1_000_000), ("intel-rapl:1", "package-1", 1_000_000_000, 0),
            ("intel-rapl:2", "psys", 1_000_000_000, 7),
        ] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(zone)", withIntermediateDirectories: true)
            try write(name, "\(zone)/name")
            try write("\(range)", "\(zone)/max_energy_range_uj")
            try write("\(energy)", "\(zone)/energy_uj")
        }
        try write("cpu  100 0 100 9000 50 0 0 0 40 0\ncpu0 1 1 1 1", "stat")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func write(_ text: String, _ file: String) throws {
        try (text + "\n").write(toFile: "\(folder)/\(file)", atomically: false, encoding: .utf8)
    }

    private var energy: NodeEnergy? { NodeEnergy(folder: folder, processorTimes: "\(folder)/stat") }

    @Test func countersAreAddedAndGoRound() throws {
        let energy = try #require(energy)
        // 3 J of package 0 across its end, 2 J of the memory, 10 J of package 1; what is in them or over them does not count.
        try write("2000000", "intel-rapl:0/energy_uj")
        try write("999999999", "intel-rapl:0:0/energy_uj")
        try write("999999999", "intel-rapl:2/energy_uj")
        energy.look()
        try write("3000000", "intel-rapl:0:1/energy_uj")
        try write("10000000", "intel-rapl:1/energy_uj")
        let ticks = Int(sysconf(CInt(_SC_CLK_TCK)))
        // Guests' time is the users' already.
        try write("cpu  \(100 + 3 * ticks) 0 \(100 + ticks) 99999 80 0 0 0 9999 0", "stat")
        let reading = try #require(energy.reading())
        #expect(abs(reading.joules - 15) < 1e-9 && abs(reading.busySeconds - 4) < 1e-9)
        #expect(reading.counters == ["package-0", "dram", "package-1"])
    }

    @Test func aDomainHasItsPartOfTheWork() throws {
        let reading = NodeEnergyReading(joules: 100, busySeconds: 8, counters: ["package-0"])
        // A quarter of the work of ten seconds, by 50 requests.
        let all = try #require(reading.estimate(cpuUsed: 0.2, throughput: 5, over: 10, idle: nil))
        #expect(abs(all.joulesPerRequest - 0.5) < 1e-9)
        #expect(all.model.contains("RAPL (package-0): 100 J") && all.model.contains("25%"))
        let above = try #require(reading.estimate(cpuUsed: 0.2, throughput: 5, over: 10, idle: 4))
        #expect(abs(above.joulesPerRequest - 0.3) < 1e-9 && above.model.contains("above 4.00 W at rest"))
        #expect(reading.estimate(cpuUsed: 0.2, throughput: 0, over: 10, idle: nil) == nil)
    }

    @Test func withoutCountersThereIsNoMeter() throws {
        #expect(NodeEnergy(folder: folder + "/none", processorTimes: "\(folder)/stat") == nil)
        for zone in ["intel-rapl:0", "intel-rapl:1"] { try FileManager.default.removeItem(atPath: "\(folder)/\(zone)") }
        #expect(energy == nil)
    }
}
