import Foundation
import Glibc
import Model
import OperatingSystem

/// The frequencies that the kernel keeps cores of this machine to (Documentation/admin-guide/pm/cpufreq.rst), in hertz.
package struct CoreFrequencies: Sendable {
    /// What one core may be run at.
    package struct Bounds: Sendable, Hashable {
        package var lowest: Double
        package var highest: Double
    }

    private let folder: String

    /// `folder` has the kernel's cores, `cpu0` and so on.
    package init(folder: String = "/sys/devices/system/cpu") { self.folder = folder }

    /// The highest that any of these cores may be run at now.
    package func highest(of cores: Set<Int>) throws -> Double {
        try cores.map { try bounds(of: $0).highest }.max() ?? 0
    }

    package func bounds(of core: Int) throws -> Bounds {
        Bounds(lowest: try read("scaling_min_freq", core), highest: try read("scaling_max_freq", core))
    }

    /// Runs these cores at this frequency, and reads it back.
    package func set(_ hertz: Double, of cores: Set<Int>, for domain: String) throws {
        for core in cores.sorted() {
            try set(Bounds(lowest: hertz, highest: hertz), of: core)
            let found = try bounds(of: core)
            for value in [found.lowest, found.highest]
            where !Resource.frequency.agrees(.number(value), with: .number(hertz)) {
                throw AllocationError.notTaken(
                    .frequency, domain: domain, wanted: .number(hertz), found: .number(value))
            }
        }
    }

    /// The kernel refuses a lowest above the highest at any moment between.
    package func set(_ bounds: Bounds, of core: Int) throws {
        try write(try read("cpuinfo_min_freq", core), "scaling_min_freq", core)
        try write(bounds.highest, "scaling_max_freq", core)
        try write(bounds.lowest, "scaling_min_freq", core)
    }

    private func file(_ name: String, _ core: Int) -> String { "\(folder)/cpu\(core)/cpufreq/\(name)" }

    private func read(_ name: String, _ core: Int) throws -> Double {
        let text = try? String(contentsOfFile: file(name, core), encoding: .utf8)
        guard let kilohertz = text.flatMap({ Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }) else {
            throw AllocationError.lacking(
                .frequency,
                reason:
                    "core \(core) has no \(file(name, core)); it takes a kernel with cpufreq and a driver for these "
                    + "processors, which virtual machines mostly have not; leave out the axis 'frequency'")
        }
        return kilohertz * 1000
    }

    private func write(_ hertz: Double, _ name: String, _ core: Int) throws {
        let descriptor = try Descriptor.open(file(name, core), O_WRONLY | O_TRUNC)
        try descriptor.writeAll(Array("\(Int(hertz / 1000))\n".utf8))
    }
}

extension CoreFrequencies {
    /// What some cores are at, as one text for the journal: a line for each with its number and both bounds in hertz.
    package func text(of cores: Set<Int>) throws -> String {
        try cores.sorted().map { core in
            let bounds = try bounds(of: core)
            return "\(core) \(Int(bounds.lowest)) \(Int(bounds.highest))"
        }.joined(separator: "\n")
    }

    /// Puts cores back to what the text says. A core that is offline now is none to put back.
    package func restore(_ text: String) throws {
        for line in text.split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 3, (try? bounds(of: numbers[0])) != nil else { continue }
            try set(Bounds(lowest: Double(numbers[1]), highest: Double(numbers[2])), of: numbers[0])
        }
    }
}
