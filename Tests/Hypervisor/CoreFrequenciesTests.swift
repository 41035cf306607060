import Foundation
import Hypervisor
import Model
import Testing

/// A folder of cores like the kernel's, whose files take whatever is written.
@Suite final class CoreFrequenciesTests {
    private let folder = NSTemporaryDirectory() + "whatif-cores-\(UInt64.random(in: 0 ... .max))"

    init() throws {
        for core in 0..<2 {
            let cpufreq = "\(folder)/cpu\(core)/cpufreq"
            try FileManager.default.createDirectory(atPath: cpufreq, withIntermediateDirectories: true)
            for (name, kilohertz) in [
                ("cpuinfo_min_freq", 800_000), ("scaling_min_freq", 900_000 + core), ("scaling_max_freq", 3_600_000),
            ] {
                try "\(kilohertz)\n".write(toFile: "\(cpufreq)/\(name)", atomically: false, encoding: .utf8)
            }
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func file(_ name: String, _ core: Int) throws -> String {
        try String(contentsOfFile: "\(folder)/cpu\(core)/cpufreq/\(name)", encoding: .utf8)
    }

    @Test func coresAreSetAndPutBack() throws {
        let frequencies = CoreFrequencies(folder: folder)
        #expect(try frequencies.highest(of: [0, 1]) == 3.6e9)
        let before = try frequencies.text(of: [1, 0])
        #expect(before == "0 900000000 3600000000\n1 900001000 3600000000")
        try frequencies.set(1.8e9, of: [0, 1], for: "app1")
        for core in 0..<2 {
            #expect(try file("scaling_min_freq", core) == "1800000\n" && file("scaling_max_freq", core) == "1800000\n")
        }
        // Twice is once, and what cannot be a core is none.
        for text in [before, before, "x\n7 1 2\n", ""] { try frequencies.restore(text) }
        #expect(try frequencies.text(of: [0, 1]) == before)
        #expect(try file("scaling_min_freq", 1) == "900001\n" && file("scaling_max_freq", 1) == "3600000\n")
    }

    /// A device that takes everything and keeps nothing.
    @Test func whatTheKernelDidNotTakeIsAnError() throws {
        let path = "\(folder)/cpu0/cpufreq/scaling_max_freq"
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/null")
        #expect(throws: AllocationError.self) {
            try CoreFrequencies(folder: folder).set(1.8e9, of: [0], for: "app1")
        }
    }

    @Test func whereThereAreNoneItIsSaid() throws {
        let error = #expect(throws: AllocationError.self) { try CoreFrequencies(folder: folder).bounds(of: 2) }
        guard case .lacking(.frequency, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("\(folder)/cpu2/cpufreq/scaling_min_freq") && reason.contains("leave out the axis"))
    }
}
