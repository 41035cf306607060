import Foundation
package import Model

/// The energy counters of the node's processors and memory (RAPL, as Linux's powercap framework shows it), and how busy its
/// processors were meanwhile. Reading needs root.
///
/// Packages and what counts memory (`dram`) are added; cores and graphics are parts of their package, and `psys` is all of
/// them together.
package final class NodeEnergy {
    private struct Zone {
        let path: String
        let name: String
        /// The counter begins anew behind it, in microjoules.
        let range: UInt64
        var last: UInt64
    }

    private var zones: [Zone]
    private let processorTimes: String
    private let firstBusy: Double
    /// In joules, since the beginning.
    private var joules = 0.0

    /// Nil where the node has no counters, or does not let them be read.
    package init?(folder: String = "/sys/class/powercap", processorTimes: String = "/proc/stat") {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        zones = names.compactMap { zone in
            let path = "\(folder)/\(zone)"
            guard zone.hasPrefix("intel-rapl:"), let name = Self.text("\(path)/name"),
                name.hasPrefix("package-") || name == "dram", let range = Self.number("\(path)/max_energy_range_uj"),
                let first = Self.number("\(path)/energy_uj")
            else { return nil }
            return Zone(path: path, name: name, range: range, last: first)
        }
        guard zones.contains(where: { $0.name != "dram" }), let busy = ProcessorTimes(path: processorTimes)?.busy else {
            return nil
        }
        (self.processorTimes, firstBusy) = (processorTimes, busy)
    }

    private static func text(_ path: String) -> String? {
        (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func number(_ path: String) -> UInt64? { text(path).flatMap { UInt64($0) } }

    /// Has to be called more often than a counter goes round: within a minute.
    package func look() {
        for index in zones.indices {
            guard let now = Self.number("\(zones[index].path)/energy_uj") else { continue }
            let last = zones[index].last
            // The kernel counts from 0 to the range and then from 0.
            joules += Double(now >= last ? now - last : now + zones[index].range - last) / 1e6
            zones[index].last = now
        }
    }

    /// What was measured until now.
    package func reading() -> NodeEnergyReading? {
        look()
        guard let busy = ProcessorTimes(path: processorTimes)?.busy else { return nil }
        return NodeEnergyReading(joules: joules, busySeconds: busy - firstBusy, counters: zones.map(\.name))
    }
}

package struct NodeEnergyReading: Hashable, Sendable {
    /// Of the whole node.
    package var joules: Double
    /// Of all its processors together.
    package var busySeconds: Double
    package var counters: [String]

    package init(joules: Double, busySeconds: Double, counters: [String]) {
        (self.joules, self.busySeconds, self.counters) = (joules, busySeconds, counters)
    }

    /// The energy of a request of a domain that used `cpuUsed` cores of the node for `seconds`: by its part of what the
    /// processors did, of what the node used above `idle` watts. Nil when nothing was done.
    package func estimate(
        cpuUsed: Double, throughput: Double, over seconds: Double, idle: Double?
    ) -> EnergyEstimate? {
        guard throughput > 0, seconds > 0, busySeconds > 0 else { return nil }
        let share = min(1, cpuUsed * seconds / busySeconds)
        let used = max(0, joules - (idle ?? 0) * seconds)
        let below = idle.map { "above \(Format.significant($0)) W at rest" } ?? "idle power included"
        return EnergyEstimate(
            joulesPerRequest: used * share / (throughput * seconds),
            model: "RAPL (\(counters.joined(separator: ", "))): \(Format.significant(joules)) J of the node in "
                + "\(Format.significant(seconds)) s, \(below), by the domain's \(Format.percent(share)) of the processors' work"
        )
    }
}
